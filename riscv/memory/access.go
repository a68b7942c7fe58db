package memory

import "bytes"

// Read copies len(dst) bytes from addr. Pages that do not exist read as zero.
func (m *Memory) Read(addr uint64, dst []byte) error {
	if err := m.span(addr, uint64(len(dst))); err != nil {
		return err
	}
	copy(dst, m.arena[addr:])
	return nil
}

// View returns the n bytes at addr without copying, for reading. The slice is
// valid until the machine runs, is reset, parked or closed.
func (m *Memory) View(addr, n uint64) ([]byte, error) {
	if err := m.span(addr, n); err != nil {
		return nil, err
	}
	return m.arena[addr : addr+n : addr+n], nil
}

// Writable returns the n bytes at addr for the host to overwrite, after the
// same checks and the same bookkeeping as Write. It is valid as View's is.
func (m *Memory) Writable(addr, n uint64) ([]byte, error) {
	if err := m.prepare(addr, n); err != nil {
		return nil, err
	}
	return m.arena[addr : addr+n : addr+n], nil
}

// Storable is Writable for one store of the program, which may need leave.
func (m *Memory) Storable(addr, n uint64) ([]byte, error) {
	for p := addr >> PageShift; m.allowed > 0 && p <= (addr+n-1)>>PageShift && p < uint64(len(m.attrs)); p++ {
		if len(m.list) >= m.allowed && m.attrs[p]&dirty == 0 {
			return nil, &Error{Leave, p << PageShift}
		}
	}
	return m.Writable(addr, n)
}

// Write copies src to addr. It respects protection and the page limit as a
// store of the program does, and writes nothing when it fails.
func (m *Memory) Write(addr uint64, src []byte) error {
	if err := m.prepare(addr, uint64(len(src))); err != nil {
		return err
	}
	copy(m.arena[addr:], src)
	return nil
}

// Zero clears [addr, addr+n) without bringing pages into being.
func (m *Memory) Zero(addr, n uint64) error {
	if err := m.span(addr, n); err != nil {
		return err
	}
	for end := addr + n; addr < end; {
		p := addr >> PageShift
		next := min(end, (p+1)<<PageShift)
		// What does not exist is zero already, but whether it may be written is
		// still to be asked.
		switch exists := m.attrs[p]&mapped != 0; {
		case exists:
			if k := m.ready(p); k != 0 {
				return &Error{k, addr}
			}
			clear(m.arena[addr:next])
		case m.regions.at(p)&Write == 0:
			return &Error{Denied, addr}
		}
		addr = next
	}
	return nil
}

// CString returns the bytes at addr up to a NUL, or the first limit of them when
// there is none so soon. The NUL is not included.
func (m *Memory) CString(addr uint64, limit int) (string, error) {
	if err := m.span(addr, 0); err != nil {
		return "", err
	}
	b := m.arena[addr:]
	whole := len(b) >= limit
	b = b[:min(len(b), limit)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i]), nil
	}
	if !whole {
		return "", &Error{Denied, m.Size()}
	}
	return string(b), nil
}
