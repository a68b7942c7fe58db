// Package outcome is what a benchmark found: the JSON document
// fishplate.bench/1, which tools may rely on, and the facts of the machine it
// was found on. It holds data and reads the facts; measuring, judging and
// printing are others' work.
package outcome
