// Package stats says how sure a mean is: Student's interval of repeated
// measurements, Welch's comparison of two sets, and the interval of paired
// ratios. Comparisons are made on logarithms. All are pure functions over
// float64s.
//
// The arithmetic is that of the textbooks: the quantiles come from the
// regularised incomplete beta function, by its continued fraction.
package stats
