// Package report turns results into what people and programs read: text, JSON
// and pictures.
//
// It decides nothing, measures nothing, and writes only to the writer it is
// given. What it is given stays the caller's; it keeps none of it and starts no
// goroutine.
package report
