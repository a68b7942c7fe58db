package riscv

import (
	"os"
	"testing"
)

// speed runs a program, with n as its amount of work, to its end again and again and reports how many million
// instructions a second that is.
func speed(b *testing.B, source, n string) {
	p := load(b, build(b, "testdata/programs/"+source, "-O2", "-march=rv64gc"))
	total := uint64(0)
	for b.Loop() {
		b.StopTimer()
		g := newGuest(b, p, n)
		b.StartTimer()
		g.run(b, 100_000)
		total += g.Instret
		g.Close()
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds()/1e6, "MIPS")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkFib(b *testing.B)    { speed(b, "fib.c", "30") }
func BenchmarkSieve(b *testing.B)  { speed(b, "sieve.c", "5000000") }
func BenchmarkSHA256(b *testing.B) { speed(b, "sha256.c", "1024") }
func BenchmarkMatrix(b *testing.B) { speed(b, "matrix.c", "200") }

// BenchmarkForkReset measures one use of a pooled fork: run a little, dirty some
// pages, reset.
func BenchmarkForkReset(b *testing.B) {
	for _, pages := range []int{0, 1, 4, 16} {
		b.Run(map[int]string{0: "clean", 1: "1page", 4: "4pages", 16: "16pages"}[pages], func(b *testing.B) {
			m := fork(b, []uint32{wStop}, make([]byte, 32*4096))
			for b.Loop() {
				for i := range pages {
					if err := m.Mem.Write(dataAt+uint64(i)*4096, []byte{1}); err != nil {
						b.Fatal(err)
					}
				}
				if e := m.Run(10); e.Kind != Stop {
					b.Fatal(e)
				}
				m.Reset()
			}
		})
	}
}

// BenchmarkForkClose measures a fork made and closed, as a pool does when it
// grows and shrinks.
func BenchmarkForkClose(b *testing.B) {
	m := fork(b, []uint32{wStop}, make([]byte, 4096))
	for b.Loop() {
		f, err := m.image.Fork()
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkLoad measures verifying and decoding a static glibc program.
func BenchmarkLoad(b *testing.B) {
	file, err := os.ReadFile(build(b, "testdata/programs/fib.c", "-O2"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := LoadProgram(file); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall measures one system call: leave, skip, enter again.
func BenchmarkCall(b *testing.B) {
	m := machine(b, []uint32{wCall, 0xffdff06f}, make([]byte, 8)) // ecall; j back
	for b.Loop() {
		if e := m.Run(1000); e.Kind != Call {
			b.Fatal(e.Kind)
		}
		m.SkipCall()
	}
}
