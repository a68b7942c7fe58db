//go:build race

package riscv

// raceEnabled says that the race detector's own memory would be counted too.
const raceEnabled = true
