// Package records is the form in which one process hands what it has learned to
// another: a stream of records of one kind, with the version of its format, each
// with its length and a checksum, and an end that counts them.
//
// The reader trusts nothing: a stream of another kind or version, a record that
// is longer than was agreed, one whose checksum is wrong, and a stream without its
// end are errors, and no memory is taken for what has not arrived. What a record
// means is its user's: Fields takes one apart. Nothing here starts a goroutine.
package records
