// Package queue asks the kernel about a listening socket's queue, and about where the
// packets of a connection came in.
//
// Its calls do not block, and the runtime is not told of them: it would wake the thread
// that watches for calls which do, and that looks 50 times in the next milliseconds.
package queue
