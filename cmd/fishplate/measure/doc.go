// Package measure is the command line of the benchmark: it turns flags into
// what internal/bench is asked, shows progress on a terminal, and prints the
// result. The rows of the verbs themselves stand in cmd/fishplate.
package measure
