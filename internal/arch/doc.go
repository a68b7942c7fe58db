// Package arch holds no code: its test is the law of docs/ARCHITECTURE.md
// (who may import whom, how large a room may grow) as a plain Go test.
package arch
