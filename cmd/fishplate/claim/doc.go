// Package claim keeps two processes from writing to one state folder: the claim
// is a lock on a file in it, which the system takes back when the last process
// that holds it has ended, however it ended.
//
// Secret makes and reads the folder's secret. Of what else lies there it knows
// nothing; it starts no goroutine, and keeps one
// descriptor, which a successor can be given: then both hold the same lock, and
// either may let go of it without the other noticing.
package claim
