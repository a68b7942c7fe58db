// Package evict decides which object makes room: S3-FIFO over a small and a
// main queue, with a table of ghosts that remembers what left the small one.
// The store and the trace tool run this same code.
//
// It was chosen over LRU and W-TinyLFU by measurement (go run ./test/trace): its
// miss ratio is within a point or two of the better of both on skewed traces and
// it withstands scans, and a hit only raises a two-bit number of the object, so
// that hits take no lock and write a line of memory at most three times.
//
// It holds no objects. Queues are links between nodes that the caller keeps where
// it likes, found by number; everything here is plain data without Go pointers
// and may lie outside the Go heap. The caller serialises calls that change an S3;
// Touch and Ghost may be called concurrently. There are no goroutines.
package evict
