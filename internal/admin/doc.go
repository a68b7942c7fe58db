// Package admin is the door through which a running process is seen and
// changed: an HTTP+JSON API, version 1, on a unix socket that only root and the
// process's own user may use, and, when configured, a TCP address that answers
// /metrics and read-only status. Client is its counterpart, used by every verb.
//
// It decides nothing: plans and commits are control's, answers come from the
// functions in Options. A Server owns its sockets and the goroutines that
// serve them; Close ends them. Nothing here is on the way of a request.
package admin
