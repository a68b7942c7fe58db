package balance

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"time"

	"fishplate/internal/model"
)

// compile turns step number at into its transform.
func (t *Table) compile(b model.BalanceStep, at int, o Options) (step, error) {
	switch b.Name {
	case "roundrobin":
		return &t.rr, nil
	case "ratio":
		return t.compileRatio(b.Args)
	case "leastconn":
		return leastStep{by: connections, spread: true}, nil
	case "ewma":
		return leastStep{by: latency, spread: true}, nil
	case "random":
		return randomStep{}, nil
	case "p2c":
		return p2cStep{}, nil
	case "first":
		return firstStep{}, nil
	case "shuffle":
		return shuffleStep{}, nil
	case "weight":
		return shuffleStep{weighted: true}, nil
	case "fresh", "zone", "take", "least", "bounded":
		if len(b.Args) != 1 {
			return nil, fmt.Errorf("%d arguments, want 1", len(b.Args))
		}
		return compileArg(b.Name, b.Args[0], at)
	}
	return t.compileHash(b, o)
}

func compileArg(name, arg string, at int) (step, error) {
	switch name {
	case "fresh":
		d, err := time.ParseDuration(arg)
		if err == nil && d <= 0 {
			err = errors.New("not positive")
		}
		return freshStep{int64(d)}, err
	case "zone":
		return zoneStep{arg}, nil
	case "bounded":
		c, err := strconv.ParseFloat(arg, 64)
		if err == nil && !(c >= 1 && c <= 1000) {
			err = fmt.Errorf("factor %v is not between 1 and 1000", arg)
		}
		return boundedStep{c}, err
	case "take":
		if arg == "log2" {
			return takeStep{}, nil
		}
		n, err := strconv.Atoi(arg)
		if err == nil && n < 1 {
			err = fmt.Errorf("%d is less than 1", n)
		}
		return takeStep{n}, err
	}
	for _, by := range []measure{load, connections, latency} {
		if by.String() == arg {
			return leastStep{by: by, spread: at == 0}, nil
		}
	}
	return nil, fmt.Errorf("no measure %q; it is load, connections or latency", arg)
}

type firstStep struct{}

func (firstStep) run(_ *Table, s *scratch, _ *Query, _ bool) {
	s.say(s.list[0], "first in order")
}

type freshStep struct{ age int64 }

func (f freshStep) run(t *Table, s *scratch, q *Query, _ bool) {
	at := func(i int32) int64 { _, at := t.members[i].Node.Load(); return at }
	s.keep(func(i int32) bool { return at(i) != 0 && q.Now-at(i) <= f.age },
		func(i int32) string {
			if at(i) == 0 {
				return "no load reported"
			}
			return fmt.Sprintf("load reported %v ago, more than %v", time.Duration(q.Now-at(i)), time.Duration(f.age))
		})
}

type zoneStep struct{ zone string }

func (z zoneStep) run(t *Table, s *scratch, _ *Query, _ bool) {
	s.keep(func(i int32) bool { return t.members[i].Zone == z.zone },
		func(i int32) string { return fmt.Sprintf("zone %q is not %q", t.members[i].Zone, z.zone) })
}

// shuffleStep puts the candidates in random order. Weighted, the chance to be
// first is the share of the weight (Efraimidis and Spirakis: sort by −ln(u)/w).
type shuffleStep struct{ weighted bool }

func (w shuffleStep) run(t *Table, s *scratch, q *Query, _ bool) {
	if w.weighted {
		s.rank(func(i int32) float64 { return -math.Log(t.unit()) / t.members[i].weight(q.Now) })
		s.sort()
		return
	}
	for n := len(s.list) - 1; n > 0; n-- {
		j := t.below(uint64(n + 1))
		s.list[n], s.list[j] = s.list[j], s.list[n]
	}
}

// takeStep keeps the first n candidates; n 0 means log2 of their number,
// rounded up, and at least one.
type takeStep struct{ n int }

func (k takeStep) run(_ *Table, s *scratch, _ *Query, _ bool) {
	n := k.n
	if n == 0 {
		n = max(1, bits.Len(uint(len(s.list)-1)))
	}
	if n >= len(s.list) {
		return
	}
	if s.explain {
		for p, i := range s.list[n:] {
			s.drop(i, fmt.Sprintf("place %d, and take keeps %d", n+p+1, n))
		}
	}
	s.list = s.list[:n]
}

