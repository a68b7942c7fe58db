package spin

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Rule is how long to look before sleeping. The zero value is not at all.
type Rule struct {
	Most time.Duration
	Auto *Auto // decides instead, when not nil
}

// For is the time of the rule now; that of no rule is none.
func (r *Rule) For() time.Duration {
	switch {
	case r == nil:
		return 0
	case r.Auto == nil:
		return r.Most
	}
	return time.Duration(r.Auto.most.Load())
}

// Auto is a time that is found out while the process runs. Until then it is none.
type Auto struct {
	most atomic.Int64
	once sync.Once
	find func() time.Duration
}

// NewAuto returns a time that find will find out, which may take a while.
func NewAuto(find func() time.Duration) *Auto { return &Auto{find: find} }

// Find finds the time out, on a goroutine of its own, unless that has been done.
func (a *Auto) Find() {
	a.once.Do(func() { go func() { a.most.Store(int64(a.find())) }() })
}

// longestRest is how many times nobody looks, at most, after looking was in vain.
const longestRest = 64

// A Spinner remembers whether looking was worth it. One goroutine at a time uses it.
type Spinner struct {
	rest   int // times to sleep at once
	misses int // in a row
	now    func() time.Time
}

// Until tries again and again, for most at longest, and reports whether it
// succeeded. Other goroutines run between two tries. After looking in vain it does
// not look for a while, longer each time; and longest when something else had the
// processor meanwhile, which is then not ours to burn.
func (s *Spinner) Until(most time.Duration, try func() bool) bool {
	if most <= 0 {
		return false
	}
	if s.rest > 0 {
		s.rest--
		return false
	}
	if s.now == nil {
		s.now = time.Now
	}
	begin := s.now()
	for last := begin; ; {
		runtime.Gosched()
		if try() {
			s.misses = 0
			return true
		}
		now := s.now()
		switch {
		case now.Sub(last) > most:
			s.rest = longestRest
			return false
		case now.Sub(begin) >= most:
			s.misses = min(s.misses+1, 10)
			s.rest = min(1<<s.misses, longestRest)
			return false
		}
		last = now
	}
}
