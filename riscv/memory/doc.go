// Package memory is the address space of one machine: a flat reservation of
// host memory, one byte of attributes per 4 KiB page, and a list of the pages
// that differ from the image that the machine started from.
//
// Page 0 is a guard: every access to it fails. Other pages that nobody mapped
// read as zero and come into being, zeroed and writable, when they are first
// written. Pages that exist are counted against a limit. Loads check only the
// bounds of the address space; the readable attribute is kept but not enforced.
// No page is ever both writable and executable, and executable pages never
// change after Seal.
//
// Freeze makes an Image: on Linux a sealed memfd which every fork maps
// privately, so that forks share what they do not write; elsewhere a copy.
// Reset restores exactly the pages on the list.
//
// A Memory belongs to one goroutine at a time. An Image may be forked
// concurrently. Both hold host memory outside the collector's sight: call
// Close. An Image lives until it and all its forks are closed.
package memory
