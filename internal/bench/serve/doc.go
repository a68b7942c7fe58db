// Package serve is the server's side of a benchmark: it answers each workload's
// transactions with as little work of its own as can be, so that what is
// measured is the accept path and the machine.
//
// It comes in two forms. The plain one is a thread for each processor with its
// own listening socket (SO_REUSEPORT), its own poller and nothing between; with
// a single acceptor, one thread takes every connection and hands it to a worker
// of another thread, as many servers do. The other accepts through the
// product's own listeners, with a goroutine for each connection.
//
// A Server owns its threads and goroutines until Close, which awaits them.
package serve
