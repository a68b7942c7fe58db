// Package model holds the nouns of the configuration: what config produces and
// every other room consumes. It is data without behaviour beyond look-ups and
// equality, imports nothing of ours, and is immutable once config returns it.
//
// Durations are time.Duration, sizes are bytes, rates are events per second,
// percentages are fractions of one. A zero value means "not written" and the
// default has already been filled in by config where the schema gives one.
package model
