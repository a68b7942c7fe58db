//go:build !race

package cache

// raceEnabled tells tests that count allocations that the detector makes some.
const raceEnabled = false
