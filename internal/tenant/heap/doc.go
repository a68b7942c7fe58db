// Package heap is the allocator behind the native heap calls of a guest: it
// hands out addresses of a window of the guest's memory and keeps every note
// about them on the host's side, where the guest cannot spoil it.
//
// It touches no guest memory itself. A Heap belongs to one goroutine at a time.
package heap
