// Package secure makes the TLS settings of a backend out of its configuration
// and of the files that it names. It dials nothing and shakes no hands.
//
// Settings are immutable but for their cache of sessions, and belong to the
// views of a backend that share them. The room starts no goroutine.
package secure
