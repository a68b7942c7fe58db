// Package scarce is what becomes of a connection to a server for which the process
// has no descriptor: room is made, or its request waits until some come free. It
// opens and closes nothing itself: who calls says how room is made, and how it is
// tried again. It starts no goroutine, and keeps nobody longer than the bounds of
// the wait.
package scarce
