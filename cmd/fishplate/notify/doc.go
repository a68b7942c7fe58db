// Package notify tells the service manager how the process is: sd_notify(3), in
// a datagram to the socket that NOTIFY_SOCKET names. Without one it tells nobody.
//
// It starts no goroutine, and keeps no socket open.
package notify
