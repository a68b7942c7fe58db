// Package spin lets whoever waits for a connection look again and again for some
// microseconds before it sleeps. In a virtual machine the wake-up of a processor
// that sleeps takes the way through the hypervisor, and costs more than many a
// request; who still looks when the next client comes needs none. It knows nothing of
// sockets, and owns neither memory nor goroutines: a Spinner is its user's.
package spin
