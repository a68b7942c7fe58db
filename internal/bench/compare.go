package bench

import (
	"fmt"
	"maps"
	"slices"

	"fishplate/internal/bench/stats"
)

// CompareSchema names the document of a comparison.
const CompareSchema = "fishplate.bench.compare/1"

// mostRate bounds what can have been measured: a transaction each picosecond.
const mostRate = 1e12

// Comparison says how one result, or one command, differs from another.
type Comparison struct {
	Schema  string       `json:"schema"`
	A       string       `json:"a"`
	B       string       `json:"b"`
	Paired  bool         `json:"paired"`  // else Welch's test of the repetitions
	Figures []Figure     `json:"figures"` // the first is what counts
	Host    []Difference `json:"host"`    // facts of the machines that differ
	Options []Difference `json:"options"` // parameters that differ
}

// Figure is one thing that was measured of both.
type Figure struct {
	Name string  `json:"name"`
	Unit string  `json:"unit"`
	Less bool    `json:"less_is_better"`
	A    float64 `json:"a"` // geometric means, as the ratio is of those
	B    float64 `json:"b"`
	stats.Comparison
}

// Difference is a fact in which two differ; what one of them lacks is "".
type Difference struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Compare judges two results of the same parameters by Welch's test of their
// repetitions. Results of other parameters are refused, and those without a
// transaction.
func Compare(nameA, nameB string, a, b *Result) (*Comparison, error) {
	for _, side := range []struct {
		name string
		r    *Result
	}{{nameA, a}, {nameB, b}} {
		if side.r.Totals.Transactions <= 0 || len(side.r.Reps) == 0 {
			return nil, fmt.Errorf("compare: %s holds no measurement: not one transaction ended in it (errors %v): measure it again", side.name, side.r.Errors)
		}
		for _, rep := range side.r.Reps {
			if rep.Rate < 0 || rep.Rate > mostRate {
				return nil, fmt.Errorf("compare: %s holds no measurement: it has a rate of %g a second: measure it again", side.name, rep.Rate)
			}
		}
	}
	if list := differences(measured(a.Params), measured(b.Params)); len(list) > 0 {
		return nil, fmt.Errorf("compare: %s and %s did not measure the same, but %s: measure one of them again as the other was", nameA, nameB, listed(list))
	}
	c := &Comparison{Schema: CompareSchema, A: nameA, B: nameB, Host: differences(a.Host.Facts(), b.Host.Facts()), Options: differences(served(a.Params), served(b.Params))}
	for _, f := range figures() {
		va, vb := f.of(a), f.of(b)
		c.add(f, va, vb, stats.Welch(va, vb))
	}
	return c, nil
}

// Paired compares measurements that were taken in pairs.
func Paired(a, b []float64) stats.Comparison { return stats.Paired(a, b) }

// figure is what can be read from a result: a value for each repetition, or one
// for all of them.
type figure struct {
	name, unit string
	less       bool
	of         func(r *Result) []float64
}

func figures() []figure {
	each := func(value func(i int, r *Result) float64) func(r *Result) []float64 {
		return func(r *Result) (list []float64) {
			for i := range r.Reps {
				list = append(list, value(i, r))
			}
			return list
		}
	}
	once := func(value func(r *Result) float64) func(r *Result) []float64 {
		return func(r *Result) []float64 {
			if v := value(r); v > 0 {
				return []float64{v}
			}
			return nil
		}
	}
	return []figure{
		{"rate", "/s", false, each(func(i int, r *Result) float64 { return r.Reps[i].Rate })},
		{"p50", "ms", true, each(func(i int, r *Result) float64 { return float64(r.Reps[i].P50) / 1e6 })},
		{"p99", "ms", true, each(func(i int, r *Result) float64 { return float64(r.Reps[i].P99) / 1e6 })},
		{"p99.9", "ms", true, once(func(r *Result) float64 { return float64(r.Latency.Total.P999) / 1e6 })},
		{"server CPU", "µs", true, once(func(r *Result) float64 { return r.CPU.Server.Micros })},
		{"client CPU", "µs", true, once(func(r *Result) float64 { return r.CPU.Client.Micros })},
	}
}

// add appends a figure of which both have something.
func (c *Comparison) add(f figure, a, b []float64, result stats.Comparison) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	c.Figures = append(c.Figures, Figure{
		Name: f.name, Unit: f.unit, Less: f.less, A: stats.Centre(a), B: stats.Centre(b), Comparison: result,
	})
}

// measured are the parameters that must be equal.
func measured(p Params) map[string]string {
	return map[string]string{
		"workload": p.Workload, "connections": fmt.Sprint(p.Connections), "rate": fmt.Sprint(p.Rate), "threads": fmt.Sprint(p.Threads),
		"sources": fmt.Sprint(p.Sources), "reset": fmt.Sprint(p.Reset), "path": p.Path,
	}
}

// asked are all of them.
func asked(p Params) map[string]string {
	all := measured(p)
	maps.Copy(all, served(p))
	return all
}

// served are the others: what a comparison is made for.
func served(p Params) map[string]string {
	return map[string]string{
		"server": p.Server, "single acceptor": fmt.Sprint(p.SingleAcceptor), "backlog": fmt.Sprint(p.Backlog), "plain": fmt.Sprint(p.Plain),
		"host": p.Host, "duration": p.Duration.String(), "repeat": fmt.Sprint(p.Repeat),
	}
}

func differences(a, b map[string]string) []Difference {
	list := []Difference{}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if a[n] != b[n] {
			list = append(list, Difference{n, a[n], b[n]})
		}
	}
	return list
}

func listed(list []Difference) string {
	text := ""
	for i, d := range list {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s and %s", d.Name, d.A, d.B)
	}
	return text
}
