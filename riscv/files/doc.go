// Package files is what a guest process finds where an operating system has
// files: its standard streams, a few devices, and a tree to be read only.
//
// A Table holds the descriptors, a File what they stand for. Nothing here knows
// of guest memory or error numbers, and nothing can be written but the streams
// and the devices. A Table belongs to one goroutine at a time; streams and tree
// are the caller's.
package files
