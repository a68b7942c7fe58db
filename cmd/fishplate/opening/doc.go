// Package opening tries again what has failed when a change was committed and must
// come true all the same: to listen at an address. It waits longer after each try,
// and knows nothing of sockets.
//
// Who calls it owns the goroutine, and says when it is no longer wanted.
package opening
