// Package predicate turns the HCL expressions of the configuration into
// closures over a request: truths (when), texts (set, to, rewrite, key) and
// numbers (priority), and explains what every part of one came to.
//
// Compilation finds every error there can be: unknown names and functions,
// types that do not fit, bad patterns, networks and files. What compiled cannot
// fail: an absent header, cookie, parameter or fact is null, null travels
// through functions that yield a value, makes functions that yield a truth
// false, equals only null, and is neither less nor greater than anything.
//
// The room fetches nothing itself: an Env carries the request and the facts
// around it. Evaluation allocates nothing once the Env's Scratch has grown; the
// texts it handles are views of the request's buffers and of Scratch, and never
// outlive one call. A compiled expression is immutable and may be shared by all
// goroutines; an Env belongs to one exchange.
package predicate
