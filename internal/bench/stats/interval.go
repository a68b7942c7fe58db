package stats

import (
	"math"
	"slices"
)

// Confidence is the probability with which intervals of this package cover the
// true value.
const Confidence = 0.95

// Interval is a mean and how far it may be off.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// N is how many measurements stand behind it. With one nothing is known
	// about the error: Low and High are then the mean, and Half answers no.
	N int `json:"n"`
}

// Half returns how far High is above the mean, as a share of it; ok is false when fewer
// than two measurements leave it unknown, or the mean is zero.
func (i Interval) Half() (share float64, ok bool) {
	if i.N < 2 || i.Mean == 0 {
		return 0, false
	}
	return (i.High - i.Mean) / math.Abs(i.Mean), true
}

// Of returns the mean of the values with Student's interval. Where no value is
// below zero the true mean is not either, and the interval is cut there: that
// covers it just as often.
func Of(values []float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{}
	}
	mean, variance := moments(values)
	half := 0.0
	if n > 1 {
		half = Quantile(1-(1-Confidence)/2, float64(n-1)) * math.Sqrt(variance/float64(n))
	}
	low := mean - half
	if slices.Min(values) >= 0 {
		low = max(low, 0)
	}
	return Interval{mean, low, mean + half, n}
}

// moments returns mean and sample variance; the variance of one value is 0.
func moments(values []float64) (mean, variance float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	if len(values) < 2 {
		return mean, 0
	}
	for _, v := range values {
		variance += (v - mean) * (v - mean) / (n - 1)
	}
	return mean, variance
}

// Comparison says how b differs from a, as a ratio. It is made on logarithms: a
// ratio cannot fall below zero, nor can its interval then, and b to a says the
// inverse of what a to b says.
type Comparison struct {
	Ratio float64 `json:"ratio"` // b / a, of geometric means
	Low   float64 `json:"low"`   // the interval of the ratio
	High  float64 `json:"high"`
	P     float64 `json:"p"`     // that means which are equal look as different as these
	Known bool    `json:"known"` // there is an interval: else Low and High are the ratio
	Sure  bool    `json:"sure"`  // the interval does not hold 1
	N     int     `json:"n"`     // measurements of the smaller set, or pairs
}

// Welch compares two independent sets, whose variances may differ. With fewer
// than two values in one of them, or a value that is not above zero, there is
// no interval.
func Welch(a, b []float64) Comparison {
	c := Comparison{Ratio: Centre(b) / Centre(a), N: min(len(a), len(b))}
	if !positive(a) || !positive(b) || c.N < 2 {
		return c.alone()
	}
	ma, va := moments(logarithms(a))
	mb, vb := moments(logarithms(b))
	ea, eb := va/float64(len(a)), vb/float64(len(b))
	df := 1.0
	if e := ea + eb; e > 0 {
		df = e * e / (ea*ea/float64(len(a)-1) + eb*eb/float64(len(b)-1))
	}
	return c.around(mb-ma, math.Sqrt(ea+eb), df)
}

// Paired compares measurements that were taken in pairs, one right after the
// other: what drifts over minutes drops out of each pair's ratio. With fewer than
// two pairs, or a value that is not above zero, there is no interval.
func Paired(a, b []float64) Comparison {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	c := Comparison{Ratio: Centre(b) / Centre(a), N: n}
	if !positive(a) || !positive(b) || n < 2 {
		return c.alone()
	}
	ratios := make([]float64, n)
	for i := range n {
		ratios[i] = math.Log(b[i] / a[i])
	}
	mean, variance := moments(ratios)
	return c.around(mean, math.Sqrt(variance/float64(n)), float64(n-1))
}

// alone is a ratio of which nothing more is known; one to nothing is 1.
func (c Comparison) alone() Comparison {
	if math.IsNaN(c.Ratio) || math.IsInf(c.Ratio, 0) {
		c.Ratio = 1
	}
	c.Low, c.High, c.P = c.Ratio, c.Ratio, 1
	return c
}

// around puts Student's interval around a mean difference of logarithms, unless it is
// wider than numbers are.
func (c Comparison) around(mean, deviation, df float64) Comparison {
	half := Quantile(1-(1-Confidence)/2, df) * deviation
	c.Ratio, c.Low, c.High = math.Exp(mean), math.Exp(mean-half), math.Exp(mean+half)
	if math.IsInf(c.High, 1) {
		return c.alone()
	}
	c.Known, c.Sure = true, c.Low > 1 || c.High < 1
	switch {
	case deviation > 0:
		c.P = 2 * Cumulative(-math.Abs(mean)/deviation, df)
	case mean == 0:
		c.P = 1
	}
	return c
}

// Centre is the geometric mean, or the arithmetic one when a value is not above
// zero: what a Comparison's ratio is one of.
func Centre(values []float64) float64 {
	if len(values) == 1 || !positive(values) {
		mean, _ := moments(values)
		return mean
	}
	mean, _ := moments(logarithms(values))
	return math.Exp(mean)
}

func positive(values []float64) bool {
	for _, v := range values {
		if !(v > 0) {
			return false
		}
	}
	return len(values) > 0
}

func logarithms(values []float64) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = math.Log(v)
	}
	return list
}
