// Package doctor answers whether it is the proxy or the machine: it looks at what
// decides how fast connections are accepted, proxied and encrypted here, and at
// how fast guests run, and says for each thing what it saw, what that costs and
// who can mend it.
//
// Run looks at all checks of the catalogue in parallel and returns a report. It
// changes nothing. Mend does, and only what a row says a program may do; Unmend
// takes it back.
// What cannot be seen from here is unknown, never fine. Its goroutines end before
// it returns, but for one that hangs in a file of the kernel after the deadline.
package doctor
