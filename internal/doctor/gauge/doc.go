// Package gauge takes the readings that rows of several groups need: a file of
// one number, counters since boot or since an earlier look, the cards of our
// network namespace, the files of our control group and of those above it, and
// whether some program runs.
//
// It reads and subtracts; it judges only what cannot be seen, which is unknown.
// It keeps nothing, starts no goroutine, and what it returns is the caller's.
package gauge
