// Package trial runs the rows of a group in its tests: on machines of a few files
// with the verdict that is wanted, and on ruins of machines, where no row may
// call anything good.
//
// Only tests import it. It starts no goroutine and keeps nothing.
package trial
