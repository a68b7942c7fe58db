// Package permit says which guest may run for longer than its first slice.
// Yielding is not fairness: while any goroutine is runnable the Go scheduler
// polls the network only every 10 ms, so long runs are admitted one slice at a
// time, and fewer of them at once than there are processors.
//
// It knows no machine and starts no goroutine. Permits is safe for concurrent
// use.
package permit
