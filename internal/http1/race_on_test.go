//go:build race

package http1

// allocationLimit is what a call may allocate on average to count as
// allocating nothing. Under the race detector a sync.Pool forgets at random.
const allocationLimit = 8
