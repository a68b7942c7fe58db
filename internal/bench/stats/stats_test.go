package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The values are those of the printed tables of Student's distribution.
func TestQuantile(t *testing.T) {
	for _, c := range []struct{ p, df, want float64 }{
		{0.975, 1, 12.7062}, {0.975, 2, 4.3027}, {0.975, 4, 2.7764}, {0.975, 9, 2.2622},
		{0.975, 29, 2.0452}, {0.975, 1e6, 1.9600}, {0.95, 5, 2.0150}, {0.995, 3, 5.8409},
		{0.5, 7, 0}, {0.025, 4, -2.7764},
	} {
		if got := Quantile(c.p, c.df); math.Abs(got-c.want) > 5e-5*max(1, math.Abs(c.want)) {
			t.Errorf("Quantile(%v, %v) = %v, want %v", c.p, c.df, got, c.want)
		}
	}
	for _, c := range [][2]float64{{0, 3}, {1, 3}, {0.9, 0}, {math.NaN(), 3}} {
		if got := Quantile(c[0], c[1]); !math.IsNaN(got) {
			t.Errorf("Quantile(%v, %v) = %v, want NaN", c[0], c[1], got)
		}
	}
}

func TestQuantileIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Float64Range(0.001, 0.999).Draw(t, "p")
		df := rapid.Float64Range(1, 500).Draw(t, "df")
		if got := Cumulative(Quantile(p, df), df); math.Abs(got-p) > 1e-9 {
			t.Fatalf("Cumulative(Quantile(%v)) = %v with df %v", p, got, df)
		}
	})
}

func TestOf(t *testing.T) {
	// Mean 10, standard deviation 1, five values: half = 2.7764 / √5.
	values := []float64{8.7350889, 9.3675445, 10, 10.6324555, 11.2649111}
	got := Of(values)
	if math.Abs(got.Mean-10) > 1e-6 || math.Abs(got.High-11.24166) > 1e-4 || math.Abs(got.Low-8.75834) > 1e-4 || got.N != 5 {
		t.Errorf("Of = %+v", got)
	}
	if half, ok := got.Half(); !ok || math.Abs(half-0.124166) > 1e-5 {
		t.Errorf("Half = %v, %v", half, ok)
	}
	if _, ok := Of([]float64{7}).Half(); ok {
		t.Error("one value has an interval")
	}
	if got := Of(nil); got != (Interval{}) {
		t.Errorf("Of(nil) = %+v", got)
	}
}

// Of logarithms, worked by hand: those of a have the mean 3·ln 2 and the variance
// 2.5·ln² 2, those of b twice and four times as much; t = 3/√2.5 = 1.8974 with
// 5.8824 degrees of freedom, at which Student's quantile is 2.4588.
func TestWelch(t *testing.T) {
	a, b := []float64{2, 4, 8, 16, 32}, []float64{4, 16, 64, 256, 1024}
	c := Welch(a, b)
	half := 2.4588 * math.Sqrt(2.5) * math.Ln2
	if math.Abs(c.P-0.1075) > 5e-4 || c.Sure || !c.Known || math.Abs(c.Ratio-8) > 1e-9 || math.Abs(math.Log(c.High/8)-half) > 1e-3 || math.Abs(math.Log(8/c.Low)-half) > 1e-3 {
		t.Errorf("Welch = %+v", c)
	}
	for i := range b {
		b[i] *= 64
	}
	if c := Welch(a, b); !c.Sure || c.Low <= 1 || c.P > 0.01 {
		t.Errorf("Welch of what differs = %+v", c)
	}
	if c := Welch(a, a); c.Sure || c.Ratio != 1 || c.P != 1 {
		t.Errorf("Welch of the same = %+v", c)
	}
	if c := Welch(a[:1], b); c.Known || c.Sure || c.Low != c.High {
		t.Errorf("Welch of one value = %+v", c)
	}
}

// Two measurements are few, and their interval wide: it is an interval of ratios
// all the same, above zero, and turned round when the sides are.
func TestIntervalsOfFew(t *testing.T) {
	a, b := []float64{9000, 11000}, []float64{4000, 12000}
	for name, compare := range map[string]func(a, b []float64) Comparison{"Welch": Welch, "Paired": Paired} {
		c, back := compare(a, b), compare(b, a)
		if !c.Known || c.Low <= 0 || c.Low >= c.Ratio || c.High <= c.Ratio {
			t.Errorf("%s = %+v", name, c)
		}
		if math.Abs(c.Ratio*back.Ratio-1) > 1e-9 || math.Abs(c.Low*back.High-1) > 1e-9 || math.Abs(c.P-back.P) > 1e-9 {
			t.Errorf("%s = %+v, and the other way round %+v", name, c, back)
		}
		for _, none := range [][]float64{{0, 5}, {0, 0}, {}, {7}, {1e-300, 1e300}} {
			c := compare(none, b)
			if c.Known || c.Sure || c.P != 1 || math.IsNaN(c.Ratio) || math.IsInf(c.Ratio, 0) {
				t.Errorf("%s of %v = %+v", name, none, c)
			}
		}
	}
	if iv := Of([]float64{4000, 12000}); iv.Low != 0 || iv.High <= iv.Mean {
		t.Errorf("Of = %+v", iv)
	}
	if iv := Of([]float64{-4000, 12000}); iv.Low >= 0 {
		t.Errorf("Of what may be negative = %+v", iv)
	}
}

// A drift that both share hides the difference from Welch, not from pairs.
func TestPaired(t *testing.T) {
	var a, b []float64
	for i := range 8 {
		drift := 1 + float64(i)/8
		wobble := 1 + 0.002*float64(i%3-1)
		a, b = append(a, 100*drift), append(b, 97*drift*wobble)
	}
	if c := Paired(a, b); !c.Sure || c.High >= 1 || math.Abs(c.Ratio-0.97) > 0.002 || c.P > 1e-3 {
		t.Errorf("Paired = %+v", c)
	}
	if c := Welch(a, b); c.Sure {
		t.Errorf("Welch is sure in spite of the drift: %+v", c)
	}
	if c := Paired(a[:1], b[:1]); c.Sure {
		t.Errorf("Paired of one = %+v", c)
	}
}
