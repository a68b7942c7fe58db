// Package store is the memory tier of the cache: objects by key and variant,
// with their heads, tags and bodies, within a bound of bytes that covers
// everything, index and free space included.
//
// It does not know HTTP: whether an object may be stored, is fresh, or matches a
// request is decided by the caller, by Meta and Matcher. It waits for nobody:
// a reader of a growing body asks Available, and is woken by who fills it.
//
// Ownership: an Object that a call returns is pinned; its bytes stay where they
// are until Unpin, also when it is removed or evicted meanwhile. One goroutine
// fills an object (Append, Reserve, Commit, Finish, Publish); any number read it.
// The package starts no goroutines: what a large purge leaves behind waits, on the
// books, for Reap or for who needs the room. Close requires that nothing is pinned.
package store
