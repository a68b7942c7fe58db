package memory

import "golang.org/x/sys/cpu"

// fewPages is how many pages are copied. When many more with their originals
// come to pass than the first-level cache holds, it is the writing back of what
// was copied that takes the time: comparing first, and writing only what
// differs, is faster for pages of which little was written.
const fewPages = 12

// refiller returns what makes one of n pages as its original is.
func refiller(n int) func(page, data *[PageSize]byte) {
	if n > fewPages && cpu.X86.HasAVX2 {
		return refillChanges
	}
	return refillPlainly
}

// refillChanges makes page as data is by writing pieces of 128 bytes that differ.
//
//go:noescape
func refillChanges(page, data *[PageSize]byte)
