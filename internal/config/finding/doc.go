// Package finding holds what reading a configuration found: errors and warnings
// with their place, and how they are printed for people and for tools. It finds
// nothing itself and opens no file: the caller brings the sources. A list belongs
// to whoever collects it; sorting works in place.
// It starts no goroutine.
package finding
