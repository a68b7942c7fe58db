package linux

import (
	"errors"

	"fishplate/riscv"
	"fishplate/riscv/layout"
)

// Flags of mmap and mremap, and advice of madvise.
const (
	plain       = riscv.Read | riscv.Write
	maxMappings = 65530 // as vm.max_map_count

	mapFixed     = 0x10
	mapAnonymous = 0x20
	mapNoReserve = 0x4000
	mapFixedNew  = 0x100000

	remapMayMove = 1

	adviseDontNeed = 4
)

// fits says whether n more bytes could exist at all. As with Linux's own
// heuristic, smaller requests may add up to more than there is.
func (p *Process) fits(n uint64) bool {
	free := p.Machine.Mem.Limit() - p.Machine.Mem.Pages()
	return n <= uint64(free)*riscv.PageSize
}

// remap tells the memory what [start, end) is now: fresh pages with a
// protection, or nothing.
func (p *Process) remap(start, end uint64, prot uint8) Errno {
	if start == end {
		return 0
	}
	m := p.Machine
	before := m.Mem.Pages()
	err := m.Mem.Map(start, end-start, prot&plain)
	m.Charge((end-start)/riscv.PageSize/pageRate + uint64(before-m.Mem.Pages())*clearCharge)
	switch {
	case errors.Is(err, riscv.ErrCode):
		return EACCES
	case err != nil:
		return ENOMEM
	}
	return 0
}

// brk moves the end of the heap. Pages that it takes in read as zero; those
// that it leaves are gone. It never fails, but answers the old end.
func (p *Process) brk(a *args) (uint64, Errno) {
	s := &p.space
	old, now := s.HeapEnd(), layout.PageUp(a[0])
	if a[0] < s.Heap || a[0] > s.Bottom() || now > s.Bottom() || now > old && !p.fits(now-old) {
		return s.Brk, 0 // the call has no error number: it says what is
	}
	e := Errno(0)
	if now > old {
		e = p.remap(old, now, plain)
	} else {
		e = p.remap(now, old, 0)
	}
	if e == 0 {
		s.Brk = a[0]
	}
	return s.Brk, 0
}

// mmap makes anonymous pages, shared or private alike. Files cannot be mapped,
// and nothing becomes executable, since code is verified and translated when
// the program is loaded.
func (p *Process) mmap(a *args) (uint64, Errno) {
	addr, size, prot, flags := a[0], layout.PageUp(a[1]), uint8(a[2]&7), a[3]
	fixed := flags&(mapFixed|mapFixedNew) != 0
	s := &p.space
	switch {
	case a[1] == 0 || fixed && addr%riscv.PageSize != 0 || flags&3 == 0:
		return 0, EINVAL
	case flags&mapAnonymous == 0:
		return 0, ENODEV
	case prot&riscv.Exec != 0:
		return 0, EACCES
	case a[1] > p.Machine.Mem.Size() || prot&riscv.Write != 0 && flags&mapNoReserve == 0 && !p.fits(size):
		return 0, ENOMEM
	case len(s.Maps) >= maxMappings:
		return 0, ENOMEM
	}
	if !fixed {
		// A hint is followed when the place is free.
		if addr = addr &^ (riscv.PageSize - 1); addr == 0 || addr > s.Stack || !s.Free(addr, addr+size) {
			addr = s.Find(size)
		}
		if addr == 0 {
			return 0, ENOMEM
		}
	} else if addr < s.HeapEnd() || addr > s.Stack || size > s.Stack-addr {
		return 0, ENOMEM
	} else if flags&mapFixedNew != 0 && !s.Free(addr, addr+size) {
		return 0, EEXIST
	}
	if e := p.remap(addr, addr+size, prot); e != 0 {
		return 0, e
	}
	s.Set(layout.Mapping{Start: addr, End: addr + size, Prot: prot & plain})
	return addr, 0
}

// pages checks a range that a call names: page-aligned, inside the address
// space. end is the first address above it.
func (p *Process) pages(addr, n uint64) (end uint64, e Errno) {
	size := layout.PageUp(n)
	if addr%riscv.PageSize != 0 || size < n || addr > p.space.StackTop || size > p.space.StackTop-addr {
		return 0, EINVAL
	}
	return addr + size, 0
}

