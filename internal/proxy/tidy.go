package proxy

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Bounds of the collections that follow a burst of parking, or a reload.
const (
	tidyFrom  = 1000             // connections parked since the last one
	tidyBytes = 16 << 20         // to be given back after a reload
	tidyEvery = 10 * time.Second // at most
	tidyLook  = time.Second
)

// A tidier gives memory back to the system after many connections went to rest,
// and after a large configuration was read. What their goroutines held, and what it
// was read with, is garbage then, and while nothing else happens no allocation
// would make the collector run: it would stay resident for minutes.
type tidier struct {
	low  int       // the fewest parked since the last collection
	last int       // parked at the last look
	at   time.Time // of the last collection
	was  uint64    // generation at the last collection
	is   uint64    // generation at the last look
}

// settled tells, once every tidyLook, whether other generations came since the last
// collection, and none of late.
func (t *tidier) settled(generation uint64, now time.Time) bool {
	same := generation == t.is
	t.is = generation
	return same && generation != t.was && now.Sub(t.at) >= tidyEvery
}

// spare returns how many bytes of the heap the system could have back, at least.
func spare() int64 {
	list := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(list)
	return int64(list[0].Value.Uint64() + list[1].Value.Uint64() + list[2].Value.Uint64() - list[3].Value.Uint64())
}

// due tells, once every tidyLook, whether now is the time: the number of parked
// connections has grown by a thousand and by a quarter, and has stopped growing.
func (t *tidier) due(parked int, now time.Time) bool {
	grew := parked - t.low
	grows := parked - t.last
	t.last = parked
	t.low = min(t.low, parked)
	if grew < max(tidyFrom, t.low/4) || now.Sub(t.at) < tidyEvery {
		return false
	}
	return grows < grew/16
}

// done begins the next count.
func (t *tidier) done(parked int, now time.Time) { t.low, t.at, t.was = parked, now, t.is }

// tidy looks after the parked connections and the generations until stop is closed.
func (s *Server) tidy(stop <-chan struct{}) {
	var t tidier
	tick := time.NewTicker(tidyLook)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			generation := uint64(0)
			if g := s.current.Load(); g != nil {
				generation = g.ID
			}
			parked := s.parker.Len()
			reloaded := t.settled(generation, now) && spare() > tidyBytes
			if t.due(parked, now) || reloaded {
				// A pool lets go of its content at the second collection only.
				runtime.GC()
				debug.FreeOSMemory()
				t.done(parked, now)
			}
		}
	}
}
