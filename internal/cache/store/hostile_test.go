package store

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// storeAny stores an object and does not mind when there is no room.
func storeAny(t *testing.T, s *Store, p *Partition, k Key, name string, size int, tags ...string) {
	t.Helper()
	o, err := s.Begin(p, k, &Meta{}, partsOf(name, name, tags...), int64(size))
	if err == nil {
		_, err = o.Append(make([]byte, size))
		o.Finish()
		o.Publish()
		o.Unpin()
	}
	if err != nil && !errors.Is(err, ErrFull) && !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

// TestHostile holds the bound under what an enemy might store.
func TestHostile(t *testing.T) {
	const memory = 8 << 20
	long := string(make([]byte, 8000))
	attacks := []struct {
		name  string
		n     int
		store func(t *testing.T, s *Store, p *Partition, i int)
		least int64 // objects that must fit
	}{
		{"tiny", 60_000, func(t *testing.T, s *Store, p *Partition, i int) {
			name := fmt.Sprint(i)
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, 0)
		}, 20_000},
		{"huge", 100, func(t *testing.T, s *Store, p *Partition, i int) {
			name := fmt.Sprint(i)
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, 1<<20)
		}, 6},
		{"one hash", 10_000, func(t *testing.T, s *Store, p *Partition, i int) {
			storeAny(t, s, p, Key{1, 1}, fmt.Sprint(i), 100)
		}, 32},
		{"tags", 3000, func(t *testing.T, s *Store, p *Partition, i int) {
			var tags []string
			for k := range 1000 {
				tags = append(tags, fmt.Sprint("tag", i*1000+k))
			}
			name := fmt.Sprint(i)
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, 10, tags...)
		}, 60},
		{"one tag", 30_000, func(t *testing.T, s *Store, p *Partition, i int) {
			name := fmt.Sprint(i)
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, 10, "tag")
		}, 15_000},
		{"long keys", 3000, func(t *testing.T, s *Store, p *Partition, i int) {
			name := long + fmt.Sprint(i)
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, 10)
		}, 350},
		{"changing sizes", 30_000 * raced, func(t *testing.T, s *Store, p *Partition, i int) {
			name := fmt.Sprint(i)
			sizes := []int{0, 100, 70_000, 900, 30_000, 6000}
			storeAny(t, s, p, KeyOf(p.ID(), []byte(name)), name, sizes[i/5000%len(sizes)])
		}, 1000},
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			s := open(t, memory)
			p := s.Partition("a")
			most := int64(0)
			for i := range a.n / raced {
				a.store(t, s, p, i)
				most = max(most, s.core.Used())
			}
			st := s.Stats()
			if a.name == "one hash" && st.Objects > MaxVariants {
				t.Errorf("%d objects of one hash", st.Objects)
			}
			if most > memory || st.Index+st.Heads+st.Bodies+st.Free != st.Used {
				t.Errorf("%d bytes used at most: %+v", most, st)
			}
			if st.Objects < min(a.least, int64(a.n/raced*9/10)) {
				t.Errorf("%d objects, want at least %d: %+v", st.Objects, a.least, st)
			}
		})
	}
}

// TestSlack measures what rounding loses on sizes as the web has them: a
// lognormal mix with a median of 6 KiB.
func TestSlack(t *testing.T) {
	s := open(t, 64<<20) // also under the race detector: a smaller one has slabs too large for it
	p := s.Partition("a")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		storeAny(t, s, p, KeyOf(p.ID(), fmt.Append(nil, i)), fmt.Sprint("https://www.example.org/a/path/of/some/length/", i), int(6000*math.Exp(1.5*r.NormFloat64())), "section", "page")
	}
	st := s.Stats()
	if held := st.Heads + st.Bodies; st.Slack*10 > held || st.Free*10 > st.Used {
		t.Errorf("of %d bytes %d are lost to rounding; %d of %d are free", held, st.Slack, st.Free, st.Used)
	}
	t.Logf("%d objects; rounding %.1f %%, free %.1f %%, index %.1f %%", st.Objects,
		100*float64(st.Slack)/float64(st.Heads+st.Bodies), 100*float64(st.Free)/float64(st.Used), 100*float64(st.Index)/float64(st.Used))
}
