// Package cause is the table of what can go wrong on the way to a server: the
// words that logs and counters use, the status that a client gets, and which
// error means which word.
//
// It decides nothing about retries and keeps nothing.
package cause
