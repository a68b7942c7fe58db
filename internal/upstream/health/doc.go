// Package health says whether a server is well: by asking it (Probe, Run), by
// remembering the answers (Track: rise, fall, history), and by watching the
// errors of real traffic (Window).
//
// It does not decide what follows: upstream does. A Probe dials through a
// function that it is given. Run is a loop on the caller's goroutine and ends
// with its context; nothing else here blocks or starts anything.
package health
