package cache

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/model"
)

// A diskTier is the second tier of a store: what was complete in memory is
// there too, and outlives the process.
type diskTier struct {
	tier  *disk.Tier
	path  string
	tasks sync.WaitGroup // loads into memory, and the walk
	ended bool           // no task begins any more; guarded by mu

	// Bans: every object on the disk has met those up to passed. A walk takes the
	// newest hold, strikes what newer bans mean, and gives the old one back.
	mu      sync.Mutex
	passed  bans.Hold
	walking bool
	again   bool // a ban came while walking
	quit    context.Context
	stop    context.CancelFunc
}

// Bounds of the disk's work.
const (
	promoteAtOnce = 1 << 20 // bytes of a body that is read whole before it answers
	flushTime     = 5 * time.Second
	walkStep      = 256 // objects between two looks at whether to stop
)

// openDisk prepares the disk that the configuration gives the store.
func (u *Update) openDisk(s *Store, m *model.Cache) error {
	d := s.disk.Load()
	if m.Disk == nil || d != nil && d.path == m.Disk.Path {
		return nil
	}
	tier, err := disk.Open(disk.Options{Path: m.Disk.Path, Size: m.Disk.Size, Logger: u.c.logger})
	if err != nil {
		return err
	}
	d = &diskTier{tier: tier, path: m.Disk.Path}
	d.quit, d.stop = context.WithCancel(context.Background())
	if u.disks == nil {
		u.disks = make(map[*Store]*diskTier)
	}
	u.disks[s] = d
	return nil
}

func (u *Update) abortDisks() {
	for _, d := range u.disks {
		d.close(u.c)
	}
}

// commitDisks gives the stores their disks.
func (u *Update) commitDisks() {
	for _, m := range u.declare {
		s := u.stores[m.Name]
		d, was := u.disks[s], s.disk.Load()
		switch {
		case d != nil:
			s.restoreBans(d)
			s.disk.Store(d)
			s.walkDisk(d)
		case m.Disk == nil:
			s.disk.Store(nil)
		case was != nil:
			if err := was.tier.Resize(m.Disk.Size); err != nil {
				u.c.logger.Warn("resize disk of cache", "cache", m.Name, "error", err)
			}
			was = nil
		}
		if was != nil {
			u.c.tidies.Go(func() { was.discard(u.c) }) // requests may still read from it
		}
		if d = s.disk.Load(); d != nil {
			for _, p := range u.parts {
				d.tier.SetQuota(p.Name, p.Quota)
			}
		}
	}
}

// restoreBans takes the bans of an earlier process over, before anything of the
// disk is served.
func (s *Store) restoreBans(d *diskTier) {
	d.passed = s.bans.Hold() // what follows has not met what is on the disk
	text, err := d.tier.LoadBans()
	if err != nil || text == nil {
		return
	}
	old := bans.New(bans.DefaultLimit)
	if err := old.Restore(text); err != nil {
		s.caches.logger.Warn("restore bans", "cache", s.name, "error", err)
		return
	}
	for _, b := range slices.Backward(old.Bans()) {
		if _, err := s.bans.Add(b.Expression, b.Soft, time.Unix(0, b.Added)); err != nil {
			s.caches.logger.Warn("restore ban", "cache", s.name, "ban", b.Expression.String(), "error", err)
		}
	}
}

// saveBans keeps the list for the next process.
func (s *Store) saveBans() {
	if d := s.disk.Load(); d != nil {
		if err := d.tier.PutBans(s.bans.AppendState(nil)); err != nil && !errors.Is(err, disk.ErrOff) {
			s.caches.logger.Warn("save bans", "cache", s.name, "error", err)
		}
	}
}

// walkDisk strikes what the bans mean on the disk, behind.
func (s *Store) walkDisk(d *diskTier) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.walking {
		d.again = true
		return
	}
	if stats := s.bans.Stats(s.caches.clock()); stats.Bans == 0 {
		return
	}
	if d.ended {
		return
	}
	d.walking = true
	d.tasks.Go(func() {
		for more := true; more; {
			s.walkOnce(d)
			d.mu.Lock()
			more = d.again && d.quit.Err() == nil
			d.again, d.walking = false, more
			d.mu.Unlock()
		}
	})
}

