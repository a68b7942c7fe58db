// Package reel is what is kept of the calls of a tenant's program, so that they
// can be looked at and run again elsewhere: a stream of events, a file that holds
// the stream with everything else that a repetition needs, and the ring that
// keeps recordings until newer ones take their place.
//
// It neither runs programs nor knows what the numbers in an event mean: that is
// internal/tenant's. A Writer belongs to one goroutine; a Ring is safe for
// concurrent use and owns what is put into it. Files come from strangers: Parse
// never panics, and allocates no more than the file is long.
package reel
