//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"fishplate/test/bench/figures"
)

// A result is one round of one system at one work.
type result struct {
	Work   string  `json:"work"`
	System string  `json:"system"`
	Round  int     `json:"round"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	CPU    float64 `json:"cpu"`     // server CPU in CPUUnit
	CPUU   string  `json:"cpuUnit"` // what CPU is counted per

	More map[string]float64 `json:"more,omitempty"` // figures of one work only
}

// A work is one row of the table.
type work struct {
	name    string
	title   string
	setup   setup
	systems []string // empty: systemNames
	higher  bool     // a larger value is better
	bars    []bar
	most    float64                                      // the most that the value itself may be; 0 = any
	awake   bool                                         // keep both cores from sleeping, which else decides the figure
	keep    bool                                         // start each system once and not for each round
	launch  func(b *bench, name string) (*system, error) // nil: bench.start by the setup
	measure func(b *bench, s *system) (result, error)
	print   func(w work, results []result) // nil: printWork
}

// A bar is the least ratio of the last of a work's systems, which is Fishplate,
// to a peer.
type bar struct {
	peer  string // empty: the best of the others
	least float64
	cpu   bool // the most that CPU per unit may be, in place of the least value
}

// best is the bar of a ratio to whoever is fastest.
func best(least float64) []bar { return []bar{{least: least}} }

func works() []work {
	guests := setup{guests: true}
	return append([]work{
		{name: "keepalive-64", title: "keep-alive proxying, 128 B, 64 connections", higher: true, bars: best(1), measure: loadWork("/128", 64, false)},
		{name: "keepalive-64-log", title: "the same, access logs on", setup: setup{logs: true}, higher: true, measure: loadWork("/128", 64, false)},
		{name: "keepalive-1", title: "keep-alive proxying, 128 B, 1 connection, cores kept awake", higher: true, bars: best(1), awake: true, measure: loadWork("/128", 1, false)},
		{name: "large", title: "10 MiB bodies, 4 connections", higher: true, bars: best(0.95), measure: loadWork("/10m", 4, false)},
		{name: "large-log", title: "the same, access logs on", setup: setup{logs: true}, higher: true, measure: loadWork("/10m", 4, false)},
		{name: "close", title: "connection per request, through the origin", higher: true, measure: loadWork("/128", 64, true)},
		{name: "close-log", title: "the same, access logs on", setup: setup{logs: true}, higher: true, measure: loadWork("/128", 64, true)},
		{name: "idle", title: "10,000 idle connections, resident bytes each", most: 4096, measure: idleWork},
		{name: "neighbour", title: "a tenant's short request beside 128 connections that spin 20M instructions each", setup: guests, systems: []string{"fishplate"}, measure: neighbourWork, print: printNeighbour},
		{name: "reload", title: "one route of 10,000 virtual hosts with five routes changes: until it answers", systems: []string{"nginx", "fishplate"},
			launch: (*bench).startSite, measure: siteWork, print: printSite, bars: []bar{{peer: "nginx"}}},
	}, slices.Concat(acceptWorks(), cacheWorks(), tenantWorks())...)
}

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each work")
	seconds := flag.Int("seconds", 3, "length of one round")
	only := flag.String("only", "", "comma-separated works, or how their names begin; empty = all")
	binary := flag.String("fishplate", "bin/fishplate", "the binary under test")
	out := flag.String("out", "test/bench/results", "folder for the results")
	native := flag.String("handler", "", "be the native handler that a forge is compared with, at this address")
	flag.Parse()
	if *native != "" {
		fmt.Fprintln(os.Stderr, "bench:", handler(*native))
		os.Exit(1)
	}
	if err := run(*rounds, *seconds, *only, *binary, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds, seconds int, only, binary, out string) error {
	b, err := newBench(binary, seconds)
	if err != nil {
		return err
	}
	defer b.close()
	facts := machineFacts()
	fmt.Printf("%s\n%d rounds of %d s, interleaved; server on core 0, load and origin on core 1\n\n", facts, rounds, seconds)
	var all []result
	for _, w := range works() {
		if !chosen(w.name, only) {
			continue
		}
		results, err := b.rounds(w, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if w.print == nil {
			w.print = printWork
		}
		w.print(w, results)
		all = append(all, results...)
	}
	return store(out, facts, all)
}

// chosen reports whether -only names the work: "cache" is all whose names begin
// with "cache-".
func chosen(name, only string) bool {
	return only == "" || slices.ContainsFunc(strings.Split(only, ","), func(o string) bool {
		return name == o || strings.HasPrefix(name, o+"-") && !strings.Contains(o, "-")
	})
}

// rounds takes the systems in turn.
func (b *bench) rounds(w work, n int) ([]result, error) {
	var list []result
	if len(w.systems) == 0 {
		w.systems = systemNames
	}
	kept := map[string]*system{}
	defer func() {
		for _, s := range kept {
			s.stop()
		}
	}()
	for round := range n {
		for _, name := range w.systems {
			s := kept[name]
			if s == nil {
				var err error
				if s, err = w.starts(b, name); err != nil {
					return nil, err
				}
			}
			r, err := w.with(b, s)
			if w.keep {
				kept[name] = s
			} else {
				s.stop()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			r.Work, r.System, r.Round = w.name, name, round
			list = append(list, r)
		}
	}
	return list, nil
}

func (w work) starts(b *bench, name string) (*system, error) {
	if w.launch == nil {
		return b.start(name, w.setup)
	}
	s, err := w.launch(b, name)
	if err != nil && s != nil {
		s.stop()
	}
	return s, err
}

// with measures one round, with the cores kept awake if the work asks for it.
func (w work) with(b *bench, s *system) (result, error) {
	if w.awake {
		defer keepAwake(b.dir)()
	}
	return w.measure(b, s)
}

func printWork(w work, results []result) {
	fmt.Println(w.title)
	value, cpu := map[string]float64{}, map[string]float64{}
	if len(w.systems) == 0 {
		w.systems = systemNames
	}
	for _, name := range w.systems {
		var vs, cs []float64
		for _, r := range results {
			if r.System == name {
				vs, cs = append(vs, r.Value), append(cs, r.CPU)
			}
		}
		value[name], cpu[name] = figures.Median(vs), figures.Median(cs)
		fmt.Printf("  %-12s %12.0f %s   %8.3f %s   [%.0f … %.0f]\n", name, value[name], results[0].Unit,
			cpu[name], results[0].CPUU, slices.Min(vs), slices.Max(vs))
	}
	bars := w.bars
	if len(bars) == 0 {
		bars = best(0)
	}
	us := w.systems[len(w.systems)-1]
	for _, r := range bars {
		if r.peer == "" {
			r.peer = w.bestPeer(value)
		}
		ratio, used := value[us]/value[r.peer], cpu[us]/cpu[r.peer]
		fmt.Printf("  %s / %s = %.2f×, CPU %.2f×", us, r.peer, ratio, used)
		switch {
		case r.cpu:
			fmt.Printf("  (CPU at most %.2f: %s)", r.least, figures.Verdict(used <= r.least))
		case r.least > 0:
			fmt.Printf("  (bar %.2f: %s)", r.least, figures.Verdict(ratio >= r.least))
		}
		fmt.Println()
	}
	if w.most > 0 {
		fmt.Printf("  (at most %.0f: %s)\n", w.most, figures.Verdict(value[us] <= w.most))
	}
	fmt.Println()
}

// bestPeer is the best of the systems but for the last, which is Fishplate.
func (w work) bestPeer(value map[string]float64) string {
	peer := w.systems[0]
	for _, name := range w.systems[:len(w.systems)-1] {
		if more := value[name] > value[peer]; more == w.higher {
			peer = name
		}
	}
	return peer
}

func store(dir, facts string, all []result) error {
	path, err := figures.Store(dir, "", map[string]any{"machine": facts, "results": all})
	fmt.Println("stored in", path)
	return err
}
