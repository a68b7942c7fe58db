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
	Read   = 1 << iota // kept, not enforced
	Write              // stores are allowed
	Exec               // part of the program's code
	mapped             // exists and is counted
	dirty              // on the list: differs, or may differ, from the image
	owned              // the arena has a private copy of it, perhaps from an earlier fork
	blank              // of an image only: nothing but zeroes

	// Fast says that a store needs no further care: the page exists, may be
	// written, is dirty and owned. It is one bit of its own, which generated code
	// tests with one instruction; only ready sets it.
	Fast

	protection = Read | Write | Exec
)

// MaxSpace is the greatest address space, in bytes.
const MaxSpace = 1 << 34

// AttrsBelow is how far below the byte of guest address 0 the attribute byte of
// page 0 lies in host memory. It is the same for all memories, so that generated
// code needs one base register for both: the attribute of page p is at
// Base() - AttrsBelow + p. Attributes of pages between Size and MaxSpace can be
// looked at too; they are 0.
const AttrsBelow = MaxSpace >> PageShift

// Kind classifies an Error.
type Kind uint8

// The kinds of errors.
const (
	Denied Kind = iota + 1 // guard page, protection, or outside the address space
	Limit                  // the page limit is reached
	Closed                 // the memory or image was closed
	Host                   // the host has no memory for an arena
	Leave                  // a store to one page more than Allow allowed
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
	case Host:
		return "use memory: the host cannot map more"
	case Leave:
		return fmt.Sprintf("write address %#x: one page more than was allowed", e.Addr)
	}
	return fmt.Sprintf("access address %#x: not allowed", e.Addr)
}

// Memory is one address space. The zero value is a closed one, which
// Image.Attach can make a fork. See the package comment for ownership.
type Memory struct {
	arena []byte // nil while parked or closed
	attrs []byte // one byte per page; nil with arena
	host  *arena // what both are part of

	image   *Image   // what Reset returns to; nil for a fresh memory
	size    uint64   // bytes of the address space
	list    []uint32 // dirty pages, each once
	pages   int      // mapped pages
	limit   int
	allowed int      // stores may make the list this long; 0: as long as they like
	parked  *parked  // the changes of a fork without an arena
	regions regions  // what Map and Protect said
	backing *Backing // where images of this memory go; nil for a file of their own

	loan *loan // what is shown of another memory

	_ [7]uint64 // whole cache lines, so that forks on two processors share none
}

// New reserves a fresh address space of size bytes, of which limit bytes may
// come to exist. Both are rounded up to pages.
func New(size, limit uint64) (*Memory, error) { return NewOn(nil, size, limit) }

// NewOn is New for a memory whose images, and theirs in turn, are kept in b.
func NewOn(b *Backing, size, limit uint64) (*Memory, error) {
	if size > MaxSpace {
		return nil, fmt.Errorf("reserve memory: %d bytes exceed %d", size, uint64(MaxSpace))
	}
	size = max(roundUp(size), 2*PageSize)
	whole, err := reserve(int(AttrsBelow + size))
	if err != nil {
		return nil, fmt.Errorf("reserve memory: %w", err)
	}
	m := &Memory{size: size, backing: b, limit: int(roundUp(min(limit, MaxSpace)) >> PageShift)}
	m.adopt(&arena{&mapping{whole: whole}})
	return m, nil
}

func roundUp(n uint64) uint64 { return (n + PageSize - 1) &^ (PageSize - 1) }

// adopt makes an arena the host memory of m.
func (m *Memory) adopt(a *arena) {
	m.host = a
	m.arena = a.whole[AttrsBelow:][:m.size:m.size]
	m.attrs = a.whole[: m.size>>PageShift : m.size>>PageShift]
}

// disown takes the arena away from m and returns it.
func (m *Memory) disown() *arena {
	a := m.host
	m.host, m.arena, m.attrs = nil, nil, nil
	return a
}

// Size returns the bytes of the address space; addresses are below it. It is 0
// once the memory is closed.
func (m *Memory) Size() uint64 { return m.size }

// Pages returns how many pages exist, those of the program included.
func (m *Memory) Pages() int { return m.pages }

// Limit returns how many pages may exist.
func (m *Memory) Limit() int { return m.limit }

// Dirty returns how many pages the next Reset will have to look at.
func (m *Memory) Dirty() int { return len(m.list) }

// Allow lets the program's stores, which are those by Ready and Store, change n
// pages more that are as the image has them. The next then fails with Leave, and
// nothing of it has happened: whoever pays for pages asks to be paid and allows
// more. What the host writes is not held up. Without Allow there is no bound.
func (m *Memory) Allow(n int) { m.allowed = max(len(m.list)+n, 1) }

// Base returns the host address of address 0, for an execution engine, which
// must check bounds itself. It wakes a parked memory, is nil when that fails,
// and is valid until Park or Close.
func (m *Memory) Base() unsafe.Pointer {
	if m.host == nil {
		_ = m.wake() // the caller sees nil, and Wake says why
	}
	return unsafe.Pointer(unsafe.SliceData(m.arena))
}

// Attrs returns the attribute bytes, one per page, for an execution engine:
// a page with Fast may be stored to directly. Only read it. Like
// Base it wakes a parked memory, and is empty when that fails.
func (m *Memory) Attrs() []byte {
	if m.host == nil {
		_ = m.wake() // the caller sees nothing, and Wake says why
	}
	return m.attrs
}

// Closed says whether the memory was closed.
func (m *Memory) Closed() bool { return m.host == nil && m.parked == nil }

// Close gives the host memory back: that of a fork, cleaned, to the next one.
// The Memory must not be used afterwards, except that closing it again does
// nothing and Image.Attach makes it a fork anew.
func (m *Memory) Close() {
	im := m.image
	switch {
	case im == nil && m.host != nil:
		release(m.disown().whole)
	case m.parked != nil:
		m.unpark()
	case m.host != nil:
		m.Reset()
		im.give(m.disown())
	}
	m.image, m.size = nil, 0
}

// span checks that [addr, addr+n) lies in the address space above the guard,
// and that there is an arena.
func (m *Memory) span(addr, n uint64) error {
	if m.host == nil {
		if err := m.wake(); err != nil {
			return err
		}
	}
	switch {
	case addr < GuardSize || addr > m.size:
		return &Error{Denied, addr}
	case n > m.size-addr:
		return &Error{Denied, m.size}
	}
	return nil
}

// enlist puts page p on the dirty list, once. The arena gets, or has, a private
// copy of such a page, since at least Reset writes to it.
func (m *Memory) enlist(p uint64) {
	a := m.attrs[p]
	if a&(dirty|owned) == dirty|owned {
		return
	}
	if a&owned == 0 {
		m.host.own(p)
	}
	if a&dirty == 0 {
		m.list = append(m.list, uint32(p))
	}
	m.attrs[p] = a | dirty | owned
}
