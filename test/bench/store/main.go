//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"fishplate/test/bench/figures"
)

// A result is one figure of one round.
type result struct {
	Work  string  `json:"work"`
	What  string  `json:"what"`
	Round int     `json:"round"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// bench gathers results.
type bench struct {
	rounds  int
	objects int
	results []result
	missed  bool
}

func (b *bench) add(work, what string, round int, value float64, unit string) {
	b.results = append(b.results, result{work, what, round, value, unit})
}

// median prints and returns the median of a figure over the rounds.
func (b *bench) median(work, what string) float64 {
	var list []float64
	unit := ""
	for _, r := range b.results {
		if r.Work == work && r.What == what {
			list = append(list, r.Value)
			unit = r.Unit
		}
	}
	m := figures.Median(list)
	fmt.Printf("  %-36s %12.4g %s\n", what, m, unit)
	return m
}

// bar prints a ratio and whether it is what was asked for.
func (b *bench) bar(what string, value, bar float64, atLeast bool) {
	met, word := value >= bar, "at least"
	if !atLeast {
		met, word = value <= bar, "at most"
	}
	if !met {
		b.missed = true
	}
	fmt.Printf("  %-36s %12.4g (%s %g: %s)\n", what, value, word, bar, figures.Verdict(met))
}

var works = []struct {
	name, title string
	run         func(*bench) error
}{
	{"cores", "hits by Zipf (1.01) among a million objects: two cores beside one", cores},
	{"many", "hits: a million objects beside a thousand", many},
	{"collector", "the collector and the slowest hits, with garbage made beside", collector},
	{"memory", "what the process grows by, and what rounding loses", memory},
	{"purge", "purge by tag among a million objects", purge},
}

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each work")
	objects := flag.Int("objects", 5_000_000, "objects of the collector's work")
	only := flag.String("only", "", "comma-separated works; empty = all")
	out := flag.String("out", "test/bench/results", "folder for the results")
	flag.Parse()
	b := &bench{rounds: *rounds, objects: *objects}
	for _, w := range works {
		if *only != "" && !strings.Contains(","+*only+",", ","+w.name+",") {
			continue
		}
		fmt.Printf("%s: %s\n", w.name, w.title)
		if err := w.run(b); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		debug.FreeOSMemory()
	}
	path, err := figures.Store(*out, "store-", map[string]any{"machine": figures.Machine(), "rounds": *rounds, "results": b.results})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Println("stored in", path)
	if b.missed {
		os.Exit(2)
	}
}
