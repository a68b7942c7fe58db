package cache

import (
	"strings"
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/store"
)

// ban puts an expression into the store's list. It means the objects of the
// partition alone, when that is not "".
func (k *strike) ban(e *bans.Expression, partition string) error {
	text := e.String() // without what follows
	if tenant, ok := strings.CutPrefix(partition, "tenant/"); ok {
		e = e.Within(tenant)
	} else if vhost, ok := strings.CutPrefix(partition, "vhost/"); ok {
		e = e.WithinHost(vhost)
	}
	defer k.tell(k.s.caches.relay.Load(), strikeBan, []byte(text))
	if _, err := k.s.bans.Add(e, k.soft, time.Unix(0, k.now)); err != nil {
		return err
	}
	k.s.saveBans()
	if d := k.s.disk.Load(); d != nil {
		k.s.walkDisk(d)
	}
	return nil
}

// view shows an object to bans.
func (s *Store) view(o *store.Object) *banned {
	b := &banned{o: o, m: o.Meta()}
	o.Head(&b.h)
	for _, p := range s.memory.Partitions() {
		if p.ID() == o.PartitionID() {
			b.tenant, b.vhost = owner(p.Name())
		}
	}
	return b
}

// owner splits a partition's name.
func owner(partition string) (tenant, vhost string) {
	if t, ok := strings.CutPrefix(partition, "tenant/"); ok {
		return t, ""
	}
	return "", strings.TrimPrefix(partition, "vhost/")
}

// applyBans tests an object that was looked up against the bans that it has not
// met, and returns nil when one of them takes it away.
func (s *Store) applyBans(o *store.Object, now int64) *store.Object {
	verdict, number := s.bans.Test(s.view(o))
	if s.banish(o, verdict, number, now) {
		return o
	}
	o.Unpin()
	return nil
}

// banish does what a verdict says, and reports whether the object stays.
func (s *Store) banish(o *store.Object, verdict bans.Verdict, number uint32, now int64) bool {
	if verdict != bans.Keep {
		s.strikeDisk(o, verdict == bans.Expire)
		o.Expire(verdict == bans.Expire, now)
	}
	if verdict == bans.Remove {
		return false
	}
	o.SetBan(number)
	return true
}

// walk lets the lurker see the objects of a store.
type walk struct {
	s      *Store
	cursor store.Cursor
}

// Visit implements bans.Walk.
func (w *walk) Visit(n int, test func(o bans.Object) (bans.Verdict, uint32)) (end bool) {
	now := w.s.caches.clock().UnixNano()
	more := w.s.memory.Each(nil, &w.cursor, n, func(o *store.Object) bool {
		verdict, number := test(w.s.view(o))
		w.s.banish(o, verdict, number, now)
		return true
	})
	if !more {
		w.cursor = store.Cursor{}
	}
	return !more
}

// lurk lets the lurker take about n steps.
func (s *Store) lurk(n int) {
	before := len(s.bans.Bans())
	if s.bans.Lurk(&s.walk, n) > 0 && len(s.bans.Bans()) != before {
		s.saveBans()
	}
}
