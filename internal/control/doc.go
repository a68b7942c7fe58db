// Package control changes the configuration of a running process:
// parse > plan > prepare | COMMIT | drain > release.
//
// A Controller runs one transaction at a time. It reads a configuration through
// the Load function, compares it with the running one, hands the difference to
// a Builder that prepares everything which may fail, and commits: from then on
// new requests meet the new generation only. What the old generation leaves
// behind is drained in the background by goroutines that the Controller owns
// and that Close awaits. When preparation fails, what it did is undone in
// reverse and the running generation never notices.
//
// It parses no text, opens no socket and knows no organ: those are the
// Builder's. It keeps the history of commits in the state folder (journal), or in
// memory where there is none, and what ran last runs again when a process starts.
package control
