package cache

import (
	"context"
	"time"

	"fishplate/internal/cache/store"
)

// Values keeps small texts that tenants' programs name themselves, in the
// tenants' partitions: they count against the same quotas, and purges of tags
// and of partitions find them.
type Values struct{ c *Caches }

// Values returns the estate's values.
func (c *Caches) Values() Values { return Values{c} }

// valueMark begins the key of a value. No key of a request begins with it.
const valueMark = 0

func valueKey(key []byte) []byte {
	return append(append(make([]byte, 0, 8+len(key)), valueMark, 'v'), key...)
}

// home returns the store that has a tenant's values: that of the tenant's own
// policy, else the first by name. It is nil where there is none.
func (v Values) home(tenant string) (*Store, *store.Partition) {
	name := "tenant/" + tenant
	v.c.mu.Lock()
	s := v.c.stores[v.c.homes[name]]
	v.c.mu.Unlock()
	if s == nil {
		all := v.c.all()
		if len(all) == 0 {
			return nil, nil
		}
		s = all[0]
	}
	return s, s.memory.Partition(name)
}

// whole matches complete values.
type whole struct{}

func (whole) Match(o *store.Object) bool { return o.Complete() }

// Get appends a value to dst when there is one that is fresh or within its
// grace.
func (v Values) Get(tenant string, key, dst []byte) ([]byte, bool) {
	s, p := v.home(tenant)
	if s == nil {
		return dst, false
	}
	text := valueKey(key)
	o := s.memory.Lookup(p, store.KeyOf(p.ID(), text), text, whole{})
	if o == nil {
		return dst, false
	}
	now := v.c.clock().UnixNano()
	if !s.bans.Passed(o.Ban()) {
		if o = s.applyBans(o, now); o == nil {
			return dst, false
		}
	}
	defer o.Unpin()
	m := o.Meta()
	if now-m.Born >= m.Fresh+m.Grace {
		return dst, false
	}
	n := o.Available()
	for at := int64(0); at < n; {
		piece := o.Segment(at)
		if len(piece) == 0 {
			return dst, false
		}
		piece = piece[:min(int64(len(piece)), n-at)]
		dst = append(dst, piece...)
		at += int64(len(piece))
	}
	return dst, true
}

// Put stores a copy of a value; false when there is no store or no room.
func (v Values) Put(tenant string, key, value []byte, ttl, grace time.Duration, tags [][]byte) bool {
	s, p := v.home(tenant)
	if s == nil {
		return false
	}
	// Without its number the bans of before would be found to mean it.
	hold := s.bans.Hold()
	defer hold.Release()
	text, now := valueKey(key), v.c.clock().UnixNano()
	size := int64(len(value))
	m := store.Meta{Status: 200, Born: now, Stored: now, Fresh: int64(ttl), Grace: int64(grace), Total: size}
	o, err := s.memory.Begin(p, store.KeyOf(p.ID(), text), &m, &store.Parts{Key: text, Tags: tags}, size)
	if err != nil {
		return false
	}
	defer o.Unpin()
	for len(value) > 0 {
		n, err := o.Append(value)
		if err != nil || n == 0 {
			o.Abort()
			return false
		}
		value = value[n:]
	}
	o.Finish()
	o.SetBan(hold.Number())
	o.Publish()
	return true
}

// Delete removes a value; false when there is no store.
func (v Values) Delete(tenant string, key []byte) bool {
	s, p := v.home(tenant)
	if s == nil {
		return false
	}
	k := strike{s: s, only: p, now: v.c.clock().UnixNano()}
	_, _ = k.key(context.Background(), valueKey(key)) // a disk that fails turns itself off
	return true
}
