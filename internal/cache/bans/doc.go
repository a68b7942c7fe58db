// Package bans takes stored objects out of service by a predicate over what they
// are, as in
//
//	obj.header("X-Build") == "41" && obj.age > 60s
//
// An expression is compiled once: every error it can have is found then, and
// what compiled cannot fail. A List numbers the expressions it is given. An
// object carries the number of the newest ban it has passed, so a lookup tests
// newer ones alone, which costs one comparison when there are none. A lurker
// tests idle objects in the background and drops the bans that all have passed.
//
// The room knows no store: objects are seen through Object and Walk, and what a
// matched object means (remove it, or call it stale) is done by the caller. It
// starts no goroutine; a List may be used by all of them at once. Ages are
// counted at the moment a ban was added, not when an object happens to be
// tested, so that the outcome does not depend on how fast the lurker is.
package bans
