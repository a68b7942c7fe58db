// Package queue orders the requests that wait for a server: by priority, then by
// arrival, pinned ones for their own server. It hands slots over; it neither
// counts connections nor starts goroutines, and a waiter's channel and timer
// belong to whoever waits.
package queue
