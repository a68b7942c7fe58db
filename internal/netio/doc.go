// Package netio is the sockets of the product: connections, listeners, dialling,
// splice and the set in which long-idle connections are parked. It knows no
// protocol above TCP and Unix sockets and keeps no policy.
//
// On Linux a Conn is a non-blocking descriptor, on the runtime's poller from the
// moment at which somebody waits for it. Every read and write tries the system
// call first, with a raw call that the scheduler is not told of because it
// cannot block, and parks the goroutine only on EAGAIN. Elsewhere a Conn wraps what package net offers; the names are
// the same and what is absent there says so (ErrUnsupported).
//
// A Conn belongs to one goroutine; at most one reads and one writes at a time,
// any may Close. Buffers of the pool belong to who took them until PutBuffer.
// A Parker owns one goroutine from NewParker to Close. A Listener owns none:
// whoever calls Accept lends it theirs, one per shard.
package netio
