// Package tally counts what happened at an address, whichever sockets had it: those
// that are replaced while the process lives leave what they counted to the next, and
// what was counted stays when nobody has the address for a while. It knows nothing of
// sockets, who tell it what the kernel says of them, and decides nothing. A Tally is
// for any number of goroutines; a Book owns its tallies as long as it lives itself,
// and has one for each address that the process ever had.
package tally
