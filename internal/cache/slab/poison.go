package slab

import "unsafe"

// poisonByte fills freed cells in builds with invariants: a reader that kept a
// cell too long sees it, and a writer is found when the cell is handed out again.
const (
	poisonByte  = 0xdb
	poisonFirst = cellFirst + 8 // behind the user's bytes and the link
)

func (h *Heap) poison(off int64, size uint32) {
	mem := unsafe.Slice((*byte)(h.at(off)), size)[poisonFirst:]
	for i := range mem {
		mem[i] = poisonByte
	}
}

func (h *Heap) unpoison(off int64, size uint32) {
	mem := unsafe.Slice((*byte)(h.at(off)), size)[poisonFirst:]
	for i, b := range mem {
		check(b == poisonByte, "byte %d of free cell %d was written", i+poisonFirst, off/Unit)
	}
}
