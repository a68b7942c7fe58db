// Package fact has the words of the doctor: a status, a check of the catalogue,
// what it found, with which evidence, and what would mend it; and the stack of
// things that the machine is made of.
//
// It reads nothing and decides nothing. All of it are plain values, which no
// goroutine owns and which nobody changes once they are made.
package fact
