//go:build race

package balance

// raceDetector makes pools forget at random, so that allocations cannot be
// counted under it.
const raceDetector = true
