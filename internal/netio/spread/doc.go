// Package spread decides which of the sockets that share an address gets a client:
// the one of the processor that the client's packets come in by, where the kernel
// can be shown to do so, or any by a hash of the addresses.
//
// It sets options of sockets that are the caller's, and opens none but a few of its
// own on the loopback interface to see what the kernel does, which it closes. It
// starts no goroutine that outlives a call.
package spread
