package riscv

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"fishplate/riscv/isa"
)

// Flags of the differential tests: go test -run TestEngines -seed 7 -count 1.
var (
	seedFlag    = flag.Uint64("seed", 1, "seed of the first generated program")
	programFlag = flag.Int("programs", 0, "how many programs to generate; 0 is enough for a test run")
)

// engine is one way to execute a program.
type engine struct {
	name string
	jit  bool
}

var interpreter = engine{"interpreter", false}

// translates says whether programs can be translated on this platform.
var translates = sync.OnceValue(func() bool {
	p, err := LoadProgram(writeELF([]uint32{wStop}, nil))
	if err != nil {
		panic(err)
	}
	m, err := NewMachine(p, Options{MemoryLimit: 1 << 20})
	if err != nil {
		panic(err)
	}
	defer m.Close()
	return strings.HasPrefix(m.Engine(), "jit")
})

// engines lists those of this platform, the interpreter first.
func engines() []engine {
	if !translates() {
		return []engine{interpreter}
	}
	return []engine{interpreter, {"jit", true}}
}

// choose sets the engine in o.
func (e engine) choose(o *Options) {
	if !e.jit {
		o.JIT = JITOff
	}
}

// program loads the scenario as an executable file.
func (s *scenario) program() (*Program, error) {
	return LoadProgram(writeImage(s.xlen, textBase,
		part{textBase, 5, s.text}, part{constBase, 4, s.ro}, part{dataBase, 6, s.data}))
}

// start makes a machine at the beginning of a scenario.
func (s *scenario) start(t testing.TB, p *Program, e engine) *run {
	t.Helper()
	loaded := (len(s.text)+4095)/4096 + (constSize+dataLength)/4096
	o := Options{AddressSpace: spaceSize, MemoryLimit: uint64(loaded+s.spare) << 12}
	e.choose(&o)
	m, err := NewMachine(p, o)
	if err != nil {
		t.Fatal(err)
	}
	m.X, m.F = s.x, s.f
	m.PC += s.entry
	m.SetFCSR(s.fcsr)
	return &run{Machine: m, s: s}
}

// event is an exit other than the end of the fuel.
type event struct {
	kind  ExitKind
	imm   uint32
	fault Fault
	pc    uint64
	count uint64
}

func (e event) String() string {
	text := fmt.Sprintf("%v at %#x after %d", e.kind, e.pc, e.count)
	if e.kind == Faulted {
		text += fmt.Sprintf(" (%v)", &e.fault)
	}
	return text
}

// maxEvents is how many exits a run may have before it is given up.
const maxEvents = 200

// run is a scenario in progress. It plays the embedder: calls change registers,
// faults are stepped over where that is possible.
type run struct {
	*Machine
	s      *scenario
	events []event
	done   bool
	wrong  string // a promise of Run that was broken
}

// advance executes n instructions, less when the scenario ends before.
func (r *run) advance(n uint64) {
	for n > 0 && !r.done && r.wrong == "" {
		before := r.Instret
		e := r.Run(n)
		ran := r.Instret - before
		if ran > n || e.Kind == Budget && ran != n {
			r.wrong = fmt.Sprintf("%d instructions for a fuel of %d", ran, n)
			return
		}
		n -= ran
		r.react(e)
	}
}

// react does what the embedder does at an exit.
func (r *run) react(e Exit) {
	if e.Kind == Budget {
		return
	}
	v := event{kind: e.Kind, imm: e.Imm, pc: r.PC, count: r.Instret}
	if e.Fault != nil {
		v.fault = *e.Fault
	}
	r.events = append(r.events, v)
	if len(r.events) == maxEvents {
		r.done = true
	}
	switch e.Kind {
	case Call:
		r.X[10] ^= 3
		r.SkipCall()
	case Custom:
		r.Charge(uint64(e.Imm & 7))
		r.SkipCall()
	case Break:
		if r.PC == r.s.end {
			r.done = true
		}
		r.SkipCall()
	case Faulted:
		if v.fault.Kind == FetchAccess || v.fault.Kind == FetchMisaligned {
			r.done = true
			return
		}
		r.PC += uint64(isa.Size(uint16(r.s.text[r.PC-textBase])))
	}
}

