// Command hitless asks whether changes disturb anybody: it puts an open-loop load
// on a server (requests on connections that stay, short connections with and
// without TLS, WebSockets, long downloads, clients pinned by a cookie, a tenant)
// while its configuration changes, broken ones are offered, certificates are
// swapped and servers behind it are killed. It counts every request that failed
// and every stream that was cut, and does the same with nginx and haproxy under
// reloads. What a killed server had in its hands is counted apart. A part of the
// load goes to a server directly and is the floor of what a machine can do.
package main
