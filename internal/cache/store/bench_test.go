package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"fishplate/internal/message"
)

// filled returns a store of n objects of 1 KiB and their key texts' maker.
func filled(b testing.TB, n int) (*Store, *Partition) {
	s, err := New(Options{Memory: max(64<<20, int64(n)*2048)})
	if err != nil {
		b.Fatal(err)
	}
	p := s.Partition("a")
	var head message.Header
	for _, f := range [][2]string{{"Content-Type", "text/html"}, {"ETag", `"0123456789"`}, {"Cache-Control", "max-age=60"}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}} {
		head.Add(f[0], f[1])
	}
	body := make([]byte, 1024)
	text := make([]byte, 0, 64)
	for i := range n {
		text = keyText(text, uint32(i))
		parts := Parts{Key: text, Head: &head}
		o, err := s.Begin(p, KeyOf(p.ID(), text), &Meta{Status: 200}, &parts, int64(len(body)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Append(body); err != nil {
			b.Fatal(err)
		}
		o.Finish()
		o.Publish()
		o.Unpin()
	}
	return s, p
}

func keyText(dst []byte, i uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst[:0], "https://www.example.org/some/path/"...), i)
}

// hit is what a hit does with the store.
func hit(s *Store, p *Partition, text []byte, h *message.Header) bool {
	o := s.Lookup(p, KeyOf(p.ID(), text), text, nil)
	if o == nil {
		return false
	}
	m := o.Meta()
	o.Head(h)
	n := m.Status != 0 && len(o.Segment(0)) > 0 && len(o.WireHead()) > 0
	o.Unpin()
	return n
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		s, p := filled(b, n)
		for _, skewed := range []bool{true, false} {
			b.Run(fmt.Sprintf("objects=%d/zipf=%v", n, skewed), func(b *testing.B) {
				var seed atomic.Uint64
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					r := rand.New(rand.NewPCG(seed.Add(1), 2))
					z := rand.NewZipf(r, 1.01, 1, uint64(n-1))
					keys := make([]uint32, 1<<16)
					for i := range keys {
						if keys[i] = r.Uint32N(uint32(n)); skewed {
							keys[i] = uint32(z.Uint64())
						}
					}
					var h message.Header
					text := make([]byte, 0, 64)
					for i := 0; pb.Next(); i++ {
						text = keyText(text, keys[i%len(keys)])
						if !hit(s, p, text, &h) {
							b.Error("a miss")
							return
						}
					}
				})
			})
		}
		s.Close()
	}
}

func BenchmarkStore(b *testing.B) {
	s, err := New(Options{Memory: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p := s.Partition("a")
	body := make([]byte, 1024)
	text := make([]byte, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		text = keyText(text, uint32(i))
		parts := Parts{Key: text}
		o, err := s.Begin(p, KeyOf(p.ID(), text), &Meta{Status: 200}, &parts, int64(len(body)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Append(body); err != nil {
			b.Fatal(err)
		}
		o.Finish()
		o.Publish()
		o.Unpin()
	}
}

// BenchmarkPurgeTag purges every tenth of a million objects, which have other
// tags besides.
func BenchmarkPurgeTag(b *testing.B) {
	const n = 1_000_000
	for _, soft := range []bool{true, false} {
		b.Run(fmt.Sprintf("soft=%v", soft), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s, err := New(Options{Memory: 2 << 30})
				if err != nil {
					b.Fatal(err)
				}
				p := s.Partition("a")
				for i := range n {
					tags := []string{"all", fmt.Sprint("page", i), "tenth"}
					put(b, s, p, string(keyText(nil, uint32(i))), "", 300, tags[:2+(i%10)/9]...).Unpin()
				}
				b.StartTimer()
				if got := s.PurgeTag(p, []byte("tenth"), soft, 1); got != n/10 {
					b.Fatalf("purged %d", got)
				}
				for s.Reap(1 << 12) {
				}
				b.StopTimer()
				s.Close()
				b.StartTimer()
			}
		})
	}
}

// TestAllocationsOfAHit counts them; the race detector adds its own.
func TestAllocationsOfAHit(t *testing.T) {
	most := float64(raced - 1)
	s, p := filled(t, 100)
	defer s.Close()
	var h message.Header
	text := keyText(nil, 7)
	if n := testing.AllocsPerRun(1000, func() {
		if !hit(s, p, text, &h) {
			t.Fatal("a miss")
		}
	}); n > most {
		t.Errorf("a hit allocates %v times", n)
	}
}

// BenchmarkAnswer copies head and body of objects taken at random, as an answer
// does: what counts among a million is how many waits for memory there are.
func BenchmarkAnswer(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		s, p := filled(b, n)
		r := rand.New(rand.NewPCG(1, 2))
		keys := make([]uint32, 1<<20)
		for i := range keys {
			keys[i] = r.Uint32N(uint32(n))
		}
		var h message.Header
		text, out := make([]byte, 0, 64), make([]byte, 0, 4096)
		b.Run(fmt.Sprintf("objects=%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				text = keyText(text, keys[i%len(keys)])
				o := s.Lookup(p, KeyOf(p.ID(), text), text, nil)
				o.Head(&h)
				out = append(append(out[:0], o.WireHead()...), o.Segment(0)...)
				o.Unpin()
			}
		})
		s.Close()
	}
}
