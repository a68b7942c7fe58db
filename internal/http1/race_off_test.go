//go:build !race

package http1

// allocationLimit is what a call may allocate on average to count as
// allocating nothing. A collection may empty the pools meanwhile.
const allocationLimit = 1
