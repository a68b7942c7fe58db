// Package turns lets a goroutine that never runs out of work wait for its turn
// behind everybody who has become ready meanwhile. It knows nothing of what they
// wait for, and has no order of its own: the runtime's poller has it. Turns own a
// descriptor until they are closed, and no goroutine.
package turns
