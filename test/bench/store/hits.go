//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sort"
	"sync"
	"time"

	"fishplate/internal/cache/store"
	"fishplate/internal/message"
)

// filled is a store with n objects whose keys are numbers.
type filled struct {
	s *store.Store
	p *store.Partition
	n int
}

func fill(n, size int, memory int64, tag func(i int) [][]byte) (*filled, error) {
	s, err := store.New(store.Options{Memory: memory})
	if err != nil {
		return nil, err
	}
	f := &filled{s: s, p: s.Partition("bench"), n: n}
	var head message.Header
	for _, field := range [][2]string{
		{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "max-age=600"}, {"ETag", `"0123456789abcdef"`},
		{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Server", "origin"},
	} {
		head.Add(field[0], field[1])
	}
	body := make([]byte, size)
	text := make([]byte, 0, 64)
	for i := range n {
		text = keyText(text, uint32(i))
		parts := store.Parts{Key: text, Head: &head}
		if tag != nil {
			parts.Tags = tag(i)
		}
		if err := f.put(text, &parts, body); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *filled) put(text []byte, parts *store.Parts, body []byte) error {
	o, err := f.s.Begin(f.p, store.KeyOf(f.p.ID(), text), &store.Meta{Status: 200, Stored: time.Now().UnixNano()}, parts, int64(len(body)))
	if err != nil {
		return err
	}
	defer o.Unpin()
	if _, err := o.Append(body); err != nil {
		return err
	}
	o.Finish()
	o.Publish()
	return nil
}

func keyText(dst []byte, i uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst[:0], "https://www.example.org/some/path/"...), i)
}

var errMiss = errors.New("look up: an object is missing")

// hit does what a hit does with the store: key, lookup, values, head, body.
func (f *filled) hit(text []byte, h *message.Header) error {
	o := f.s.Lookup(f.p, store.KeyOf(f.p.ID(), text), text, nil)
	if o == nil {
		return errMiss
	}
	m := o.Meta()
	o.Head(h)
	if m.Status != 200 || h.Len() != 6 || int64(len(o.Segment(0))) != o.Available() {
		return errors.New("look up: not what was stored")
	}
	o.Unpin()
	return nil
}

// zipf draws count keys below n with a probability of (rank+1)^-1.01.
func zipf(n, count int, seed uint64) []uint32 {
	sum := make([]float64, n)
	total := 0.0
	for i := range sum {
		total += math.Pow(float64(i+1), -1.01)
		sum[i] = total
	}
	r := rand.New(rand.NewPCG(seed, 1))
	keys := make([]uint32, count)
	for i := range keys {
		// Ranks are spread over the keys, and so over the memory.
		rank := uint64(sort.SearchFloat64s(sum, r.Float64()*total))
		keys[i] = uint32(rank * 0x9e3779b1 % uint64(n))
	}
	return keys
}

// rate returns how many hits a second so many goroutines reach, and how many they
// would if they had the processors for themselves: by the processor time of each.
func (f *filled) rate(hands int, keys [][]uint32) (wall, alone float64, err error) {
	old := runtime.GOMAXPROCS(hands)
	defer runtime.GOMAXPROCS(old)
	errs := make([]error, hands)
	rates := make([]float64, hands)
	var wait sync.WaitGroup
	start := time.Now()
	for w := range hands {
		wait.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var h message.Header
			text := make([]byte, 0, 64)
			begin := work()
			defer func() { rates[w] = float64(len(keys[w])) / (work() - begin).Seconds() }()
			for _, k := range keys[w] {
				text = keyText(text, k)
				if err := f.hit(text, &h); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wait.Wait()
	wall = float64(hands*len(keys[0])) / time.Since(start).Seconds()
	for _, r := range rates {
		alone += r
	}
	return wall, alone, errors.Join(errs...)
}

const perRound = 1 << 22

func cores(b *bench) error {
	const n = 1_000_000
	f, err := fill(n, 1024, 3<<30, nil)
	if err != nil {
		return err
	}
	defer f.s.Close()
	keys := [][]uint32{zipf(n, perRound, 1), zipf(n, perRound, 2)}
	for round := range b.rounds {
		for hands := 1; hands <= 2; hands++ {
			rate, alone, err := f.rate(hands, keys)
			if err != nil {
				return err
			}
			what := []string{"one core", "two cores"}[hands-1]
			b.add("cores", what, round, rate/1e6, "million/s")
			b.add("cores", what+", processor time", round, alone/1e6, "million/s")
		}
	}
	one, two := b.median("cores", "one core"), b.median("cores", "two cores")
	b.bar("two cores / one", two/one, 1.8, true)
	// Shows what the two take from each other also while others use the machine.
	one, two = b.median("cores", "one core, processor time"), b.median("cores", "two cores, processor time")
	b.bar("the same by processor time", two/one, 1.8, true)
	return nil
}

func many(b *bench) error {
	for _, n := range []int{1000, 1_000_000} {
		f, err := fill(n, 1024, max(64<<20, int64(n)*3000), nil)
		if err != nil {
			return err
		}
		keys := [][]uint32{zipf(n, perRound, 1)}
		for round := range b.rounds {
			rate, _, err := f.rate(1, keys)
			if err != nil {
				return err
			}
			b.add("many", name(n), round, 1e9/rate, "ns")
		}
		f.s.Close()
	}
	few, lots := b.median("many", name(1000)), b.median("many", name(1_000_000))
	// A served hit takes some 5 µs; the bar on those is test/bench's.
	b.bar("more for a hit, ns of a served one's 5000", lots-few, 0.15*5000, false)
	return nil
}

func name(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return string(rune('0'+n/1_000_000)) + " million objects"
	case n >= 1000:
		return "some thousand objects"
	}
	return "some objects"
}
