package proxy

import (
	"runtime"
	"runtime/debug"
	"time"
)

// Bounds of the collections that follow a burst of parking.
const (
	tidyFrom  = 1000             // connections parked since the last one
	tidyEvery = 10 * time.Second // at most
	tidyLook  = time.Second
)

// A tidier gives memory back to the system after many connections went to rest.
// What their goroutines held is garbage then, and while nothing else happens no
// allocation would make the collector run: it would stay resident for minutes.
type tidier struct {
	low  int       // the fewest parked since the last collection
	last int       // parked at the last look
	at   time.Time // of the last collection
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
func (t *tidier) done(parked int, now time.Time) { t.low, t.at = parked, now }

// tidy looks after the parked connections until stop is closed.
func (s *Server) tidy(stop <-chan struct{}) {
	var t tidier
	tick := time.NewTicker(tidyLook)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			if parked := s.parker.Len(); t.due(parked, now) {
				// A pool lets go of its content at the second collection only.
				runtime.GC()
				debug.FreeOSMemory()
				t.done(parked, now)
			}
		}
	}
}
