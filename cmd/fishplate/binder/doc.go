// Package binder lets a process that root started become somebody else, and yet
// open ports below 1024 at any later change.
//
// Drop starts a helper, which keeps CAP_NET_BIND_SERVICE and nothing else, gives
// everything up, and runs the program again in the place of this process: so that
// every thread is born without rights, and none has to be taken away from. What is
// run again finds its end of the line with Inherit. The helper is this program too
// (Run). It trusts nobody who talks to it: it takes a TCP socket, binds it to the
// address of the request, and answers with an error number. It opens nothing, knows
// no path, keeps nothing, and ends when the last end of the line is closed.
//
// A Line may be used by many goroutines and by several processes at once: each
// request brings the socket for its answer. It starts no goroutine but the one of
// Watch, which ends with the helper.
package binder
