// Package index keeps the index of the cache's disk tier: a pebble database
// that cannot take the process with it. Pebble calls a log that it cannot write
// fatal; here the first failed change freezes the files instead, as a crash at
// that moment would have left them, and whoever opened the index is told.
// Panics and fatal errors on the caller's goroutine become errors.
//
// It knows neither keys nor values, and counts the bytes that its files take.
//
// Ownership: an Index owns pebble's goroutines and files from Open to Close.
// Who changes what it read before holds the turn meanwhile.
package index
