//go:build !linux

package measure

// native are none where the system is not Linux.
func native() []probe { return nil }
