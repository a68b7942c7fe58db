package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// slowEnough is what a request takes that did not wait for anything but its turn.
const slowEnough = 10 * time.Millisecond

// event is something that the harness did to a system.
type event struct {
	what       string
	begin, end time.Time
}

// diary keeps what was done when, and which requests were slow meanwhile.
type diary struct {
	begin time.Time

	mu     sync.Mutex
	events []event
	slow   []event // requests, by kind
}

// did notes something that took from begin until now.
func (d *diary) did(what string, begin time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, event{what, begin, time.Now()})
}

// took notes a request that was slow.
func (d *diary) took(kind string, begin, end time.Time) {
	if end.Sub(begin) < slowEnough {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = append(d.slow, event{kind, begin, end})
}

// Stall is a stretch of time in which requests were slow, one beside the other.
type Stall struct {
	At       float64        `json:"at_ms"` // since the load began
	Length   float64        `json:"ms"`
	Worst    float64        `json:"slowest_request_ms"`
	Requests map[string]int `json:"requests"` // by kind
	Events   []string       `json:"events"`   // what was done then, with begin and end from the first request on
}

// stalls are the worst stretches, the worst first, with what was done from lead
// before them to their end.
func (d *diary) stalls(most int, lead time.Duration) (list []Stall) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortFunc(d.slow, func(a, b event) int { return a.begin.Compare(b.begin) })
	for i := 0; i < len(d.slow); {
		first := d.slow[i]
		s := Stall{At: ms(first.begin.Sub(d.begin)), Requests: map[string]int{}}
		end := first.end
		for ; i < len(d.slow) && !d.slow[i].begin.After(end); i++ {
			one := d.slow[i]
			if one.end.After(end) {
				end = one.end
			}
			s.Worst = max(s.Worst, ms(one.end.Sub(one.begin)))
			s.Requests[one.what]++
		}
		s.Length = ms(end.Sub(first.begin))
		for _, e := range d.events {
			if e.begin.Before(end) && e.end.After(first.begin.Add(-lead)) {
				s.Events = append(s.Events, fmt.Sprintf("%s %+.0f…%+.0f", e.what, ms(e.begin.Sub(first.begin)), ms(e.end.Sub(first.begin))))
			}
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Stall) int { return cmp.Compare(b.Worst, a.Worst) })
	return list[:min(most, len(list))]
}

func (s Stall) String() string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(s.Requests)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", s.Requests[kind], kind))
	}
	return fmt.Sprintf("at %.0f ms for %.0f ms, worst %.0f ms: %s; %s", s.At, s.Length, s.Worst, strings.Join(kinds, ", "), strings.Join(s.Events, ", "))
}
