package balance

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"fishplate/internal/model"
)

// statistic is what is made of the times of a window: a percentile from 1 to
// 99, or one of these.
type statistic uint8

const (
	average statistic = iota + 100
	minimum
	maximum
)

var statistics = map[string]statistic{
	"average": average, "minimum": minimum, "maximum": maximum, "p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99,
}

// ratioStep is smooth weighted round robin in which a server that answers in
// half the time counts twice. A weight of the configuration is multiplied by
// the time of the fastest server divided by the server's own: time to first
// byte, over ten seconds, or as it will be by the course of the past.
//
// The factors are computed by whoever picks first after they are due, and read
// by all others meanwhile.
type ratioStep struct {
	by      model.Ratio
	what    statistic
	slot    int64 // nanoseconds of a meter's slot
	every   int64 // nanoseconds between two computations
	due     atomic.Int64
	busy    atomic.Bool
	factors []atomic.Uint64 // float64 bits, by member
	times   []atomic.Uint64 // the same: nanoseconds, 0 = not known
}

const (
	// leastFactor keeps a slow server measured: it gets a hundredth.
	leastFactor = 0.01
	ratioSlot   = time.Second
	ratioEvery  = 100 * time.Millisecond
	// A prediction needs the times of the moment; their course is the window.
	courseSlot = 100 * time.Millisecond
)

func (t *Table) compileRatio(args []string) (step, error) {
	by, err := model.ParseRatio(args)
	if err != nil {
		return nil, err
	}
	if by.By == "static" {
		return &t.rr, nil
	}
	r := &ratioStep{
		by: by, what: statistics[by.By], slot: int64(ratioSlot), every: int64(ratioEvery),
		factors: make([]atomic.Uint64, len(t.members)), times: make([]atomic.Uint64, len(t.members)),
	}
	if by.Predict {
		r.slot, r.every = int64(courseSlot), int64(time.Second)/int64(by.Rate)
	}
	for i := range r.factors {
		r.factors[i].Store(math.Float64bits(1))
	}
	return r, nil
}

func (r *ratioStep) run(t *Table, s *scratch, q *Query, _ bool) {
	if s.explain {
		r.tell(s)
	} else if q.Now >= r.due.Load() && r.busy.CompareAndSwap(false, true) {
		r.refresh(t, q.Now)
		r.due.Store(q.Now + r.every)
		r.busy.Store(false)
	}
	t.rr.choose(t, s, q, len(s.list), r.factors)
}

// refresh computes the factors anew. Who was not measured gets the average of
// the others, and so will be.
func (r *ratioStep) refresh(t *Table, now int64) {
	fastest := math.Inf(1)
	for i := range t.members {
		v := r.measure(t.members[i].Node, now)
		r.times[i].Store(math.Float64bits(v))
		if v > 0 {
			fastest = min(fastest, v)
		}
	}
	sum, known := 0.0, 0
	for i := range r.times {
		if v := math.Float64frombits(r.times[i].Load()); v > 0 {
			f := max(fastest/v, leastFactor)
			sum, known = sum+f, known+1
			r.factors[i].Store(math.Float64bits(f))
		}
	}
	others := 1.0
	if known > 0 {
		others = sum / float64(known)
	}
	for i := range r.times {
		if r.times[i].Load() == 0 {
			r.factors[i].Store(math.Float64bits(others))
		}
	}
}

// measure returns a server's time in nanoseconds, 0 when it is not known.
func (r *ratioStep) measure(n *Node, now int64) float64 {
	m := n.metered(r, now)
	v, ok := 0.0, false
	if r.by.Predict {
		v, ok = m.foresee(now, r.what, int64(r.by.Past), int64(r.by.Ahead))
	} else {
		v, ok = m.read(now, r.what)
	}
	if !ok {
		return 0
	}
	return v
}

// tell explains the factors.
func (r *ratioStep) tell(s *scratch) {
	name := r.by.By
	if r.by.Predict {
		name = fmt.Sprintf("%s in %v", name, r.by.Ahead)
	}
	for _, i := range s.list {
		f, v := math.Float64frombits(r.factors[i].Load()), math.Float64frombits(r.times[i].Load())
		if v == 0 {
			s.say(i, fmt.Sprintf("not measured, its weight times %.2f", f))
			continue
		}
		s.say(i, fmt.Sprintf("%s %v, its weight times %.2f", name, time.Duration(v).Round(time.Microsecond), f))
	}
}

// metered returns the node's meter, which it makes if need be.
func (n *Node) metered(r *ratioStep, now int64) *meter {
	samples, rate := 0, int64(0)
	if r.by.Predict {
		samples, rate = int(r.by.Past/time.Second)*r.by.Rate+1, r.every
	}
	for {
		m := n.meter.Load()
		if m == nil || m.slot != r.slot || m.rate != rate || len(m.course.samples) < samples {
			fresh := newMeter(r.slot, rate, samples)
			if !n.meter.CompareAndSwap(m, fresh) {
				continue
			}
			m = fresh
		}
		m.used.Store(now)
		return m
	}
}

// meterKept is how long a meter is fed that no policy reads.
const meterKept = int64(time.Minute)
