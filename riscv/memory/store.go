package memory

import "encoding/binary"

// ready makes page p writable for a store, or says why it is not. The page
// comes into being if it must.
func (m *Memory) ready(p uint64) Kind {
	if p == 0 || p >= uint64(len(m.attrs)) {
		return Denied
	}
	a := m.attrs[p]
	if a&mapped != 0 {
		// What exists has a protection of its own, which Protect keeps in step
		// with the region's.
		if a&Write == 0 {
			return Denied
		}
	} else {
		prot := m.regions.at(p)
		if prot&Write == 0 {
			return Denied
		}
		// The contents need no care: a page that does not exist is zero in the
		// arena, since whatever makes pages vanish clears them.
		if m.pages >= m.limit {
			return Limit
		}
		m.pages++
		m.attrs[p] = a | mapped | prot
	}
	m.enlist(p)
	m.attrs[p] |= Fast
	return 0
}

// Ready makes page p, given by its number, one that can be stored to, if a store
// to it is allowed now, and says whether it is.
func (m *Memory) Ready(p uint64) bool { return m.host != nil && m.admit(p) == 0 }

// admit is ready for a store of the program, which may need leave.
func (m *Memory) admit(p uint64) Kind {
	if m.allowed > 0 && len(m.list) >= m.allowed && p < uint64(len(m.attrs)) && m.attrs[p]&dirty == 0 {
		return Leave
	}
	return m.ready(p)
}

// Store writes the low size bytes (1, 2, 4 or 8) of v at any address. It is the
// slow path of an engine: it enforces protection, crosses pages, and creates
// them. Nothing is written unless everything can be.
func (m *Memory) Store(addr, v uint64, size uint64) *Error {
	if m.host == nil {
		if err := m.wake(); err != nil {
			return err
		}
	}
	last := addr + size - 1
	if last < addr {
		return &Error{Denied, addr}
	}
	// Both pages are asked before anything is written. The first may come into
	// being although the second refuses; a page of zeroes is no difference that
	// the program could see.
	p := addr >> PageShift
	if k := m.admit(p); k != 0 {
		return &Error{k, addr}
	}
	if q := last >> PageShift; q != p {
		if k := m.admit(q); k != 0 {
			return &Error{k, q << PageShift}
		}
	}
	b := m.arena[addr:]
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	case 8:
		binary.LittleEndian.PutUint64(b, v)
	}
	return nil
}

// prepare makes [addr, addr+n) ready for the host to write to, or says which
// address is the first that refuses.
func (m *Memory) prepare(addr, n uint64) error {
	if err := m.span(addr, n); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	for p := addr >> PageShift; p <= (addr+n-1)>>PageShift; p++ {
		if m.attrs[p]&Fast != 0 {
			continue
		}
		if k := m.ready(p); k != 0 {
			return &Error{k, max(addr, p<<PageShift)}
		}
	}
	return nil
}
