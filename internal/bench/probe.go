package bench

import "slices"

// middle returns the median, 0 of nothing.
func middle(times []int64) int64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
