// Package bench measures a server, ours or another, and says what bounds the
// result: transactions a second with an interval, latencies without coordinated
// omission, what each side cost in processor time, what the kernel counted
// meanwhile, and a diagnosis that cites these numbers.
//
// Run measures; the client drives threads of its own, and the built-in server
// is a process of its own, so that the two can be told apart. Inner rooms:
// stats, count, load, serve, outcome, diagnose, then the face; report
// prints what it gives. Nothing
// here is part of serving; a running product is measured from outside.
package bench
