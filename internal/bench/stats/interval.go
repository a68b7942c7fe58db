package stats

import "math"

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

// Half returns half the width as a share of the mean; ok is false when fewer
// than two measurements leave it unknown, or the mean is zero.
func (i Interval) Half() (share float64, ok bool) {
	if i.N < 2 || i.Mean == 0 {
		return 0, false
	}
	return (i.High - i.Low) / 2 / math.Abs(i.Mean), true
}

// Of returns the mean of the values with Student's interval.
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
	return Interval{mean, mean - half, mean + half, n}
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

// Comparison says how b differs from a, as shares of a's mean.
type Comparison struct {
	Ratio float64 `json:"ratio"` // b / a
	Low   float64 `json:"low"`   // the interval of the ratio
	High  float64 `json:"high"`
	P     float64 `json:"p"`    // that means which are equal look as different as these
	Sure  bool    `json:"sure"` // the interval does not hold 1
	N     int     `json:"n"`    // measurements of the smaller set, or pairs
}

// Welch compares two independent sets, whose variances may differ. Fewer than
// two values in one of them, or a mean of zero, tell nothing: Sure is false, and
// Low and High are the ratio.
func Welch(a, b []float64) Comparison {
	ma, va := moments(a)
	mb, vb := moments(b)
	c := Comparison{Ratio: 1, P: 1, N: min(len(a), len(b))}
	if ma != 0 {
		c.Ratio = mb / ma
	}
	c.Low, c.High = c.Ratio, c.Ratio
	if c.N < 2 || ma == 0 {
		return c
	}
	ea, eb := va/float64(len(a)), vb/float64(len(b))
	e := ea + eb
	if e == 0 {
		c.Sure = ma != mb
		if c.Sure {
			c.P = 0
		}
		return c
	}
	df := e * e / (ea*ea/float64(len(a)-1) + eb*eb/float64(len(b)-1))
	half := Quantile(1-(1-Confidence)/2, df) * math.Sqrt(e) / math.Abs(ma)
	c.Low, c.High = c.Ratio-half, c.Ratio+half
	c.P = 2 * Cumulative(-math.Abs(mb-ma)/math.Sqrt(e), df)
	c.Sure = c.Low > 1 || c.High < 1
	return c
}

// Paired compares measurements that were taken in pairs, one right after the
// other: what drifts over minutes drops out of each pair's ratio.
func Paired(a, b []float64) Comparison {
	n := min(len(a), len(b))
	ratios := make([]float64, 0, n)
	for i := range n {
		if a[i] != 0 {
			ratios = append(ratios, b[i]/a[i])
		}
	}
	iv := Of(ratios)
	c := Comparison{Ratio: iv.Mean, Low: iv.Low, High: iv.High, P: 1, N: len(ratios)}
	if len(ratios) < 2 {
		return c
	}
	_, variance := moments(ratios)
	if e := math.Sqrt(variance / float64(len(ratios))); e > 0 {
		c.P = 2 * Cumulative(-math.Abs(iv.Mean-1)/e, float64(len(ratios)-1))
	} else if iv.Mean != 1 {
		c.P = 0
	}
	c.Sure = c.Low > 1 || c.High < 1
	return c
}
