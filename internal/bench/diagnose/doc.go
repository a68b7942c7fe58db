// Package diagnose says what bounds a benchmark's result. Each rule is a pure
// function over the result: it fires on numbers, and its text cites them, so
// that a reader can check the conclusion.
//
// Nothing is measured here, and nothing is read but the result: a saved one is
// judged like a fresh one. The package starts no goroutine and keeps nothing.
package diagnose
