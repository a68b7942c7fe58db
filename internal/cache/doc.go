// Package cache stores answers and decides, as RFC 9111 and the operator's cache
// blocks say, when one of them may stand in for the origin's. It is the face of
// a wing: rules (the law, pure), partial (conditions and ranges), esi, encode,
// store (memory), disk (the tier behind it) and bans do the work; this room
// brings them together for one exchange at a time.
//
// A Visit is an exchange's way through: Open looks up, and may wait for a fetch
// that is under way (a Flight); Condition turns the request into the one that
// the origin is asked; Take says what becomes of the answer; a Filling is the
// body on its way into the store; Reader reads an object that may still grow;
// End settles everything.
//
// It sends nothing, talks to no origin and to no peer. Objects are pinned by the
// visit that has them. Caches owns the stores, one goroutine for background work,
// and those that code variants, bring large objects from a disk or close one;
// Close awaits them. A Flight is ended by exactly one of the visit that leads it
// and the Filling that was taken from it.
package cache
