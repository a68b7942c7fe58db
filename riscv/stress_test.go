package riscv

import (
	"flag"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var stressFlag = flag.Duration("stress", 5*time.Second, "how long each stress test goes on")

// unrest makes Go's runtime as busy around generated code as it can be until the
// test ends: it collects at every allocation, moves stacks, profiles by signals,
// and preempts.
func unrest(t *testing.T) (stop func() bool) {
	t.Helper()
	var ending atomic.Bool
	old := debug.SetGCPercent(1)
	profiled := pprof.StartCPUProfile(io.Discard) == nil // not when the whole run is profiled
	var all sync.WaitGroup
	all.Go(func() {
		for !ending.Load() {
			runtime.GC()
		}
	})
	all.Go(func() {
		// Garbage of all sizes, with pointers, and goroutines that come and go.
		var keep [64][]*int
		for i := 0; !ending.Load(); i++ {
			keep[i%64] = make([]*int, 1<<(i%10))
			keep[i%64][0] = new(int)
			if i%256 == 0 {
				all.Go(func() { deepen(200, func() {}) })
				runtime.Gosched()
			}
		}
	})
	until := time.Now().Add(*stressFlag)
	t.Cleanup(func() {
		ending.Store(true)
		all.Wait()
		if profiled {
			pprof.StopCPUProfile()
		}
		debug.SetGCPercent(old)
	})
	return func() bool { return t.Failed() || time.Now().After(until) }
}

// deepen calls f with n large frames below it: Go copies the stack on the way.
func deepen(n int, f func()) byte {
	var frame [512]byte
	if n == 0 {
		f()
		return 0
	}
	frame[n%512] = byte(n)
	return deepen(n-1, f) + frame[(n+1)%512]
}

// TestStressForks has all processors execute forks of images that were never
// executed before, so that they translate the same code at the same time, while
// the runtime collects, profiles, preempts and moves stacks. Every outcome must be
// that of the interpreter. It goes on for the time of the flag -stress.
func TestStressForks(t *testing.T) {
	over := unrest(t)
	rounds, runs := 0, atomic.Int64{}
	for ; !over(); rounds++ {
		s := newScenario(*seedFlag+uint64(rounds), 64-32*(rounds%2), 120, false)
		s.stress(t, uint64(rounds), &runs)
	}
	t.Logf("%d images, %d runs", rounds, runs.Load())
}

// stress forks a scenario from several goroutines.
func (s *scenario) stress(t *testing.T, round uint64, runs *atomic.Int64) {
	p, err := s.program()
	if err != nil {
		t.Fatal(err)
	}
	plain, native := s.image(t, p, interpreter), s.image(t, p, engine{"jit", true})
	defer plain.Close()
	defer native.Close()
	want := s.forkOf(t, plain)
	defer want.Close()
	want.advance(scenarioFuel)
	var all sync.WaitGroup
	for g := range 3 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(round, uint64(g)))
			m, err := native.Fork()
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			for range 3 {
				r := &run{Machine: m, s: s}
				deepen(dice.IntN(400), func() { slicing(-1-dice.IntN(1000)).feed(r, scenarioFuel) })
				runs.Add(1)
				if diff := compare(want, r); diff != "" {
					t.Errorf("seed %d, rv%d, goroutine %d:\n%s", s.seed, s.xlen, g, diff)
					return
				}
				m.Reset()
				if dice.IntN(4) == 0 {
					m.Park()
				}
			}
		})
	}
	all.Wait()
}

// image freezes a machine of the scenario before its first instruction.
func (s *scenario) image(t testing.TB, p *Program, e engine) *Image {
	t.Helper()
	r := s.start(t, p, e)
	defer r.Close()
	im, err := r.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func (s *scenario) forkOf(t testing.TB, im *Image) *run {
	t.Helper()
	m, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	return &run{Machine: m, s: s}
}

// TestStressLong has goroutines stay in generated code for long, so that signals
// and stops of the world meet it there: loops over memory and calls that never
// leave by themselves.
func TestStressLong(t *testing.T) {
	over := unrest(t)
	p, err := LoadProgram(writeELF(stressLoop(), make([]byte, 3*4096)))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var executed atomic.Uint64
	for g := range 2*runtime.GOMAXPROCS(0) + 1 {
		all.Go(func() {
			m, err := NewMachine(p, Options{MemoryLimit: 1 << 20})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			const fuel = 5_000_000
			for n := uint64(1); !over(); n++ {
				var e Exit
				deepen(int(n*37+uint64(g))%300, func() { e = m.Run(fuel) })
				if e.Kind != Budget || m.Instret != n*fuel {
					t.Errorf("%v after %d, want %d", e.Kind, m.Instret, n*fuel)
					return
				}
				// x7 counts the rounds, of which each has nine instructions.
				if at := (m.Instret - 2) / 9; m.X[7]-at > 1 {
					t.Errorf("%d rounds after %d instructions", m.X[7], m.Instret)
					return
				}
			}
			executed.Add(m.Instret)
		})
	}
	all.Wait()
	t.Logf("%d million instructions", executed.Load()/1_000_000)
}

// stressLoop is a loop of nine instructions with a call, a store, a load and an
// indirect jump, after two that set it up.
func stressLoop() []uint32 {
	const count, at, value = 7, 8, 9
	return []uint32{
		encU(wLui, at, dataAt),
		encI(wAddi, count, 0, 0),
		encI(wAddi, count, count, 1), // textAt + 8: the loop
		encS(wSd, at, count, 16),
		encJ(1, 5*4), // call
		encI(wLd, value, at, 16),
		wAuipc | 6<<7,
		encI(wJalr, 0, 6, 8), // to the next instruction
		encJ(0, -6*4),        // back to the loop
		encI(wAddi, 10, count, 1),
		encI(wJalr, 0, 1, 0),
	}
}