// compare says how two runs differ, one line each; "" when they do not.
func compare(a, b *run) string {
	var t strings.Builder
	lines := 0
	say := func(format string, args ...any) {
		if lines++; lines <= 12 { // what follows a difference is of no interest
			fmt.Fprintf(&t, format+"\n", args...)
		}
	}
	if a.wrong != b.wrong {
		say("%q, other %q", a.wrong, b.wrong)
	}
	for i := range max(len(a.events), len(b.events)) {
		if i >= len(a.events) || i >= len(b.events) {
			say("%d exits, other %d", len(a.events), len(b.events))
			break
		}
		if a.events[i] != b.events[i] {
			say("exit %d: %v, other %v", i, a.events[i], b.events[i])
			break
		}
	}
	if a.PC != b.PC {
		say("pc = %#x, other %#x", a.PC, b.PC)
	}
	for i := range a.X {
		if a.X[i] != b.X[i] {
			say("%s = %#x, other %#x", isa.RegisterName(uint8(i)), a.X[i], b.X[i])
		}
	}
	for i := range a.F {
		if a.F[i] != b.F[i] {
			say("%s = %#x, other %#x", isa.FloatName(uint8(i)), a.F[i], b.F[i])
		}
	}
	if a.FCSR() != b.FCSR() {
		say("fcsr = %#x, other %#x", a.FCSR(), b.FCSR())
	}
	if a.Instret != b.Instret {
		say("%d instructions, other %d", a.Instret, b.Instret)
	}
	if x, y := a.Mem.Pages(), b.Mem.Pages(); x != y {
		say("%d pages, other %d", x, y)
	}
	if x, y := a.Mem.Dirty(), b.Mem.Dirty(); x != y {
		say("%d dirty pages, other %d", x, y)
	}
	compareMemory(&t, a.all(), b.all())
	return t.String()
}

// all returns the whole memory above the guard.
func (r *run) all() []byte {
	b, err := r.Mem.View(4096, r.Mem.Size()-4096)
	if err != nil {
		panic(err) // only a closed memory refuses
	}
	return b
}

func compareMemory(t *strings.Builder, a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	said := 0
	for i := 0; i+8 <= len(a) && said < 8; i += 8 {
		x, y := binary.LittleEndian.Uint64(a[i:]), binary.LittleEndian.Uint64(b[i:])
		if x != y {
			fmt.Fprintf(t, "memory %#x: %#x, other %#x\n", 4096+i, x, y)
			said++
		}
	}
}

// scenarioFuel bounds a scenario; generated loops may nest unluckily, and wild
// jumps may go round in circles.
const scenarioFuel = 30_000

// slicing says how fuel is given to a run: all at once for 0, in equal portions,
// or, when negative, in random ones from the seed -n.
type slicing int

func (n slicing) feed(r *run, fuel uint64) {
	if n == 0 {
		r.advance(fuel)
		return
	}
	dice := rand.New(rand.NewPCG(uint64(-n), 1))
	for fuel > 0 && !r.done && r.wrong == "" {
		f := uint64(n)
		if n < 0 {
			f = 1 + uint64(dice.IntN(1<<dice.IntN(11)))
		}
		f = min(f, fuel)
		r.advance(f)
		fuel -= f
	}
}

// differ executes the scenario with engine a at once and with b in slices, and
// says how they differ, "" if they do not, with the instructions executed.
func (s *scenario) differ(t testing.TB, p *Program, a, b engine, portions slicing, fuel uint64) (string, uint64) {
	t.Helper()
	x, y := s.start(t, p, a), s.start(t, p, b)
	defer x.Close()
	defer y.Close()
	x.advance(fuel)
	portions.feed(y, fuel)
	return compare(x, y), x.Instret + y.Instret
}

// TestEngines executes generated programs with the interpreter and with each
// engine, in slices of different sizes: every register, every byte, every exit
// and every count must be the same. A difference is reduced to the few
// instructions that show it. Without a translator it compares the interpreter
// with itself in slices.
func TestEngines(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("rv%d", xlen), func(t *testing.T) {
			total, n := uint64(0), programs(t, 600)
			for i := range uint64(n) {
				s := newScenario(*seedFlag+i, xlen, 150, false)
				total += s.check(t)
				if t.Failed() {
					return
				}
			}
			t.Logf("%d programs, %d million instructions", n, total/1_000_000)
		})
	}
}

// programs is the number asked for on the command line, or n, or fewer in short
// runs and under the race detector.
func programs(t testing.TB, n int) int {
	switch {
	case *programFlag > 0:
		return *programFlag
	case testing.Short():
		n /= 10
	case raceEnabled:
		n /= 4
		t.Logf("%d programs: a quarter, under the race detector", n)
	}
	return n
}

// check compares all engines on a scenario, several times on one program, since
// what was executed before may have been translated.
func (s *scenario) check(t testing.TB) (instructions uint64) {
	t.Helper()
	p, err := s.program()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines() {
		k := slicing(s.seed%1_000_000*4 + 1)
		for _, portions := range []slicing{-k, 0, -k - 1, 0, -k - 2, 5} {
			if e == interpreter && portions == 0 {
				continue
			}
			diff, n := s.differ(t, p, interpreter, e, portions, scenarioFuel)
			instructions += n
			if diff != "" {
				t.Errorf("%s", s.explain(t, e, portions, diff))
				return
			}
		}
	}
	return
}
