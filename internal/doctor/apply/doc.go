// Package apply does what the doctor's findings ask for, where that is asked for:
// it writes settings of the kernel, keeps them over a restart in files of its own,
// and takes both back. It looks at nothing by itself: it is given findings, and
// whatever it does is said on a line before it is done.
//
// What a fix may do follows from its row: one that only we feel is done, one that
// others feel is done when it was asked for by its id, and everything else is left
// to people, with the command. A setting of the whole kernel is never written from
// a container or a network namespace, which share it with others.
//
// Old values are recorded before the first write, in a folder that one process at
// a time holds. Everything is done by the caller's goroutine.
package apply
