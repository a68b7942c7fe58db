//go:build linux

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"fishplate/internal/bench"
)

// figures are one client's in one row: a value for each round.
type figures struct {
	Rates  []float64 `json:"rates"`
	Client []float64 `json:"client"` // share of its processor that the client used
	Server []float64 `json:"server"` // share of its processor that the server used meanwhile
}

// row is one server asked in one way by all.
type row struct {
	Server   string              `json:"server"`
	Workload string              `json:"workload"`
	Clients  map[string]*figures `json:"clients"`
	// Ratio is ours to wrk's, Low and High its paired interval at 95 %; Best is
	// ours to the best of the others.
	Ratio   float64 `json:"ratio"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Best    float64 `json:"best"`
	Verdict string  `json:"verdict"`
}

// near is how far two may be apart to agree; full is the share of a processor
// from which on its user counts as the limit. The scheduler leaves 0.95 to
// processes of chrt -r.
const (
	near = 0.1
	full = 0.9
)

func main() {
	binary := flag.String("fishplate", "bin/fishplate", "the binary")
	rounds := flag.Int("rounds", 5, "measurements of each client in each row")
	seconds := flag.Int("seconds", 2, "length of one measurement, two at least")
	out := flag.String("out", "test/bench/results", "folder for the results")
	alone := flag.Bool("alone", false, "servers and clients before all other processes (chrt -r), on a machine that has other work")
	flag.Parse()
	first := []string{"taskset", "-c"}
	if *alone {
		first = []string{"chrt", "-r", "1", "taskset", "-c"}
	}
	if err := run(first, *binary, *out, *rounds, max(*seconds, 2)); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func run(first []string, binary, out string, rounds, seconds int) error {
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("the server and the client each want a processor of their own, and there is one")
	}
	dir, err := os.MkdirTemp("", "calibrate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	asking, err := clients(binary)
	if err != nil {
		return err
	}
	var rows []*row
	for _, s := range servers() {
		for _, workload := range []string{"http-keepalive", "http-close"} {
			r, err := compare(first, asking, binary, dir, s, workload, rounds, seconds)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, workload, err)
			}
			r.print()
			rows = append(rows, r)
		}
	}
	return save(out, rows)
}

func save(out string, rows []*row) error {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{
		"at": time.Now().UTC().Format(time.RFC3339), "rows": rows, "load": strings.TrimSpace(string(load)),
		"kernel": strings.TrimSpace(string(kernel)), "processors": runtime.NumCPU(),
	}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(out, "calibrate-"+time.Now().UTC().Format("20060102-150405")+".json")
	fmt.Println("written to", name)
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// compare asks one server by all clients in turn, each round in another order.
func compare(first []string, asking []client, binary, dir string, s server, workload string, rounds, seconds int) (*row, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	pid, stop, err := s.start(first, binary, dir, workload, address)
	if err != nil {
		return nil, err
	}
	defer stop()
	r := &row{Server: s.name, Workload: workload, Clients: map[string]*figures{}}
	for round := range rounds {
		for turn := range asking {
			c := asking[(round+turn)%len(asking)]
			command := c.command(address, workload == "http-keepalive", seconds)
			if command == "" {
				continue
			}
			if r.Clients[c.name] == nil {
				r.Clients[c.name] = &figures{}
			}
			if err := measure(first, c, command, pid, r.Clients[c.name]); err != nil {
				return nil, err
			}
		}
	}
	r.judge()
	return r, nil
}

// judge says whether the two agree, and if not, why.
func (r *row) judge() {
	ours, wrk := r.Clients["ours"], r.Clients["wrk"]
	c := bench.Paired(wrk.Rates, ours.Rates)
	r.Ratio, r.Low, r.High = c.Ratio, c.Low, c.High
	best := 0.0
	for name, f := range r.Clients {
		if name != "ours" {
			best = max(best, mean(f.Rates))
		}
	}
	r.Best = mean(ours.Rates) / best
	switch {
	case r.Ratio >= 1-near && r.Ratio <= 1+near:
		r.Verdict = "agree"
	case r.Ratio > 1 && mean(wrk.Client) > full && wrk.micros() > ours.micros():
		r.Verdict = fmt.Sprintf("wrk is its own limit: it uses %.0f %% of its processor, %.1f µs a request, ours %.1f µs",
			mean(wrk.Client)*100, wrk.micros(), ours.micros())
	default:
		r.Verdict = "more than a tenth apart"
	}
}

// micros is the processor time of the client for each request.
func (f *figures) micros() float64 { return mean(f.Client) / mean(f.Rates) * 1e6 }

func (r *row) print() {
	fmt.Printf("%-23s  %-14s ", r.Server, r.Workload)
	for _, name := range []string{"ours", "wrk", "ab", "h2load"} {
		if f := r.Clients[name]; f != nil {
			fmt.Printf("  %s %.0f (client %.0f %%, server %.0f %%)", name, mean(f.Rates), mean(f.Client)*100, mean(f.Server)*100)
		}
	}
	fmt.Printf("\n    ours/wrk %.3f (%.3f … %.3f), ours/best %.3f: %s\n", r.Ratio, r.Low, r.High, r.Best, r.Verdict)
}

func mean(list []float64) (m float64) {
	for _, v := range list {
		m += v / float64(len(list))
	}
	return m
}
