//go:build !race

package reloads

const (
	usual = 1000 // changes of TestMemoryReturns
	cycle = 100  // changes after which what changes together is what it was
)
