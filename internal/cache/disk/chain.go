package disk

import (
	"context"
	"slices"

	"fishplate/internal/cache/index"
	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A chain is a queue of segments: the one that is written to, and full ones, of
// which the oldest goes when room is needed. Partitions without a quota share
// chain 0. Chains are the writer's.
type chain struct {
	number uint64
	sealed []*segment.Segment // oldest first
	active *segment.Segment
	file   vfs.File // of the active one, for writing
	end    int64    // behind what was appended to the active one, written or not
	taken  int64    // bytes of all files on the disk
}

const (
	segmentMin = 256 << 10
	segmentMax = 256 << 20

	maxSegments = 2048    // of all chains: every start leaves one behind
	spareBytes  = 8 << 20 // what may be copied out of a segment that is dropped
	freeBytes   = 64 << 20
)

// target is how long a segment of the chain grows.
func (w *writer) target(c *chain, quota int64) int64 {
	n := w.tier.size.Load() / 64
	if quota > 0 {
		n = min(n, quota/8)
	}
	return min(max(n, segmentMin), segmentMax)
}

// headroom is what is kept free of the bound for the index to grow by until the
// writer looks again, and for what it writes before it removes while it compacts.
func (t *Tier) headroom() int64 {
	return min(t.size.Load()/16, 64<<20) + t.index.Used()/4
}

// over reports whether n more bytes in segments would break the bound.
func (t *Tier) over(n int64) bool {
	return t.taken.Load()+t.index.Used()+t.headroom()+n > t.size.Load()
}

// room makes room for n bytes in the chain and an active segment that takes
// them. It reports false when there is none.
func (w *writer) room(c *chain, quota, n int64) bool {
	t := w.tier
	n = index.OnDisk(n) + index.Block
	for quota > 0 && c.taken+n > quota {
		if !w.dropOldest(c) {
			return false
		}
	}
	for t.over(n) {
		// When the index is what fills the tier, dropping more does not help:
		// it makes the index larger before it makes it smaller.
		if t.taken.Load() < t.size.Load()/4 {
			t.chore(chore{compact: true})
			return false
		}
		if !w.dropOldest(nil) {
			return false
		}
	}
	if c.active != nil && c.end > segment.StartSize && c.end+n > w.target(c, quota) {
		w.seal(c)
	}
	return t.on() && (c.active != nil || w.begin(c))
}

// fit drops segments until quotas and the bound hold again, after one of them
// changed, and those that nothing lives in.
func (w *writer) fit() {
	t := w.tier
	for _, c := range w.chains {
		if p := t.parts.find(c.number); p != nil && c.number != 0 {
			for q := p.quota.Load(); q > 0 && c.taken > q && w.dropOldest(c); {
			}
		}
		if t.isLoaded() {
			for _, s := range slices.Clone(c.sealed) {
				if s.Live.Load() == 0 {
					w.drop(c, s)
				}
			}
		}
	}
	for t.over(0) && t.taken.Load() >= t.size.Load()/4 && w.dropOldest(nil) {
	}
}

// dropOldest drops the oldest segment of a chain, or of all when c is nil. It
// reports false when there is none.
func (w *writer) dropOldest(c *chain) bool {
	if c == nil {
		for _, o := range w.chains {
			if o.oldest() != nil && (c == nil || o.oldest().ID < c.oldest().ID) {
				c = o
			}
		}
	}
	if c == nil || c.oldest() == nil || !w.tier.on() {
		return false
	}
	if len(c.sealed) == 0 {
		if !w.commit() {
			return false
		}
		w.seal(c)
	}
	w.drop(c, c.sealed[0])
	return true
}

func (c *chain) oldest() *segment.Segment {
	if len(c.sealed) > 0 {
		return c.sealed[0]
	}
	return c.active
}

// begin starts a new segment.
func (w *writer) begin(c *chain) bool {
	t := w.tier
	t.lastSegment++
	s := segment.New(t.dir.fs, t.dir.join(segmentDir), t.lastSegment, c.number)
	f, err := t.dir.fs.Create(s.Path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.off(err)
		return false
	}
	if _, err := f.Write(segment.AppendStart(nil, s.ID, c.number)); err != nil {
		f.Close()
		t.off(err)
		return false
	}
	s.Size.Store(segment.StartSize)
	c.active, c.file, c.end = s, f, segment.StartSize
	w.take(c, index.Block)
	t.shelf.Put(s)
	for n := t.shelf.Count(); n > maxSegments && w.dropOldest(nil); n-- {
	}
	return t.on()
}

// take counts bytes of a chain's files.
func (w *writer) take(c *chain, n int64) {
	c.taken += n
	w.tier.taken.Add(n)
}

// seal ends the active segment.
func (w *writer) seal(c *chain) {
	w.flush()
	if c.active == nil {
		return
	}
	c.file.Close()
	c.sealed = append(c.sealed, c.active)
	c.active, c.file, c.end = nil, nil, 0
}

// drop takes a sealed segment off the disk: first its entries out of the index,
// then the file. What was asked for meanwhile is kept aside, to be written again.
func (w *writer) drop(c *chain, s *segment.Segment) {
	t := w.tier
	w.commit() // entries to come may be of this segment
	c.sealed = slices.DeleteFunc(c.sealed, func(o *segment.Segment) bool { return o == s })
	if err := t.index.Safely(func() error { return w.clean(s) }); err != nil && t.on() {
		t.off(err)
		return
	}
	if s.Live.Load() != 0 || !t.isLoaded() {
		t.chore(chore{sweep: true})
	}
	t.shelf.Remove(s.ID)
	err := t.dir.fs.Remove(s.Path)
	w.take(c, -index.OnDisk(s.Size.Load()))
	s.Unpin()
	t.segmentsGone.Add(1)
	if err != nil {
		t.off(err)
	}
}

// cleanStep is how many records are taken out of the index under one turn.
const cleanStep = 256

// clean takes the records of a segment out of the index.
func (w *writer) clean(s *segment.Segment) error {
	walk := segment.NewWalk(s)
	for {
		e := w.tier.edit()
		n := 0
		for ; n < cleanStep && walk.Next(); n++ {
			if err := w.cleanRecord(e, s, walk); err != nil {
				e.drop()
				return err
			}
		}
		if err := e.commit(); err != nil {
			return err
		}
		if n < cleanStep {
			return nil
		}
	}
}

// cleanRecord takes out one record, and keeps it aside when it was asked for.
func (w *writer) cleanRecord(e *edit, s *segment.Segment, r *segment.Walk) error {
	part := hashName(string(r.Texts.Partition))
	key := objectKey(nil, part, r.Texts.Key)
	var gone *variant
	moved := false
	n, err := e.remove(key, func(v *variant) bool {
		if v.Seq != r.Place.Seq || v.Seg != s.ID {
			moved = moved || v.Seq == r.Place.Seq
			return false
		}
		gone = v
		return true
	})
	if err != nil {
		return err
	}
	// A loss of power may bring back the segment of a record that was spared:
	// the t keys are those of its second life.
	if !moved {
		for tag := range r.Texts.EachTag {
			e.batch.Delete(tagKey(nil, part, tag, r.Place.Seq), nil)
		}
	}
	// A purge at work will not find it in the index any more, so it is judged here.
	if n > 0 && s.WasAsked(r.Place.Off) && judgeBy(w.tier.events.list(), gone.Seq, part, r.Texts.Key, r.Texts.EachTag, &gone.meta) && w.spare(s, r, gone) {
		w.tier.spared.Add(1)
	} else {
		w.tier.evicted.Add(int64(n))
	}
	return nil
}

// spare reads a record into memory, to be written again when the segment is gone.
func (w *writer) spare(s *segment.Segment, r *segment.Walk, v *variant) bool {
	size := int64(r.Place.HeadLen) + r.Place.Length
	if w.spareBytes+size > min(spareBytes, w.tier.size.Load()/128) {
		return false
	}
	raw := make([]byte, size)
	if s.ReadAt(raw, r.Place.Off) != nil {
		return false
	}
	p, _, x, err := segment.ParseHead(raw[:r.Place.HeadLen])
	if err != nil || p != r.Place || !segment.Sound(&x, raw[p.HeadLen:]) {
		return false
	}
	w.spared = append(w.spared, spared{since: w.tier.seq.Load(), meta: v.meta, place: p, texts: x, body: raw[p.HeadLen:]})
	w.spareBytes += size
	return true
}

// A spared record waits for its second life.
type spared struct {
	since uint64 // purges until then were seen
	meta  store.Meta
	place segment.Place
	texts segment.Texts
	body  []byte
}

// syncAll makes all segments durable, that are not.
func (w *writer) syncAll(ctx context.Context) error {
	for _, c := range w.chains {
		for _, s := range c.sealed {
			if err := s.Sync(); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if c.file != nil {
			if err := c.file.SyncData(); err != nil {
				return err
			}
		}
	}
	d := w.tier.dir
	return d.sync(d.join(segmentDir))
}
