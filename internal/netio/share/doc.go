// Package share says how the descriptors of the process are shared out: some for no
// client, some for pipes, and of the rest one for each client and one for the server
// that its requests go to.
//
// It opens and closes nothing. A Quota may be asked by any goroutine.
package share
