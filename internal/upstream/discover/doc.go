// Package discover finds the servers of a backend in the DNS: addresses (A,
// AAAA) or services (SRV), with the time for which an answer holds.
//
// It asks once per call and keeps nothing: when to ask again, what to do with a
// failure and what becomes of the servers is upstream's business. A call blocks
// until it has an answer or its context ends, and starts no goroutine that
// outlives it.
package discover
