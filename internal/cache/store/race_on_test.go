//go:build race

package store

// raced divides how often tests repeat things: under the detector, and with
// freed memory poisoned, a round takes twenty times as long.
const raced = 8
