// Package cache proves the cache from outside: the real binary, real sockets,
// and an origin whose every byte is in the test.
//
// testdata holds the conformance table, one file a chapter of the standards,
// in the notation of testdata/README.md: what a client asks, what the origin is
// asked in turn and answers, what the client must get. Time passes by answers
// that are old when they arrive (Age, Date), so that no case waits.
//
// The other tests hold the product against a naive cache (reference_test.go):
// random histories, users whose answers must never meet, readers of one growing
// object. The last ones are about origins that lie, fail and hang, and about
// memory and reloads while that happens.
package cache
