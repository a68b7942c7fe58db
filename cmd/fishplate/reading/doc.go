// Package reading turns files, folders and texts into configurations, for the
// process that runs and for the verbs that only look. What is wrong with them comes
// back as problems with their places.
//
// It decides nothing about what runs, writes nothing, and owns no goroutine. A
// Reader remembers parts of what it read, and may be asked by several goroutines.
package reading