type measure uint8

const (
	load measure = iota
	connections
	latency
)

func (m measure) String() string { return [...]string{"load", "connections", "latency"}[m] }

// leastStep orders by a measure. spread breaks ties by round robin, for a
// policy in which no earlier step made an order worth keeping.
type leastStep struct {
	by     measure
	spread bool
}

func (l leastStep) run(t *Table, s *scratch, q *Query, last bool) {
	s.rank(func(i int32) float64 { return l.score(&t.members[i], q.Now) })
	if s.explain {
		for p, i := range s.list {
			s.say(i, fmt.Sprintf("%s %.4g", l.by, s.score[p]))
		}
	}
	if !last {
		s.sort()
		return
	}
	if n := s.least(); n > 1 && l.spread {
		t.rr.choose(t, s, q, n, nil)
	}
}

// score rates a member; lower is better. A server without a report rates as
// loaded, one without a measured latency as fast as long as it is idle.
func (l leastStep) score(m *Member, now int64) float64 {
	switch l.by {
	case connections:
		return float64(m.Node.Active()) / m.weight(now)
	case latency:
		active, v := float64(m.Node.Active()), float64(m.Node.Latency())
		if v == 0 {
			v = float64(time.Hour) * min(active, 1)
		}
		return v * (active + 1) / m.weight(now)
	}
	v, at := m.Node.Load()
	if at == 0 {
		return math.MaxFloat64
	}
	return v
}

type randomStep struct{}

func (randomStep) run(t *Table, s *scratch, q *Query, _ bool) { s.front(t.chance(s, q, 0)) }

// p2cStep compares two candidates drawn by weight (Mitzenmacher's two choices).
type p2cStep struct{}

func (p2cStep) run(t *Table, s *scratch, q *Query, _ bool) {
	s.front(t.chance(s, q, 0))
	if len(s.list) == 1 {
		return
	}
	p := t.chance(s, q, 1)
	rate := leastStep{by: connections}
	one, two := rate.score(&t.members[s.list[0]], q.Now), rate.score(&t.members[s.list[p]], q.Now)
	if s.explain {
		s.say(s.list[0], fmt.Sprintf("drawn, %.4g connections per weight", one))
		s.say(s.list[p], fmt.Sprintf("drawn, %.4g connections per weight", two))
	}
	if two < one {
		s.front(p)
	}
}

// chance draws a position at or after from, by weight.
func (t *Table) chance(s *scratch, q *Query, from int) int {
	total := 0.0
	for _, i := range s.list[from:] {
		total += t.members[i].weight(q.Now)
	}
	r := t.unit() * total
	for p := from; p < len(s.list); p++ {
		if r -= t.members[s.list[p]].weight(q.Now); r < 0 {
			return p
		}
	}
	return len(s.list) - 1
}

// unit returns a number in (0, 1].
func (t *Table) unit() float64 { return float64(t.random()>>11+1) / (1 << 53) }

// below returns a number in [0, n).
func (t *Table) below(n uint64) uint64 {
	hi, _ := bits.Mul64(t.random(), n)
	return hi
}

// weight is the member's weight at now; it is positive for a candidate.
func (m *Member) weight(now int64) float64 { return float64(m.Weight) * m.Node.Share(now) }

// boundedStep is consistent hashing with bounded loads (Mirrokni, Thorup,
// Zadimoghaddam): nobody may hold more than factor times its fair share of the
// connections, this one included.
type boundedStep struct{ factor float64 }

func (b boundedStep) run(t *Table, s *scratch, q *Query, _ bool) {
	total, weights := 1.0, 0.0
	for _, i := range s.list {
		total += float64(t.members[i].Node.Active())
		weights += t.members[i].weight(q.Now)
	}
	limit := func(i int32) float64 {
		return math.Ceil(b.factor * total * t.members[i].weight(q.Now) / weights)
	}
	s.keep(func(i int32) bool { return float64(t.members[i].Node.Active()+1) <= limit(i) },
		func(i int32) string {
			return fmt.Sprintf("%d connections, bound %.0f", t.members[i].Node.Active(), limit(i))
		})
}
