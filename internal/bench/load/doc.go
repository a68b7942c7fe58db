// Package load makes transactions against a server and measures each of them:
// when it was meant to start, when the connection stood, when the first byte
// of the answer came, when it was over.
//
// In a closed loop a number of connections each begin the next transaction when
// the last has ended: that finds the capacity, and hides waiting, since a slow
// answer delays the questions after it. In an open loop transactions are due at
// times fixed beforehand, and their latency counts from then, whether or not a
// connection was free: that finds what a client feels.
//
// Threads of their own drive plain workloads by epoll; TLS, which wants a
// library's goroutine, has one for each connection. Run starts what it needs
// and awaits it. A Tally belongs to whoever gets it from Run. The package knows
// nothing of counters, processes or text.
package load
