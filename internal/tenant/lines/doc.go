// Package lines shows a guest a message as numbered lines and makes its edits,
// after checking them as a client's would be: no control bytes, no field that
// belongs to the codec, no target that can be read in two ways.
//
// A View refers to the exchange's message for the length of one call, and
// belongs to one goroutine at a time.
package lines
