// Package http1 turns bytes into messages and back: HTTP/1.1 and HTTP/1.0 on
// both sides (RFC 9110, RFC 9112), strictly, in place and without allocating
// on the plain path. What is not exactly right is refused with a cause from one
// table; nothing is repaired in a way that another parser could see
// differently. The package knows no policy: timeouts, limits and what to do
// with a message are its callers' matter.
//
// A Reader belongs to the goroutine that owns its connection. It takes a buffer
// from netio's pool when bytes arrive and gives it back when it is empty, so an
// idle connection holds none. Heads and body pieces are slices of that buffer:
// a head is valid until the next ReadRequest, ReadResponse or Release, a piece
// until the next call of its Body. The Append functions write into what the
// caller passes and keep nothing.
package http1
