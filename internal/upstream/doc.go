// Package upstream reaches servers. A Backend is one generation's view of a
// group of servers: its compiled balancing policy and settings. Behind it lies
// the estate, by backend and server name, which survives reloads: idle
// connections, health and error history, counters, the queue, persistence
// tables and the retry budget.
//
// Acquire turns a request into a Lease: persistence, then balance, then a slot
// (or a place in the queue), then an idle or dialled connection. The caller
// speaks HTTP on it, reports the outcome and releases it.
//
// It does not route, does not read or write messages (health checks aside) and
// does not decide what a client is told beyond the status of a Fault.
//
// Ownership: a Set owns every goroutine started here (one sweeper, one per
// health check, one per discovered name) and Close awaits them. A connection
// belongs to its pool while idle and to the Lease's holder otherwise. The wing's
// inner rooms are balance (pure choice), persist (pinning), health, discover, queue,
// secure (TLS) and idle (connections that nobody uses).
package upstream
