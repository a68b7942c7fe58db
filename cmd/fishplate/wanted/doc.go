// Package wanted says what a configuration wants of the machine: in the doctor's
// words where it listens and with how long a queue, how many connections and how
// much memory it may come to, and whether connections are kept; and, before it is
// applied, whether the machine has room for it and lets its addresses listen together.
//
// It opens nothing but the files that tell limits, and keeps nothing; what it
// returns is the caller's.
package wanted
