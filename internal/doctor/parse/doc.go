// Package parse reads what Linux prints in /proc and /sys. Each reader is a
// plain function of bytes: it opens nothing, keeps nothing, starts nothing, and
// what it returns belongs to the caller.
//
// The files differ between kernels (columns come and go), between tools that
// imitate them (lxcfs, gVisor, WSL with its line ends) and between a whole read
// and one that was cut. So a reader takes what it understands and leaves the
// rest: a missing column is a missing value, never a zero that looks like a
// measurement. It returns an error only when nothing could be understood, since
// a check turns that into "unknown" and must not turn it into "ok".
//
// No reader judges. Thresholds are in the rows of the catalogue.
package parse
