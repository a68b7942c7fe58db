package riscv

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgramsLikeQemu runs compiled programs here and under qemu: the output
// and the exit code must be the same, with small slices too.
func TestProgramsLikeQemu(t *testing.T) {
	sources, err := filepath.Glob("testdata/programs/*.c*")
	if err != nil || len(sources) == 0 {
		t.Fatalf("find programs: %d, %v", len(sources), err)
	}
	flags := map[string][]string{
		"plain": {"-O2", "-march=rv64gc"},
		"bits":  {"-O2", "-march=rv64gc_zba_zbb_zbc_zbs"},
		"size":  {"-Os", "-march=rv64g"},
	}
	for _, source := range sources {
		for name, f := range flags {
			t.Run(filepath.Base(source)+"/"+name, func(t *testing.T) {
				path := build(t, source, f...)
				want, code := underQemu(t, path)
				p := load(t, path)
				var counts []uint64
				for _, slice := range []uint64{1 << 40, 1009} {
					g := newGuest(t, p)
					if diff := cmp.Diff(want, g.run(t, slice)); diff != "" {
						t.Fatalf("output in slices of %d (-qemu +ours):\n%s", slice, diff)
					}
					if g.code != code {
						t.Errorf("exit code %d, qemu %d", g.code, code)
					}
					counts = append(counts, g.Instret)
				}
				if counts[0] != counts[1] {
					t.Errorf("instructions: %d in one slice, %d in small ones", counts[0], counts[1])
				}
			})
		}
	}
}
