package layout

import (
	"slices"
	"sort"

	"fishplate/riscv/memory"
)

// Space is what exists in an address space above the program.
type Space struct {
	Heap     uint64    // where the heap begins, on a page's border
	Brk      uint64    // where it ends
	Stack    uint64    // the lowest address of the stack
	StackTop uint64    // the first address above it
	Maps     []Mapping // in order of address, without overlap; do not change
}

// Mapping is what one mmap made, or what munmap and mprotect left of it.
type Mapping struct {
	Start, End uint64
	Prot       uint8 // memory.Read and memory.Write
}

// Guard is the room in bytes that mappings leave below the stack, so that a
// stack that grows too far meets nothing.
const Guard = 256 * memory.PageSize

const plain = memory.Read | memory.Write

// PageUp rounds up to whole pages; it is 0 for the last bytes of 64 bits.
func PageUp(n uint64) uint64 { return (n + memory.PageSize - 1) &^ (memory.PageSize - 1) }

// HeapEnd is the first address above the heap's pages.
func (s *Space) HeapEnd() uint64 { return PageUp(s.Brk) }

// Bottom is the lowest address of a mapping, or where the first would end.
func (s *Space) Bottom() uint64 {
	if len(s.Maps) > 0 {
		return s.Maps[0].Start
	}
	return s.Stack - Guard
}

// Covers says whether all n bytes at addr belong to something readable. Below
// the heap lies the program, for which the memory itself answers.
func (s *Space) Covers(addr, n uint64) bool {
	end := addr + n
	if end < addr || end > s.StackTop {
		return false
	}
	for addr < end {
		next := uint64(0)
		switch {
		case addr < s.HeapEnd():
			next = s.HeapEnd()
		case addr >= s.Stack:
			next = s.StackTop
		default:
			i := s.index(addr)
			if i == len(s.Maps) || s.Maps[i].Start > addr || s.Maps[i].Prot&memory.Read == 0 {
				return false
			}
			next = s.Maps[i].End
		}
		addr = next
	}
	return true
}

// index returns the first mapping that ends above addr.
func (s *Space) index(addr uint64) int {
	return sort.Search(len(s.Maps), func(i int) bool { return s.Maps[i].End > addr })
}

// Find returns the highest free place for size bytes, or 0.
func (s *Space) Find(size uint64) uint64 {
	top := s.Stack - Guard
	for i := len(s.Maps) - 1; ; i-- {
		floor := s.HeapEnd()
		if i >= 0 {
			floor = s.Maps[i].End
		}
		if top > floor && top-floor >= size {
			return top - size
		}
		if i < 0 {
			return 0
		}
		top = s.Maps[i].Start
	}
}

// Free says whether nothing is in [start, end), between heap and stack.
func (s *Space) Free(start, end uint64) bool {
	i := s.index(start)
	return start >= s.HeapEnd() && end <= s.Stack-Guard && (i == len(s.Maps) || s.Maps[i].Start >= end)
}

// Mapped returns the parts of [start, end) that exist, in order, and whether
// they are all of it. Heap and stack are plain; the program is left out.
func (s *Space) Mapped(start, end uint64) (list []Mapping, all bool) {
	add := func(m Mapping) {
		m.Start, m.End = max(m.Start, start), min(m.End, end)
		if m.Start < m.End {
			list = append(list, m)
		}
	}
	add(Mapping{s.Heap, s.HeapEnd(), plain})
	for i := s.index(start); i < len(s.Maps) && s.Maps[i].Start < end; i++ {
		add(s.Maps[i])
	}
	add(Mapping{s.Stack, s.StackTop, plain})
	at := start
	for _, m := range list {
		if m.Start != at {
			return list, false
		}
		at = m.End
	}
	return list, at == end
}

// Cut removes [start, end) from the mappings.
func (s *Space) Cut(start, end uint64) {
	first := s.index(start)
	last := first
	var rest []Mapping
	for ; last < len(s.Maps) && s.Maps[last].Start < end; last++ {
		m := s.Maps[last]
		if m.Start < start {
			rest = append(rest, Mapping{m.Start, start, m.Prot})
		}
		if m.End > end {
			rest = append(rest, Mapping{end, m.End, m.Prot})
		}
	}
	s.Maps = slices.Replace(s.Maps, first, last, rest...)
}

// Set makes [start, end) one mapping, joined with neighbours that are like it.
func (s *Space) Set(m Mapping) {
	s.Cut(m.Start, m.End)
	i := s.index(m.Start)
	if i < len(s.Maps) && s.Maps[i].Start == m.End && s.Maps[i].Prot == m.Prot {
		m.End = s.Maps[i].End
		s.Maps = slices.Delete(s.Maps, i, i+1)
	}
	if i > 0 && s.Maps[i-1].End == m.Start && s.Maps[i-1].Prot == m.Prot {
		s.Maps[i-1].End = m.End
		return
	}
	s.Maps = slices.Insert(s.Maps, i, m)
}
