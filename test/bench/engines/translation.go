//go:build linux

package main

import (
	"fmt"

	"fishplate/test/bench/figures"
)

// compileMost is what a guest instruction may take to translate, in
// microseconds.
const compileMost = 0.3

// each is the microseconds that an instruction of the guest took.
func (t translation) each() float64 { return t.MS * 1e3 / float64(t.Instructions) }

// translations collects what the compilers have done to the kernels, the start
// of the programs included.
func translations(list []*ready, engines []*engine) []translation {
	var all []translation
	for _, e := range engines {
		for _, k := range list {
			p, ok := k.programs[e.name].(translator)
			if !ok {
				continue
			}
			if t := p.translated(); t.MS > 0 {
				t.Kernel, t.Engine = k.name, e.name
				all = append(all, t)
			}
		}
	}
	return all
}

// printTranslations prints the medians of an engine's programs, of all that its
// compiler did in all rounds.
func printTranslations(all []translation, engines []*engine) {
	fmt.Println("\ncompiling a program, medians")
	for _, e := range engines {
		var ms, input, instructions, each, output []float64
		for _, t := range all {
			if t.Engine != e.name {
				continue
			}
			ms, input = append(ms, t.MS), append(input, float64(t.Input))
			if n := float64(t.Instructions); n > 0 {
				instructions = append(instructions, n)
				each = append(each, t.each())
				output = append(output, float64(t.Output)/n)
			}
		}
		switch {
		case len(each) > 0:
			fmt.Printf("  %-18s %6.1f ms, %.0f guest instructions, %.2f µs and %.0f bytes for each\n", e.name,
				figures.Median(ms), figures.Median(instructions), figures.Median(each), figures.Median(output))
		case len(ms) > 0:
			fmt.Printf("  %-18s %6.1f ms, all of %.0f KB\n", e.name, figures.Median(ms), figures.Median(input)/1000)
		}
	}
}