// munmap takes mappings away. A range may have holes, but not reach into the
// program, the heap or the stack.
func (p *Process) munmap(a *args) (uint64, Errno) {
	end, e := p.pages(a[0], a[1])
	if e != 0 || a[1] == 0 || a[0] < p.space.HeapEnd() || end > p.space.Stack {
		return 0, EINVAL
	}
	if len(p.space.Maps) >= maxMappings {
		return 0, ENOMEM
	}
	list, _ := p.space.Mapped(a[0], end)
	for _, m := range list {
		if e := p.remap(m.Start, m.End, 0); e != 0 {
			return 0, e
		}
	}
	p.space.Cut(a[0], end)
	return 0, 0
}

// mprotect changes the protection of what exists; a range with a hole is
// ENOMEM, and nothing is changed then. The program's own pages are the memory's
// to judge: read-only data after relocation, for instance.
func (p *Process) mprotect(a *args) (uint64, Errno) {
	end, e := p.pages(a[0], a[1])
	if e != 0 || a[1] == 0 {
		return 0, e
	}
	s := &p.space
	prot := uint8(a[2] & 7)
	if end > s.Heap {
		if _, all := s.Mapped(max(a[0], s.Heap), end); !all || len(s.Maps) >= maxMappings {
			return 0, ENOMEM
		}
		if prot&riscv.Exec != 0 {
			return 0, EACCES
		}
	}
	p.Machine.Charge((end - a[0]) / riscv.PageSize / pageRate)
	if err := p.Machine.Mem.Protect(a[0], end-a[0], prot); errors.Is(err, riscv.ErrCode) {
		return 0, EACCES
	} else if err != nil {
		return 0, ENOMEM
	}
	list, _ := s.Mapped(max(a[0], s.HeapEnd()), min(end, s.Stack))
	for _, m := range list {
		s.Set(layout.Mapping{Start: m.Start, End: m.End, Prot: prot & plain})
	}
	return 0, 0
}

// mremap changes the size of one mapping, in place if it can. Moving to a
// chosen address is not served; nobody but debuggers wants it.
func (p *Process) mremap(a *args) (uint64, Errno) {
	old, oldSize, size := a[0], layout.PageUp(a[1]), layout.PageUp(a[2])
	s := &p.space
	end, e := p.pages(old, oldSize)
	switch {
	case e != 0 || a[1] == 0 || a[2] == 0 || a[3]&^remapMayMove != 0 || a[2] > p.Machine.Mem.Size():
		return 0, EINVAL
	case old < s.HeapEnd() || end > s.Stack:
		return 0, EFAULT
	}
	list, all := s.Mapped(old, end)
	if !all || len(list) != 1 {
		return 0, EFAULT
	}
	prot := list[0].Prot
	switch {
	case size <= oldSize:
		if e := p.remap(old+size, end, 0); e != 0 {
			return 0, e
		}
		s.Cut(old+size, end)
		return old, 0
	case !p.fits(size - oldSize):
		return 0, ENOMEM
	case s.Free(end, old+size):
		if e := p.remap(end, old+size, prot); e != 0 {
			return 0, e
		}
		s.Set(layout.Mapping{Start: old, End: old + size, Prot: prot})
		return old, 0
	case a[3]&remapMayMove == 0:
		return 0, ENOMEM
	}
	return p.move(list[0], size)
}

// move gives a mapping another place and size.
func (p *Process) move(m layout.Mapping, size uint64) (uint64, Errno) {
	to := p.space.Find(size)
	if to == 0 {
		return 0, ENOMEM
	}
	old := m.End - m.Start
	if e := p.remap(to+old, to+size, m.Prot); e != 0 {
		return 0, e
	}
	if err := p.Machine.Mem.Move(m.Start, to, old); err != nil {
		p.remap(to+old, to+size, 0)
		return 0, denied(err)
	}
	p.Machine.Charge(old / riscv.PageSize * clearCharge)
	p.space.Cut(m.Start, m.End)
	p.space.Set(layout.Mapping{Start: to, End: to + size, Prot: m.Prot})
	return to, 0
}

// madvise follows one advice that changes what a program reads: DONTNEED makes
// pages zero. All others are hints.
func (p *Process) madvise(a *args) (uint64, Errno) {
	end, e := p.pages(a[0], a[1])
	if e != 0 {
		return 0, e
	}
	if a[2] != adviseDontNeed || end <= p.space.Heap {
		return 0, 0
	}
	list, all := p.space.Mapped(max(a[0], p.space.Heap), end)
	for _, m := range list {
		if e := p.remap(m.Start, m.End, m.Prot); e != 0 {
			return 0, e
		}
	}
	if !all {
		return 0, ENOMEM
	}
	return 0, 0
}
