// Package backtrack matches the expressions that RE2 cannot: with look-around,
// back-references, atomic groups and possessive quantifiers, as PCRE has them.
//
// Expressions are read by regexp2's parser; the matcher is this package's own,
// because a tenant's budget needs one that counts its steps exactly, asks before
// it goes on, ends where it is told to, and does the same again when a request
// is repeated. It is no judge of how many steps are too many: the caller's Work
// is.
//
// A Program is immutable and safe for concurrent use. A match borrows its stack
// from a pool and gives it back; nothing refers to the text afterwards.
package backtrack
