package store

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

// dying returns a store of n objects "0", "1", … that have the tag "all", and
// perhaps a quota of its partition, after all were purged and nothing reaped.
func dying(t *testing.T, memory int64, n, size int) (*Store, *Partition) {
	t.Helper()
	s := open(t, memory)
	p := s.Partition("a")
	for i := range n {
		put(t, s, p, fmt.Sprint(i), "", size, "all", fmt.Sprint("own", i)).Unpin()
	}
	before := p.Stats()
	if got := s.PurgeTag(p, []byte("all"), false, 1); int64(got) != before.Objects {
		t.Fatalf("purged %d of %d", got, before.Objects)
	}
	st := s.Stats()
	if st.Objects != 0 || st.Dead != before.Objects || st.Bytes != before.Bytes || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
		t.Fatalf("after the purge: %+v", st)
	}
	s.core.audit()
	return s, p
}

// TestRefillAfterPurge stores the keys anew while the dead still lie there.
func TestRefillAfterPurge(t *testing.T) {
	const n = 1000
	s, p := dying(t, 1<<24, n, 300)
	for i := range n {
		name := fmt.Sprint(i)
		if o := lookup(s, p, name); o != nil {
			t.Fatalf("object %s is found after the purge", name)
		}
		put(t, s, p, name, "", 500, "all").Unpin()
	}
	// A second purge, of those alone, works off some of the first.
	if got := s.PurgeTag(p, []byte("all"), false, 1); got != n {
		t.Errorf("purged %d", got)
	}
	if d := s.Stats().Dead; d < n/2 || d > n {
		t.Errorf("%d dead after two purges", d)
	}
	for i := range n {
		put(t, s, p, fmt.Sprint(i), "", 700, "all").Unpin()
	}
	s.core.audit()
	for s.Reap(1) {
		s.core.audit()
	}
	st := s.Stats()
	if st.Dead != 0 || st.Objects != n || st.Pinned != 0 || s.core.index.count.Load() != n || s.core.tags.count.Load() != 1 {
		t.Errorf("after reaping: %+v, %d entries, %d tags", st, s.core.index.count.Load(), s.core.tags.count.Load())
	}
	for i := range n {
		o := lookup(s, p, fmt.Sprint(i))
		if o == nil || o.Available() != 700 {
			t.Fatalf("object %d is not what was stored last", i)
		}
		o.Unpin()
	}
}

// TestDeadMakeRoom fills a store after a purge: nothing living has to go before
// the dead have gone.
func TestDeadMakeRoom(t *testing.T) {
	for _, limit := range []string{"memory", "quota", "resize"} {
		t.Run(limit, func(t *testing.T) {
			const n = 1500
			s, p := dying(t, 4<<20, n, 1000)
			if s.Stats().Evicted != 0 {
				t.Fatal("the store was too small")
			}
			switch limit {
			case "quota":
				p.SetQuota(p.Stats().Bytes)
			case "resize":
				if err := s.Resize(2 << 20); err != nil {
					t.Fatal(err)
				}
				if st := s.Stats(); st.Used > st.Memory {
					t.Errorf("used %d of %d", st.Used, st.Memory)
				}
			}
			for i := range n {
				if limit == "resize" && i == n/4 {
					break
				}
				put(t, s, p, fmt.Sprint("new", i), "", 1000).Unpin()
			}
			if st := s.Stats(); st.Evicted != 0 || st.Dead == n || st.Used > st.Memory {
				t.Errorf("after filling: %+v", st)
			}
			s.core.audit()
		})
	}
}

// TestDeadAndPinned reads an object on after it was purged and reaped.
func TestDeadAndPinned(t *testing.T) {
	s := open(t, 1<<24)
	p := s.Partition("a")
	const n = 400
	for i := range n {
		put(t, s, p, fmt.Sprint(i), "", 3000, "all").Unpin()
	}
	o := lookup(s, p, "7")
	want := read(o)
	s.PurgeTag(nil, []byte("all"), false, 1)
	o.Remove() // and what else may befall the dead
	o.Expire(false, 1)
	if k := s.PurgeKey(p, o.Key(), []byte("7"), false, 1); k != 0 {
		t.Errorf("a dead object was purged again: %d", k)
	}
	for s.Reap(1) {
	}
	if st := s.Stats(); st.Dead != 0 || st.Pinned != 1 || st.Bytes != o.Size() || !bytes.Equal(read(o), want) {
		t.Errorf("with a reader: %+v", st)
	}
	o.Unpin()
	if st := s.Stats(); st.Pinned != 0 || st.Bytes != 0 || st.Heads != 0 || st.Bodies != 0 {
		t.Errorf("in the end: %+v", st)
	}
}

// TestPurgeAndPublish purges, reaps and looks up while others publish, and finds
// nothing once a purge began after the last of them.
func TestPurgeAndPublish(t *testing.T) {
	s := open(t, 1<<25)
	p := s.Partition("a")
	s.core.graves.spared = 0
	const hands, n = 3, 700
	var wait sync.WaitGroup
	for w := range hands {
		wait.Go(func() {
			for i := range n {
				name := fmt.Sprint(i % 300)
				put(t, s, p, name, "", 200, "all", "odd", fmt.Sprint("own", w)).Unpin()
				switch i % 50 {
				case 10:
					s.PurgeTag(p, []byte("all"), false, 1)
				case 20:
					s.PurgeTag(p, []byte("odd"), i%100 == 20, 1)
				case 30:
					s.Reap(1)
				}
				if o := lookup(s, p, name); o != nil {
					if o.Available() != 200 {
						t.Errorf("object %s has %d bytes", name, o.Available())
					}
					o.Unpin()
				}
			}
		})
	}
	wait.Wait()
	s.core.audit()
	s.PurgeTag(p, []byte("all"), false, 1)
	for i := range 300 {
		if lookup(s, p, fmt.Sprint(i)) != nil {
			t.Errorf("object %d outlived the purge", i)
		}
	}
	for s.Reap(1) {
	}
	if st := s.Stats(); st.Objects != 0 || st.Dead != 0 || st.Bytes != 0 || s.core.index.count.Load() != 0 || s.core.tags.count.Load() != 0 {
		t.Errorf("in the end: %+v", st)
	}
}
