package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCode reports an attempt to change executable pages, to make some, or to
// make pages writable and executable.
var ErrCode = errors.New("code cannot be changed")

// plainPage is the protection that a page has when nobody says otherwise.
const plainPage = Read | Write

// pageRange turns [addr, addr+n) into whole pages [first, end).
func (m *Memory) pageRange(addr, n uint64) (first, end uint64, err error) {
	if err := m.span(addr, n); err != nil {
		return 0, 0, err
	}
	if n == 0 {
		return 0, 0, nil
	}
	return addr >> PageShift, roundUp(addr+n) >> PageShift, nil
}

// Map makes [addr, addr+n), widened to whole pages, read as zero with the
// protection prot (Read, Write; 0 for none). Nothing is counted until it is
// written. Executable protection and executable pages are refused.
func (m *Memory) Map(addr, n uint64, prot uint8) error {
	if prot&Exec != 0 {
		return fmt.Errorf("map address %#x: %w", addr, ErrCode)
	}
	return m.replace("map", addr, n, prot)
}

// Unmap makes [addr, addr+n), widened to whole pages, read as zero and
// not exist. As everywhere, a later write makes pages anew.
func (m *Memory) Unmap(addr, n uint64) error {
	return m.replace("unmap", addr, n, plainPage)
}

func (m *Memory) replace(verb string, addr, n uint64, prot uint8) error {
	first, end, err := m.pageRange(addr, n)
	if err != nil {
		return err
	}
	if p, ok := m.findExec(first, end); ok {
		return fmt.Errorf("%s address %#x: %w", verb, p<<PageShift, ErrCode)
	}
	want := prot&(Read|Write) | explicit
	if want == plainPage|explicit {
		want = 0
	}
	for p := first; p < end; p++ {
		if want == 0 {
			if p = m.skipBlank(p, end); p == end {
				break
			}
		}
		a := m.attrs[p]
		if a&mapped != 0 {
			m.enlist(p)
			clear(m.arena[p<<PageShift : (p+1)<<PageShift])
			m.pages--
		} else if a&^dirty != want {
			m.enlist(p)
		}
		m.attrs[p] = m.attrs[p]&dirty | want
	}
	return nil
}

// skipBlank returns the first page from p on that has any attribute, or end.
func (m *Memory) skipBlank(p, end uint64) uint64 {
	for ; p < end; p++ {
		for p&7 == 0 && p+8 <= end && binary.LittleEndian.Uint64(m.attrs[p:]) == 0 {
			p += 8
		}
		if p < end && m.attrs[p] != 0 {
			return p
		}
	}
	return end
}

func (m *Memory) findExec(first, end uint64) (uint64, bool) {
	for p := m.skipBlank(first, end); p < end; p = m.skipBlank(p+1, end) {
		if m.attrs[p]&Exec != 0 {
			return p, true
		}
	}
	return 0, false
}

// Protect sets the protection of [addr, addr+n), widened to whole pages, and
// keeps the contents. Code may only be "protected" as it is already.
func (m *Memory) Protect(addr, n uint64, prot uint8) error {
	first, end, err := m.pageRange(addr, n)
	if err != nil {
		return err
	}
	for p := first; p < end; p++ {
		isCode := m.attrs[p]&Exec != 0
		if isCode != (prot&Exec != 0) || isCode && prot&Write != 0 {
			return fmt.Errorf("protect address %#x: %w", p<<PageShift, ErrCode)
		}
	}
	if prot&Exec != 0 {
		return nil
	}
	for p := first; p < end; p++ {
		a := m.attrs[p]
		have := a & protection
		if a&(mapped|explicit) == 0 {
			have = plainPage
		}
		if have == prot {
			continue
		}
		m.enlist(p)
		m.attrs[p] = m.attrs[p]&^(protection|Fast) | prot | explicit
	}
	return nil
}

// LoadSegment places file bytes at addr, as a loader does, and gives the pages
// of [addr, addr+size) the union of their protection and prot. It is meant for a
// fresh memory, before anything runs.
func (m *Memory) LoadSegment(addr, size uint64, prot uint8, file []byte) error {
	first, end, err := m.pageRange(addr, size)
	if err != nil {
		return err
	}
	for p := first; p < end; p++ {
		a := m.attrs[p]
		if a&mapped == 0 {
			if m.pages >= m.limit {
				return &Error{Limit, p << PageShift}
			}
			m.pages++
		}
		if a |= prot&protection | mapped | explicit; a&(Write|Exec) == Write|Exec {
			return fmt.Errorf("load segment %#x: page is both writable and executable", addr)
		}
		m.enlist(p)
		m.attrs[p] |= a
	}
	copy(m.arena[addr:addr+size], file)
	return nil
}
