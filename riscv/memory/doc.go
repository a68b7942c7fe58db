// Package memory is the address space of one machine: a flat reservation of
// host memory, one byte of attributes per 4 KiB page, and a list of the pages
// that differ from the image that the machine started from.
//
// Page 0 is a guard: every access to it fails. Other pages read as zero until
// they are first written; then they come into being, if the region that they lie
// in allows stores, and are counted against a limit. Outside all regions stores
// are allowed. Loads check only the bounds of the address space: the readable
// attribute is kept but not enforced. No page is ever writable and executable, and
// executable pages never change.
//
// Freeze makes an Image: on Linux pages packed into a memfd, which every fork
// maps privately where they belong, so that forks share what they do not write;
// elsewhere a copy. What an image does not have is anonymous memory in a fork:
// reading it costs the host nothing that outlives the fork.
//
// The host memory of a fork is an arena. Reset restores exactly the pages on the
// list; Close does the same and leaves the arena to the next fork; Park keeps
// the changes in a few bytes and lends the arena away, until the memory is next
// used. Idle arenas lie in a pool per processor, which the collector empties.
//
// A Memory belongs to one goroutine at a time. An Image may be used
// concurrently. Both hold host memory outside the collector's sight: call
// Close. An Image lives until it and all its forks are closed. The package
// starts no goroutines.
package memory
