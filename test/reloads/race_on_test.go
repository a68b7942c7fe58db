//go:build race

package reloads

// The race detector takes ten times as long for each change.
const (
	usual = 20 // changes of TestMemoryReturns
	cycle = 20 // changes until there is one of each kind
)
