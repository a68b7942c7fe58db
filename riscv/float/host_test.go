package float

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestHostLikeIntegers compares results and flags of the host's arithmetic with
// those of the integers', on operands that often give exact results, cancel, or
// come near the ends.
func TestHostLikeIntegers(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	value := func() uint64 {
		switch r.IntN(6) {
		case 0:
			return math.Float64bits(float64(r.IntN(1000) - 500))
		case 1:
			return math.Float64bits(math.Ldexp(float64(r.IntN(1<<20)), r.IntN(80)-40))
		case 2:
			return math.Float64bits(r.NormFloat64())
		case 3: // around the places where a check must give up
			return uint64(r.IntN(2))<<63 | uint64([]int{0, 1, 2, 53, 54, 127, 128, 1023, 1076, 2045, 2046, 2047}[r.IntN(12)])<<52 | r.Uint64()>>12
		case 4:
			return uint64(r.IntN(2))<<63 | uint64(r.IntN(2048))<<52 | r.Uint64()>>12&(1<<r.IntN(52)-1)<<r.IntN(30)&(1<<52-1)
		}
		return r.Uint64()
	}
	for range 400_000 {
		a, b := value(), value()
		for _, op := range []struct {
			name       string
			fast, slow func(a, b uint64, rm uint8, flags *uint8) uint64
		}{{"add", double.Add, double.add}, {"mul", double.Mul, double.mul}} {
			var got, want uint8
			if x, y := op.fast(a, b, RNE, &got), op.slow(a, b, RNE, &want); x != y || got != want {
				t.Fatalf("%s %#x %#x: %#x flags %#x, want %#x flags %#x", op.name, a, b, x, got, y, want)
			}
		}
	}
}

// TestOnce adds the product of two singles to a single as Run does.
func TestOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 3))
	tried := 0
	for range 400_000 {
		a, b, c := r.Uint32(), r.Uint32(), r.Uint32()
		if r.IntN(2) == 0 { // few bits, so that sums fall on ties
			a, b, c = a&0xbff80000|0x38000000, b&0xbff80000|0x38000000, c&0xbfffffff|0x30000000
		}
		x, y, z := math.Float32frombits(a), math.Float32frombits(b), math.Float32frombits(c)
		got, ok := Plain32Once(float64(x)*float64(y) + float64(z))
		flags := uint8(NX)
		if want := single.fma(uint64(a), uint64(b), uint64(c), false, false, RNE, &flags); ok && (got != Box|want || flags != NX) {
			t.Fatalf("fma %#x %#x %#x: %#x, want %#x flags %#x", a, b, c, got, Box|want, flags)
		}
		if ok {
			tried++
		}
	}
	if tried < 100_000 {
		t.Errorf("only %d results were plain", tried)
	}
}
