// Package idle keeps the connections of a server that nobody uses, the one used
// last on top, within bounds of number, idle time and age. It opens none and
// reads none; a connection belongs to its pool from Put to Take. The room starts
// no goroutine.
package idle
