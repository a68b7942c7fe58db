//go:build !race

package netio

// allocationLimit is what a call may allocate on average to count as
// allocating nothing. A collection may empty the pools meanwhile.
const allocationLimit = 1
