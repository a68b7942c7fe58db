// Package evict decides which object makes room: S3-FIFO over a small and a
// main queue, with a table of ghosts that remembers what left the small one.
// The store and the trace tool run this same code.
//
// It was chosen by measurement (go run ./test/trace; docs/RATIONALE.md). It misses
// 3 to 12 points less than LRU on skewed traces, with scans too. W-TinyLFU is one or
// two points better on those, three where sizes differ widely, but 10 to 30 worse
// where popularity moves; and it must order a list on each hit. Here a hit raises a
// two-bit number of the object: no lock, and at most three writes of memory.
//
// It holds no objects. Queues are links between nodes that the caller keeps where
// it likes, found by number; everything here is plain data without Go pointers
// and may lie outside the Go heap. The caller serialises calls that change an S3;
// Touch and Ghost may be called concurrently. There are no goroutines.
package evict
