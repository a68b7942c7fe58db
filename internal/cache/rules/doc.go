// Package rules is the law of the cache, as pure functions: which answers may
// be stored and for how long they are fresh (Judge), whether a stored one may
// answer a request (Reuse), which variant belongs to it (AppendVary, MatchVary),
// what a 304 changes (Merge304), what an unsafe request makes worthless
// (Invalidates), and what Cache-Status and Age say. It follows RFC 9111, RFC 9110
// where caches are concerned, 5861 (stale content), 8246 (immutable), 9211
// (Cache-Status), 9213 (targeted fields) and 9875 (cache groups). What they leave
// open is settled the safe way: rather one fetch too many than a wrong answer.
//
// It stores nothing, fetches nothing, reads no clock and knows no partition:
// times are arguments, and a Policy is a plain value that the wing's face fills.
//
// Nothing here starts a goroutine or keeps what it was given. Functions may run
// concurrently on values that nobody writes to. Reuse, ParseRequest and MatchVary
// are on the path of every hit and allocate nothing.
package rules
