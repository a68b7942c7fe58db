package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestManyHands lets goroutines store, read, purge, resize and list at the same
// time, in a store that is too small, and compares every byte that is read.
func TestManyHands(t *testing.T) {
	s := open(t, 3<<20)
	parts := []*Partition{s.Partition("a"), s.Partition("b")}
	parts[1].SetQuota(1 << 20)
	s.core.graves.spared = 0
	const rounds = 1500
	sizes := []int{0, 50, 1000, 3000, 20_000, 90_000}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range rounds {
				name := fmt.Sprint("http://h/", r.IntN(200))
				p := parts[r.IntN(2)]
				body := bodyOf(name, sizes[r.IntN(len(sizes))])
				switch r.IntN(12) {
				case 0, 1, 2, 3:
					fill(t, s, p, name, body)
				case 4:
					s.PurgeTag(p, []byte(fmt.Sprint("t", r.IntN(5))), r.IntN(2) == 0, 1)
				case 5:
					s.PurgeKey(p, KeyOf(p.ID(), []byte(name)), []byte(name), r.IntN(2) == 0, 1)
				case 6:
					var cur Cursor
					s.Each(p, &cur, 500, func(o *Object) bool { same(t, o); return true })
				case 7:
					if i%50 == 0 {
						if err := s.Resize(int64(2+r.IntN(3)) << 20); err != nil {
							t.Error(err)
						}
						s.Stats()
						s.Reap(100)
					}
				case 8:
					if old := lookup(s, p, name); old != nil {
						if o, err := s.Refresh(old, &Meta{}, partsOf(name, "", "t0", "t1")); err == nil {
							o.Publish()
							o.Unpin()
						}
						old.Unpin()
					}
				default:
					if o := lookup(s, p, name); o != nil {
						same(t, o)
						o.Unpin()
					}
				}
			}
		})
	}
	wait.Wait()
	if st := s.Stats(); st.Pinned != 0 || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
		t.Errorf("books: %+v", st)
	}
}

// same fails unless an object's body is a beginning of what its key says.
func same(t *testing.T, o *Object) {
	body := read(o)
	if !bytes.Equal(body, bodyOf(string(o.KeyText()), len(body))) {
		t.Errorf("%s: wrong bytes", o.KeyText())
	}
	if !o.Published() {
		return
	}
	for tag := range o.Tags() {
		if len(tag) != 2 || tag[0] != 't' {
			t.Errorf("%s: tag %q", o.KeyText(), tag)
		}
	}
}

// fill stores an object while two others read it as it grows.
func fill(t *testing.T, s *Store, p *Partition, name string, body []byte) {
	o, err := s.Begin(p, KeyOf(p.ID(), []byte(name)), &Meta{}, partsOf(name, "", fmt.Sprint("t", len(body)%5)), -1)
	if err != nil {
		if !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		return
	}
	var readers sync.WaitGroup
	for range 2 {
		o.Pin()
		readers.Go(func() {
			defer o.Unpin()
			for at := int64(0); !o.Failed(); {
				done := o.Complete()
				piece := o.Segment(at)
				if !bytes.Equal(piece, body[at:at+int64(len(piece))]) {
					t.Errorf("%s: wrong bytes at %d", name, at)
					return
				}
				at += int64(len(piece))
				if done && piece == nil {
					if at != int64(len(body)) {
						t.Errorf("%s: read %d of %d", name, at, len(body))
					}
					return
				}
			}
		})
	}
	for rest := body; len(rest) > 0; {
		n, err := o.Append(rest[:min(len(rest), 7000)])
		if err != nil {
			o.Abort()
			break
		}
		rest = rest[n:]
	}
	if !o.Failed() {
		o.Finish()
		o.Publish()
	}
	o.Unpin()
	readers.Wait()
}
