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
}

// A work is one row of the table.
type work struct {
	name    string
	title   string
	logs    bool    // access logs on
	higher  bool    // a larger value is better
	bar     float64 // the least ratio to the better peer; 0 = none
	most    float64 // the most that the value itself may be; 0 = any
	awake   bool    // keep both cores from sleeping, which else decides the figure
	guests  bool    // Fishplate alone, with the tenants of neighbour.go
	measure func(b *bench, s *system) (result, error)
}

var works = []work{
	{name: "keepalive-64", title: "keep-alive proxying, 128 B, 64 connections", higher: true, bar: 1, measure: loadWork("/128", 64, false)},
	{name: "keepalive-64-log", title: "the same, access logs on", logs: true, higher: true, measure: loadWork("/128", 64, false)},
	{name: "keepalive-1", title: "keep-alive proxying, 128 B, 1 connection, cores kept awake", higher: true, bar: 1, awake: true, measure: loadWork("/128", 1, false)},
	{name: "large", title: "10 MiB bodies, 4 connections", higher: true, bar: 0.95, measure: loadWork("/10m", 4, false)},
	{name: "large-log", title: "the same, access logs on", logs: true, higher: true, measure: loadWork("/10m", 4, false)},
	{name: "close", title: "connection per request, through the origin", higher: true, measure: loadWork("/128", 64, true)},
	{name: "close-log", title: "the same, access logs on", logs: true, higher: true, measure: loadWork("/128", 64, true)},
	{name: "idle", title: "10,000 idle connections, resident bytes each", most: 4096, measure: idleWork},
	{name: "neighbour", title: "a tenant's short request beside 128 connections that spin 20M instructions each", guests: true, measure: neighbourWork},
}

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each work")
	seconds := flag.Int("seconds", 3, "length of one round")
	only := flag.String("only", "", "comma-separated works; empty = all")
	binary := flag.String("fishplate", "bin/fishplate", "the binary under test")
	out := flag.String("out", "test/bench/results", "folder for the results")
	flag.Parse()
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
	for _, w := range works {
		if only != "" && !slices.Contains(strings.Split(only, ","), w.name) {
			continue
		}
		results, err := b.rounds(w, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if w.guests {
			printNeighbour(w, results)
		} else {
			printWork(w, results)
		}
		all = append(all, results...)
	}
	return store(out, facts, all)
}

// rounds takes the systems in turn.
func (b *bench) rounds(w work, n int) ([]result, error) {
	var list []result
	for round := range n {
		for _, name := range w.systems() {
			s, err := b.start(name, w.logs, w.guests)
			if err != nil {
				return nil, err
			}
			r, err := w.with(b, s)
			s.stop()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			r.Work, r.System, r.Round = w.name, name, round
			list = append(list, r)
		}
	}
	return list, nil
}

// systems are who can do the work.
func (w work) systems() []string {
	if w.guests {
		return []string{"fishplate"}
	}
	return systemNames
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
	for _, name := range systemNames {
		var vs, cs []float64
		for _, r := range results {
			if r.System == name {
				vs, cs = append(vs, r.Value), append(cs, r.CPU)
			}
		}
		value[name], cpu[name] = figures.Median(vs), figures.Median(cs)
		fmt.Printf("  %-10s %12.0f %s   %8.3f %s   [%.0f … %.0f]\n", name, value[name], results[0].Unit,
			cpu[name], results[0].CPUU, slices.Min(vs), slices.Max(vs))
	}
	peer := "nginx"
	if more := value["haproxy"] > value["nginx"]; more == w.higher {
		peer = "haproxy"
	}
	ratio := value["fishplate"] / value[peer]
	fmt.Printf("  fishplate / %s = %.2f×, CPU %.2f×", peer, ratio, cpu["fishplate"]/cpu[peer])
	if w.bar > 0 {
		fmt.Printf("  (bar %.2f: %s)", w.bar, figures.Verdict(ratio >= w.bar))
	}
	if w.most > 0 {
		fmt.Printf("  (at most %.0f: %s)", w.most, figures.Verdict(value["fishplate"] <= w.most))
	}
	fmt.Print("\n\n")
}

func store(dir, facts string, all []result) error {
	path, err := figures.Store(dir, "", map[string]any{"machine": facts, "results": all})
	fmt.Println("stored in", path)
	return err
}