// walkOnce tests every object on the disk, and moves what has passed on.
func (s *Store) walkOnce(d *diskTier) {
	next := s.bans.Hold()
	if err := d.tier.Flush(d.quit); err != nil { // what is queued is not in the index yet
		next.Release()
		return
	}
	for cursor, first := "", true; first || cursor != ""; first = false {
		var list []disk.Entry
		var err error
		cursor, err = d.tier.Each(d.quit, disk.All, cursor, walkStep, func(e *disk.Entry) bool {
			list = append(list, disk.Entry{Partition: e.Partition, Key: append([]byte(nil), e.Key...), Vary: append([]byte(nil), e.Vary...)})
			return true
		})
		if err != nil {
			next.Release() // the bans stay until a walk comes to its end
			return
		}
		for i := range list {
			s.testOnDisk(d, &list[i])
		}
	}
	d.mu.Lock()
	d.passed, next = next, d.passed
	d.mu.Unlock()
	next.Release()
}

// testOnDisk strikes one object if a ban means it.
func (s *Store) testOnDisk(d *diskTier, e *disk.Entry) {
	found, err := d.tier.Get(d.quit, e.Partition, e.Key, func(_ *store.Meta, vary []byte) bool { return string(vary) == string(e.Vary) })
	if err != nil || found == nil {
		return
	}
	defer found.Close()
	b := &banned{m: found.Meta, key: e.Key, length: found.Length, number: d.number()}
	b.tenant, b.vhost = owner(e.Partition)
	found.Head(&b.h)
	found.Tags(func(tag []byte) bool { b.tags = append(b.tags, string(tag)); return true })
	if verdict, _ := s.bans.Test(b); verdict != bans.Keep {
		_, _ = d.tier.Purge(d.quit, e.Partition, disk.Key(e.Key), verdict == bans.Expire) // a tier that is off serves nothing
	}
}

// number is that of the newest ban that all of the disk has passed.
func (d *diskTier) number() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed.Number()
}

// close ends the tier's work, after what was offered is written.
func (d *diskTier) close(c *Caches) {
	d.flush(c)
	d.end(c, d.tier.Close)
}

// discard ends the work of a tier that the configuration took away. Nothing in
// its directory is believed again: no purge reaches it from now on.
func (d *diskTier) discard(c *Caches) { d.end(c, d.tier.Discard) }

func (d *diskTier) flush(c *Caches) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := d.tier.Flush(ctx); err != nil && !errors.Is(err, disk.ErrOff) {
		c.logger.Warn("flush disk of cache", "path", d.path, "error", err)
	}
}

// end awaits the tier's tasks and closes it.
func (d *diskTier) end(c *Caches, closeTier func() error) {
	d.stop()
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.tasks.Wait()
	if err := closeTier(); err != nil {
		c.logger.Warn("close disk of cache", "path", d.path, "error", err)
	}
}

// closeDisk takes the disk from the store and ends it in that manner.
func (s *Store) closeDisk(end func(*diskTier, *Caches)) {
	if d := s.disk.Swap(nil); d != nil {
		end(d, s.caches)
	}
}

// strikeDisk does to the disk's copies of an object's key what a ban did to it.
func (s *Store) strikeDisk(o *store.Object, soft bool) {
	if d := s.disk.Load(); d != nil {
		_, _ = d.tier.Purge(d.quit, s.partitionName(o), disk.Key(o.KeyText()), soft) // a tier that is off serves nothing
	}
}

// forgetDisk gives up the disk's copies of a key whose object in memory is gone
// or was found to be outdated, for another reason than a purge.
func (c *claim) forgetDisk(text []byte) {
	if d := c.policy.store.disk.Load(); d != nil {
		d.tier.Forget(c.policy.part.Name(), text)
	}
}

// partitionName is the name of an object's partition.
func (s *Store) partitionName(o *store.Object) string {
	for _, p := range s.memory.Partitions() {
		if p.ID() == o.PartitionID() {
			return p.Name()
		}
	}
	return ""
}

// offerDisk hands a complete object to the disk; parts stay in memory.
func (s *Store) offerDisk(partition string, o *store.Object) {
	if d := s.disk.Load(); d != nil && o.Meta().Flags&flagPartial == 0 {
		d.tier.Offer(partition, o)
	}
}

