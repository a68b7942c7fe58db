// Package measure has the active probes of the doctor: what a wake-up, a system
// call, a look at the clock, a page fault, a timer, a connection on loopback,
// encryption and a copy cost on this machine, now.
//
// All takes less than two seconds, one probe after the other so that they do not
// disturb each other, on threads of its own that end with it: a thread that was
// bound to a processor is not given back. It opens a socket on 127.0.0.1 for the
// time of one probe, and changes nothing. Other load on the machine is measured
// along: medians and best rounds keep most of it out.
package measure
