// Package diff compares two configurations noun by noun and value by value: what
// a plan shows, and what decides whether something is rebuilt. Every value is a
// line of text under its name in the configuration; equal texts are equal values.
// A test changes each field of the model and wants it seen here. It says what
// changed, never what the change disturbs.
package diff
