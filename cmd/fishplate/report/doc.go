// Package report says in the words of the admin API what the cache has: its
// status, its figures, the objects that it holds; and in those of the metrics what
// backends count. It copies values of the one
// into those of the other; nothing is kept, and nothing is decided but which
// findings an operator ought to see.
package report
