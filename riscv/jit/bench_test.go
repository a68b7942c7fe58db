//go:build linux && (amd64 || arm64)

package jit

import (
	"os"
	"testing"
	"time"

	"fishplate/riscv/elf"
	"fishplate/riscv/interp"
)

// BenchmarkTranslate measures translation of every function of a program, in
// nanoseconds for each guest instruction.
func BenchmarkTranslate(b *testing.B) {
	file, err := os.ReadFile("../../sdk/examples/shop.elf")
	if err != nil {
		b.Fatal(err)
	}
	f, err := elf.Parse(file)
	if err != nil {
		b.Fatal(err)
	}
	var regions []interp.Region
	for _, s := range f.Segments {
		if s.Flags&elf.Exec != 0 {
			regions = append(regions, interp.Region{Addr: s.Addr, Bytes: s.Data})
		}
	}
	var spent time.Duration
	total := 0
	for b.Loop() {
		c, err := New(regions, f.XLEN == 32, DefaultLimit)
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range f.Symbols {
			if p := c.place(s.Addr); s.Func && p != nil && p.Load() == 0 {
				c.translate(s.Addr)
			}
		}
		st := c.Stats()
		total, spent = total+st.Instructions, spent+st.Time
		c.Close()
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(total), "ns/inst")
}
