// Package proxy is the spine: it accepts connections, takes requests off them,
// and leads each through the twelve steps of docs/ARCHITECTURE.md, one file a
// step, always forward. It decides nothing itself: routers, filters, tenants
// and backends do, and the codec knows the syntax.
//
// One goroutine owns a connection and everything of the exchange on it: it
// reads the request, writes it to the origin, reads the answer and writes it to
// the client. A second goroutine exists only while a request body that had not
// arrived whole is on its way to the origin; the first awaits it. Connections
// that are idle for a second lose their goroutine and wait in a Parker. Who accepts
// at a shard leads what it accepts by itself, until a session would wait: then
// another goroutine accepts (acceptor.go).
//
// What is fetched for the cache without a client's patience has goroutines of its
// own, which the Server awaits in Close: the rest of a body that is being stored
// (fillers), renewals of stale objects and slices ahead (refreshes), includes of
// pages. They lead inner exchanges, whose answers go into a sink.
//
// An exchange is pooled with its messages and buffers. It pins the current
// Generation in the step read and lets it go when the head of the response is
// decided; what the rest of the exchange needs are copies of small values.
// Blocking waits are bounded by watches, which one goroutine of the Server
// sweeps, so that no timer is touched for each request.
package proxy
