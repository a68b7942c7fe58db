package riscv_test

import (
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"testing"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// stopped is all that can be seen of a machine between two instructions.
type stopped struct {
	pc, count uint64
	x, f      [32]uint64
	fcsr      uint32
	pages     int
	memory    uint64
	output    string
}

// differs names what is not the same.
func (a stopped) differs(b stopped) string {
	var t strings.Builder
	for i := range a.x {
		if a.x[i] != b.x[i] {
			fmt.Fprintf(&t, "x%d = %#x, other %#x\n", i, a.x[i], b.x[i])
		}
		if a.f[i] != b.f[i] {
			fmt.Fprintf(&t, "f%d = %#x, other %#x\n", i, a.f[i], b.f[i])
		}
	}
	if a.output != b.output {
		fmt.Fprintf(&t, "output of %d bytes, other %d\n", len(a.output), len(b.output))
	}
	a.x, a.f, a.output, b.x, b.f, b.output = [32]uint64{}, [32]uint64{}, "", [32]uint64{}, [32]uint64{}, ""
	if a != b {
		fmt.Fprintf(&t, "%+v\n%+v\n", a, b)
	}
	return t.String()
}

// stop looks at a process, and at its memory if that is wanted.
func (g *process) stop(t testing.TB, seed maphash.Seed, whole bool) stopped {
	t.Helper()
	m := g.Machine
	s := stopped{pc: m.PC, count: m.Instret, x: m.X, f: m.F, fcsr: m.FCSR(), pages: m.Mem.Pages(), output: g.out.String()}
	if whole {
		s.memory = digestMemory(t, m, seed)
	}
	return s
}

// digestMemory hashes the pages that exist, and where.
func digestMemory(t testing.TB, m *riscv.Machine, seed maphash.Seed) uint64 {
	t.Helper()
	var h maphash.Hash
	h.SetSeed(seed)
	for p, a := range m.Mem.Attrs() {
		if a == 0 || p == 0 {
			continue
		}
		b, err := m.Mem.View(uint64(p)*riscv.PageSize, riscv.PageSize)
		if err != nil {
			t.Fatal(err)
		}
		maphash.WriteComparable(&h, p)
		h.Write(b)
	}
	return h.Sum64()
}

// budgets stops every program after random numbers of instructions, with every
// engine: what can be seen must be the same. The translated run goes on from stop
// to stop, in slices of all sizes, on a program that was translated before.
func budgets(t *testing.T, b *builds, list []string, kits []kit) {
	seed := maphash.MakeSeed()
	stops := 1000
	if riscv.Raced || testing.Short() {
		stops = 100
		t.Logf("%d stops of each program: in short runs and under the race detector", stops)
	}
	for _, source := range list {
		for _, k := range kits {
			path, built := b.paths[key(source, k)]
			if !built {
				continue
			}
			t.Run(key(source, k), func(t *testing.T) {
				h := fnv.New64()
				h.Write([]byte(t.Name()))
				dice := rand.New(rand.NewPCG(riscv.Seed(), h.Sum64()))
				p := loadProgram(t, path)
				g := startProcess(t, p, riscv.JITAuto)
				g.finish(t, 1<<40)
				stopsOf(t, p, g.Machine.Instret, stops, dice, seed)
			})
		}
	}
}

func stopsOf(t *testing.T, p *riscv.Program, total uint64, n int, dice *rand.Rand, seed maphash.Seed) {
	t.Helper()
	a, b := startProcess(t, p, riscv.JITOff), startProcess(t, p, riscv.JITAuto)
	defer a.Machine.Close()
	defer b.Machine.Close()
	for i := range n {
		fuel := 1 + dice.Uint64N(4*total/uint64(n)+1)
		if dice.IntN(2) == 0 {
			fuel = 1 + dice.Uint64N(100)
		}
		var status [2]linux.Status
		for k, g := range []*process{a, b} {
			s, err := g.Run(t.Context(), fuel)
			if err != nil {
				t.Fatal(err)
			}
			status[k] = s
		}
		whole := i%16 == 15 || status[0].Stopped != linux.StoppedBudget
		if x, y := a.stop(t, seed, whole), b.stop(t, seed, whole); x != y {
			text, _ := p.Instruction(x.pc)
			name, off := p.Symbol(x.pc)
			t.Fatalf("the last %d of %d instructions, before %s+%#x (%s), reproduce with -seed %d:\n%s", fuel, x.count, name, off, text, riscv.Seed(), x.differs(y))
		}
		if status[0].Stopped != linux.StoppedBudget {
			return
		}
	}
}
