// Package invariant holds checks of our own reasoning. They are compiled in by
// -tags invariant, which every test run of the project sets, and cost nothing
// otherwise. They never check input: bad input is an error, not a broken
// invariant. Guard a check whose arguments cost something by if invariant.On.
package invariant
