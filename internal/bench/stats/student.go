package stats

import "math"

// Quantile returns t such that a Student variable with df degrees of freedom
// (a fraction is allowed, as Welch needs) is below it with probability p. It is
// NaN outside 0 < p < 1 and df > 0.
func Quantile(p, df float64) float64 {
	switch {
	case !(p > 0 && p < 1) || !(df > 0):
		return math.NaN()
	case p == 0.5:
		return 0
	case p < 0.5:
		return -Quantile(1-p, df)
	}
	low, high := 0.0, 1.0
	for Cumulative(high, df) < p && high < 1e12 {
		low, high = high, high*2
	}
	// Bisection: forty doublings at most above, and the bits of a float64 here.
	for range 200 {
		middle := (low + high) / 2
		if middle == low || middle == high {
			break
		}
		if Cumulative(middle, df) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// Cumulative returns the probability that a Student variable with df degrees
// of freedom is below t.
func Cumulative(t, df float64) float64 {
	tail := beta(df/(df+t*t), df/2, 0.5) / 2
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// beta is the regularised incomplete beta function I_x(a, b).
func beta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	// The fraction converges quickly only on this side of the mean.
	if x < (a+1)/(a+b+2) {
		return front * fraction(x, a, b) / a
	}
	return 1 - front*fraction(1-x, b, a)/b
}

// fraction is the continued fraction of the incomplete beta function, by the
// method of Lentz.
func fraction(x, a, b float64) float64 {
	const tiny, enough, most = 1e-300, 1e-15, 10_000
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c := 1.0
	d := 1 / away(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i <= most; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / away(1+even*d)
		c = away(1 + even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / away(1+odd*d)
		c = away(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < enough {
			break
		}
	}
	return h
}
