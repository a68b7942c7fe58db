// Package harness starts the real binary for end-to-end tests: built once per
// run with the race detector and invariants, given a configuration in a folder
// of its own, and stopped at the test's end. Origins are raw sockets, so that a
// test decides every byte that a server sends.
//
// A started process that prints a race report or a panic fails its test.
package harness
