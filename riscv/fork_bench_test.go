package riscv

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

// dirtier stores to as many pages as x8 says, from x5 on, and stops; with 0 it
// is the empty function.
func dirtier() []uint32 {
	const (
		x0, x5, x6, x7, x8 = 0, 5, 6, 7, 8
		wBeq, wBne         = 0x63, 0x1063
	)
	return []uint32{
		encB(wBeq, x8, x0, 20),  // beq x8, x0, stop
		encS(wSd, x5, x6, 0),    // loop: sd x6, 0(x5)
		0x007282b3,              // add x5, x5, x7
		encI(wAddi, x8, x8, -1), // addi x8, x8, -1
		encB(wBne, x8, x0, -12), // bne x8, x0, loop
		wStop,                   // stop:
	}
}

// dirty lets a fork run dirtier for some pages.
func dirty(t testing.TB, m *Machine, pages int) {
	m.X[5], m.X[6], m.X[7], m.X[8] = dataAt, 1, PageSize, uint64(pages)
	if e := m.Run(1000); e.Kind != Stop {
		t.Fatal(e)
	}
}

// forkImage is the image of dirtier with room for its pages.
func forkImage(t testing.TB, data []byte) *Image {
	t.Helper()
	im, err := machine(t, dirtier(), data).Freeze()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(im.Close)
	return im
}

// BenchmarkFork measures one use of a fork, as a server does it for a request:
// fork, call a function that stores to some pages, close.
func BenchmarkFork(b *testing.B) {
	benchmarkFork(b, forkImage(b, bytes.Repeat([]byte{7}, 64*PageSize)))
}

// BenchmarkForkBlank is BenchmarkFork where the image's pages are zero.
func BenchmarkForkBlank(b *testing.B) { benchmarkFork(b, forkImage(b, make([]byte, 64*PageSize))) }

func benchmarkFork(b *testing.B, im *Image) {
	for _, pages := range []int{0, 1, 2, 4, 8, 16, 32} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			for b.Loop() {
				m, err := im.Fork()
				if err != nil {
					b.Fatal(err)
				}
				dirty(b, m, pages)
				m.Close()
			}
		})
	}
}

// BenchmarkForkReset is the same for who keeps a fork and resets it.
func BenchmarkForkReset(b *testing.B) {
	im := forkImage(b, bytes.Repeat([]byte{7}, 64*PageSize))
	for _, pages := range []int{0, 1, 4} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			m, err := im.Fork()
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			for b.Loop() {
				dirty(b, m, pages)
				m.Reset()
			}
		})
	}
}

// BenchmarkForkScaling compares one goroutine with two that do the same work
// each, and reports how many times as much two get done; interleaved with work
// that shares nothing, which is the floor: what the processors can do.
func BenchmarkForkScaling(b *testing.B) {
	im := forkImage(b, bytes.Repeat([]byte{7}, 64*PageSize))
	for _, pages := range []int{0, 1, 4} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			kinds := []func(){
				func() {
					for range 2000 {
						m, err := im.Fork()
						if err != nil {
							b.Error(err)
							return
						}
						dirty(b, m, pages)
						m.Close()
					}
				},
				func() {
					n := uint64(1)
					for range 200_000 {
						n ^= n << 13
						n ^= n >> 7
						n ^= n << 17
					}
					if n == 0 {
						b.Error("a generator of numbers ended at 0")
					}
				},
			}
			var took [2][3]time.Duration
			for b.Loop() {
				for kind, work := range kinds {
					for n := 1; n <= 2; n++ {
						var group sync.WaitGroup
						begin := time.Now()
						for range n {
							group.Go(work)
						}
						group.Wait()
						if d := time.Since(begin); took[kind][n] == 0 || d < took[kind][n] {
							took[kind][n] = d // the best of all: others use the processors too
						}
					}
				}
			}
			for kind, unit := range []string{"x", "x-floor"} {
				b.ReportMetric(2*took[kind][1].Seconds()/took[kind][2].Seconds(), unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkForkParked measures a fork with one page written that is parked and
// woken.
func BenchmarkForkParked(b *testing.B) {
	im := forkImage(b, bytes.Repeat([]byte{7}, 64*PageSize))
	m, err := im.Fork()
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	dirty(b, m, 1)
	b.ReportAllocs()
	for b.Loop() {
		m.Park()
		if err := m.Mem.Wake(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkForkNew measures a fork for which nothing waits in the pool.
func BenchmarkForkNew(b *testing.B) {
	im := forkImage(b, bytes.Repeat([]byte{7}, 64*PageSize))
	im.Keep(0)
	for b.Loop() {
		m, err := im.Fork()
		if err != nil {
			b.Fatal(err)
		}
		dirty(b, m, 1)
		m.Close()
	}
}
