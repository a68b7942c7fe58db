// Package reloads holds the tests of what a process has become after many
// changes: that it answers as one that was started with the last configuration
// (metamorphic), and that it may be killed at any step of a change.
package reloads