// fromDisk looks for the object on the disk and brings it into memory. A large
// one is returned at once and grows; nil when there is none, or when another
// request is bringing it.
func (v *Visit) fromDisk() *store.Object {
	d := v.policy.store.disk.Load()
	if d == nil {
		return nil
	}
	found, err := d.tier.Get(d.quit, v.policy.part.Name(), v.text, func(_ *store.Meta, vary []byte) bool {
		return rules.MatchVary(vary, v.req, &v.policy.rules)
	})
	if err != nil || found == nil {
		return nil
	}
	t := times(&found.Meta)
	// What grows cannot be confirmed by a 304.
	u := rules.Reuse(&v.policy.rules, &v.directives, &t, v.now)
	if u.Kind > rules.Revalidate || u.Kind == rules.Revalidate && found.Length > promoteAtOnce {
		found.Close()
		return nil
	}
	// An object without its body must not be renewed: a stale one comes into memory.
	if u.Kind == rules.Hit && v.fileable && found.Length > promoteAtOnce && v.portion.kind == entire && !v.policy.rewrites() {
		return v.fromFile(d, found)
	}
	l := &load{d: d, found: found, s: v.policy.store, flight: &Flight{since: v.since}}
	if found.Length > promoteAtOnce {
		var lead bool
		if l.flight, lead = v.policy.store.flights.join(v.key); !lead {
			found.Close()
			return nil
		}
		l.flight.since = v.since
	}
	if !l.begin(v) {
		l.flight.settle(failed)
		found.Close()
		return nil
	}
	o := l.object
	o.Pin()
	if found.Length <= promoteAtOnce {
		if !l.run() {
			o.Unpin()
			return nil
		}
		return o
	}
	v.loading = l.flight
	l.flight.carry(o)
	d.begin(func() { l.run() })
	return o
}

// begin runs a load behind; it runs at once when the tier is being closed, for
// somebody waits for it.
func (d *diskTier) begin(task func()) {
	d.mu.Lock()
	ended := d.ended
	if !ended {
		d.tasks.Go(task)
	}
	d.mu.Unlock()
	if ended {
		task()
	}
}

// fromFile returns an object that has the head alone: the body goes out of the
// file, after its checksums were compared once.
func (v *Visit) fromFile(d *diskTier, found *disk.Found) *store.Object {
	l := &load{d: d, found: found, s: v.policy.store}
	m := found.Meta
	m.Total = found.Length
	file, _ := found.File()
	if file == nil {
		if err := found.Verify(d.quit); err == nil {
			file, _ = found.File()
		}
	}
	if file == nil || !l.beginWith(v, &m, 0) {
		found.Close()
		return nil
	}
	l.object.Finish()
	v.found = found
	return l.object
}

// A load copies an object from the disk into memory.
type load struct {
	d      *diskTier
	s      *Store
	found  *disk.Found
	flight *Flight
	object *store.Object // pinned until run ends
}

// begin makes the object, without its body.
func (l *load) begin(v *Visit) bool { return l.beginWith(v, &l.found.Meta, l.found.Length) }

func (l *load) beginWith(v *Visit, m *store.Meta, length int64) bool {
	var head message.Header
	l.found.Head(&head)
	var tags [][]byte
	l.found.Tags(func(tag []byte) bool { tags = append(tags, tag); return true })
	p := v.policy
	o, err := l.s.memory.Begin(p.part, v.key, m, &store.Parts{Key: v.text, Vary: l.found.Vary(), Head: &head, Tags: tags}, length)
	if err != nil {
		return false
	}
	o.SetBan(l.d.number())
	l.object = o
	return true
}

// run copies the body and makes the object findable.
func (l *load) run() bool {
	o, whole := l.object, true
	buf := make([]byte, min(l.found.Length, 128<<10))
	for at := int64(0); at < l.found.Length && whole; {
		n, err := l.found.ReadAt(buf[:min(int64(len(buf)), l.found.Length-at)], at)
		whole = (err == nil || int64(n) == l.found.Length-at) && n > 0 && l.flight.Append(o, buf[:n])
		at += int64(n)
	}
	live := false
	if whole {
		o.Finish()
		if !l.flight.over {
			o.Publish()
		}
		if live = l.found.Live(); !live {
			o.Remove()
		}
		l.flight.settle(landed)
	} else {
		o.Abort()
		l.flight.settle(failed)
	}
	o.Unpin()
	l.found.Close()
	return whole && live
}
