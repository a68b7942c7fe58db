// Package persist remembers which server a client belongs to: in a cookie whose
// value is an opaque keyed tag (Tagger), in a bounded table from a key of the
// request to a server (Table), or inside the application's own cookie (the
// header edits of cookie.go).
//
// It does not choose servers and does not know whether one is up: upstream
// asks and decides. A Table owns copies of its keys; nothing here starts a
// goroutine, and time is an argument. Safe for concurrent use.
package persist
