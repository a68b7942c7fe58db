// Package partial answers the requests that do not want all of a
// representation: conditional ones (RFC 9110 §13) and ranges (§14). It plans
// the answer to such a request from the facts of a stored answer, builds the
// fields and part heads of 206, 304 and 416, judges the 206 answers that
// origins send, says whether and how incomplete answers combine (RFC 9111 §3.3,
// §3.4), and computes the slices of a representation that is fetched piecewise.
//
// It does not look objects up, hold or send bodies, and knows no freshness.
//
// Every function is pure. The package starts no goroutine and keeps nothing:
// byte slices are the caller's, and what a Plan holds of them is valid as long
// as they are. Positions are bytes from the beginning of the representation;
// both ends of a Range are inclusive, as in the fields.
package partial
