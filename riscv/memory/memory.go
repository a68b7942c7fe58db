package memory

import (
	"fmt"
	"unsafe"
)

// Page geometry and the guard at address 0.
const (
	PageShift = 12
	PageSize  = 1 << PageShift
	GuardSize = PageSize
)

// Attributes of a page. Prot arguments use the first three only.
const (
	Read     = 1 << iota // kept, not enforced
	Write                // stores are allowed
	Exec                 // part of the program's code
	mapped               // exists and is counted
	dirty                // on the list: differs, or may differ, from the image
	explicit             // protection was set by Map or Protect
	_

	// Fast says that a store needs no further care: the page exists, may be
	// written, and is on the list. Only ready sets it.
	Fast

	protection = Read | Write | Exec
)

// MaxSpace is the greatest address space, in bytes.
const MaxSpace = 1 << 34

// AttrsBelow is how far below the byte of guest address 0 the attribute byte of
// page 0 lies in host memory. It is the same for all memories, so that generated
// code needs one base register for both: the attribute of page p is at
// Base() - AttrsBelow + p.
const AttrsBelow = MaxSpace >> PageShift

// Kind classifies an Error.
type Kind uint8

// The kinds of errors.
const (
	Denied Kind = iota + 1 // guard page, protection, or outside the address space
	Limit                  // the page limit is reached
	Closed                 // the memory or image was closed
)

// Error reports an access that was refused. Addr is the first refused address.
type Error struct {
	Kind Kind
	Addr uint64
}

func (e *Error) Error() string {
	switch e.Kind {
	case Limit:
		return fmt.Sprintf("write address %#x: memory limit reached", e.Addr)
	case Closed:
		return "use memory: closed"
	}
	return fmt.Sprintf("access address %#x: not allowed", e.Addr)
}

// Memory is one address space. See the package comment for ownership.
type Memory struct {
	whole []byte // attributes, a gap, and the arena, as mapped
	arena []byte
	attrs []byte
	image *Image   // what Reset returns to; nil for a fresh memory
	list  []uint32 // dirty pages, each once
	pages int      // mapped pages
	limit int
}

// New reserves a fresh address space of size bytes, of which limit bytes may
// come to exist. Both are rounded up to pages.
func New(size, limit uint64) (*Memory, error) {
	if size > MaxSpace {
		return nil, fmt.Errorf("reserve memory: %d bytes exceed %d", size, uint64(MaxSpace))
	}
	n := max(roundUp(size), 2*PageSize)
	whole, err := reserve(int(AttrsBelow + n))
	if err != nil {
		return nil, fmt.Errorf("reserve memory: %w", err)
	}
	m := &Memory{limit: int(roundUp(min(limit, MaxSpace)) >> PageShift)}
	m.adopt(whole, n)
	return m, nil
}

func roundUp(n uint64) uint64 { return (n + PageSize - 1) &^ (PageSize - 1) }

func (m *Memory) adopt(whole []byte, size uint64) {
	m.whole = whole
	m.arena = whole[AttrsBelow:][:size:size]
	m.attrs = whole[: size>>PageShift : size>>PageShift]
}

// Size returns the bytes of the address space; addresses are below it.
func (m *Memory) Size() uint64 { return uint64(len(m.arena)) }

// Pages returns how many pages exist, those of the program included.
func (m *Memory) Pages() int { return m.pages }

// Limit returns how many pages may exist.
func (m *Memory) Limit() int { return m.limit }

// Dirty returns how many pages the next Reset will have to look at.
func (m *Memory) Dirty() int { return len(m.list) }

// Base returns the host address of address 0, for an execution engine, which
// must check bounds itself. It is valid until Close.
func (m *Memory) Base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(m.arena)) }

// Attrs returns the attribute bytes, one per page, for an execution engine:
// a page with all bits of Fast may be stored to directly. Only read it.
func (m *Memory) Attrs() []byte { return m.attrs }

// Close gives the host memory back. The Memory must not be used afterwards.
func (m *Memory) Close() {
	if m.whole == nil {
		return
	}
	release(m.whole)
	m.whole, m.arena, m.attrs = nil, nil, nil
	if m.image != nil {
		m.image.drop()
		m.image = nil
	}
}

// span checks that [addr, addr+n) lies in the address space above the guard.
func (m *Memory) span(addr, n uint64) error {
	size := uint64(len(m.arena))
	switch {
	case size == 0:
		return &Error{Closed, addr}
	case addr < GuardSize || addr > size:
		return &Error{Denied, addr}
	case n > size-addr:
		return &Error{Denied, size}
	}
	return nil
}

// enlist puts page p on the dirty list, once.
func (m *Memory) enlist(p uint64) {
	if m.attrs[p]&dirty == 0 {
		m.attrs[p] |= dirty
		m.list = append(m.list, uint32(p))
	}
}

// ready makes page p writable for a store, or says why it is not. The page
// comes into being if it must.
func (m *Memory) ready(p uint64) Kind {
	if p == 0 || p >= uint64(len(m.attrs)) {
		return Denied
	}
	a := m.attrs[p]
	switch {
	case a&(mapped|explicit) == 0:
		a |= Read | Write
	case a&Write == 0:
		return Denied
	}
	if a&mapped == 0 {
		if m.pages >= m.limit {
			return Limit
		}
		m.pages++
	}
	m.attrs[p] = a | mapped
	m.enlist(p)
	m.attrs[p] |= Fast
	return 0
}

// Store writes the low size bytes (1, 2, 4 or 8) of v at any address. It is the
// slow path of an engine: it enforces protection, crosses pages, and creates
// them. Nothing is written unless everything can be.
func (m *Memory) Store(addr, v uint64, size uint64) *Error {
	last := addr + size - 1
	if last < addr {
		return &Error{Denied, addr}
	}
	for p := addr >> PageShift; p <= last>>PageShift; p++ {
		if k := m.ready(p); k != 0 {
			return &Error{k, max(addr, p<<PageShift)}
		}
	}
	for i := range size {
		m.arena[addr+i] = byte(v >> (8 * i))
	}
	return nil
}
