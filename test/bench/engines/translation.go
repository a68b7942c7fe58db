//go:build linux

package main

import (
	"fmt"

	"fishplate/test/bench/figures"
)

// compileMost is what a guest instruction may take to translate, in
// microseconds.
const compileMost = 0.3

// printTranslations sums up over the kernels what the compilers have done, start
// of the programs included.
func printTranslations(list []*ready, engines []*engine) []translation {
	var all []translation
	fmt.Println("compiling all of these programs")
	for _, e := range engines {
		var sum translation
		count := 0
		for _, k := range list {
			p, ok := k.programs[e.name].(translator)
			if !ok {
				continue
			}
			t := p.translated()
			if t.MS == 0 {
				continue
			}
			t.Kernel, t.Engine = k.name, e.name
			all = append(all, t)
			count++
			sum.MS += t.MS
			sum.Instructions += t.Instructions
			sum.Input += t.Input
			sum.Output += t.Output
		}
		if count == 0 {
			continue
		}
		fmt.Printf("  %-18s %6.1f ms each", e.name, sum.MS/float64(count))
		if n := float64(sum.Instructions); n > 0 {
			each := sum.MS * 1e3 / n
			fmt.Printf(", %6.0f instructions: %.2f µs and %.0f bytes each  (at most %.1f µs: %s)\n",
				n/float64(count), each, float64(sum.Output)/n, compileMost, figures.Verdict(each <= compileMost))
			continue
		}
		fmt.Printf(", all of %d KB\n", sum.Input/count/1000)
	}
	fmt.Println()
	return all
}
