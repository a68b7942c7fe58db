// Package claim keeps two processes from writing to one state folder: the claim
// is a lock on a file in it, which the system takes back when the last process
// that holds it has ended, however it ended.
//
// It knows nothing of what the folder holds, starts no goroutine, and keeps one
// descriptor, which a successor can be given: then both hold the same lock, and
// either may let go of it without the other noticing.
package claim
