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
