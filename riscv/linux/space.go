package linux

import (
	"errors"
	"slices"

	"fishplate/riscv"
)

// space is the layout of the address space, from below: the program, the heap
// that brk grows, the mappings, which grow down, a guard, the stack.
type space struct {
	heap     uint64 // where the heap begins
	brk      uint64
	stack    uint64 // its lowest address
	stackTop uint64
	maps     []mapping // in order of address; neither overlap
}

// mapping is what one mmap made, or what munmap and mprotect left of it.
type mapping struct {
	start, end uint64
	prot       uint8
}

const (
	stackGuard  = 256 * riscv.PageSize
	maxMappings = 65530 // as vm.max_map_count
)

// layout places heap and stack and takes away what lies between.
func (p *Process) layout(stack uint64) error {
	m := p.Machine
	if stack == 0 {
		stack = min(defaultStack, uint64(m.Mem.Limit())*riscv.PageSize/8)
	}
	s := &p.space
	s.heap = m.Program().HeapStart
	s.brk = s.heap
	s.stackTop = min(m.Mem.Size(), 1<<32) - riscv.PageSize
	stack = pageUp(stack)
	if stack > s.stackTop || s.stackTop-stack < s.heap+stackGuard {
		return errors.New("address space is too small for the program and its stack")
	}
	s.stack = s.stackTop - stack
	if err := m.Mem.Map(s.heap, s.stack-s.heap, 0); err != nil {
		return err
	}
	return m.Mem.Map(s.stackTop, m.Mem.Size()-s.stackTop, 0)
}

func pageUp(n uint64) uint64 { return (n + riscv.PageSize - 1) &^ (riscv.PageSize - 1) }

// fits says whether n more bytes could exist at all. As with Linux's own
// heuristic, smaller requests may add up to more than there is.
func (p *Process) fits(n uint64) bool {
	free := p.Machine.Mem.Limit() - p.Machine.Mem.Pages()
	return n <= uint64(free)*riscv.PageSize
}

func (p *Process) brk(a *args) int64 {
	s := &p.space
	ceiling := s.stack - stackGuard
	if len(s.maps) > 0 {
		ceiling = s.maps[0].start
	}
	old, now := pageUp(s.brk), pageUp(a[0])
	if a[0] < s.heap || a[0] >= ceiling || now > ceiling {
		return int64(s.brk)
	}
	var err error
	switch {
	case now > old && !p.fits(now-old):
		return int64(s.brk)
	case now > old:
		err = p.Machine.Mem.Map(old, now-old, riscv.Read|riscv.Write)
	case now < old:
		err = p.Machine.Mem.Map(now, old-now, 0)
	}
	if err == nil {
		s.brk = a[0]
	}
	return int64(s.brk)
}

// Flags of mmap.
const (
	mapFixed     = 0x10
	mapAnonymous = 0x20
	mapNoReserve = 0x4000
	mapFixedNew  = 0x100000
	protExec     = 4
)

func (p *Process) mmap(a *args) int64 {
	addr, size, prot, flags := a[0], pageUp(a[1]), uint8(a[2]&7), a[3]
	switch {
	case size == 0 || addr%riscv.PageSize != 0 && flags&(mapFixed|mapFixedNew) != 0:
		return -int64(EINVAL)
	case flags&mapAnonymous == 0:
		return -int64(ENODEV)
	case prot&protExec != 0:
		return -int64(EACCES)
	case a[1] > p.Machine.Mem.Size() || prot&riscv.Write != 0 && flags&mapNoReserve == 0 && !p.fits(size):
		return -int64(ENOMEM)
	}
	if flags&(mapFixed|mapFixedNew) == 0 {
		if addr = p.space.find(size); addr == 0 {
			return -int64(ENOMEM)
		}
	} else if addr < p.space.heap || addr > p.space.stack || size > p.space.stack-addr {
		return -int64(ENOMEM)
	} else if flags&mapFixedNew != 0 && p.space.overlaps(addr, addr+size) {
		return -int64(EEXIST)
	}
	if err := p.Machine.Mem.Map(addr, size, protection(prot)); err != nil {
		return -int64(EACCES)
	}
	p.space.cut(addr, addr+size)
	p.space.add(mapping{addr, addr + size, prot})
	return int64(addr)
}

func protection(prot uint8) uint8 { return prot & (riscv.Read | riscv.Write) }

// find returns the highest place for size bytes, or 0.
func (s *space) find(size uint64) uint64 {
	top := s.stack - stackGuard
	for i := len(s.maps) - 1; ; i-- {
		floor := pageUp(s.brk)
		if i >= 0 {
			floor = s.maps[i].end
		}
		if top > floor && top-floor >= size {
			return top - size
		}
		if i < 0 {
			return 0
		}
		top = s.maps[i].start
	}
}

func (s *space) overlaps(start, end uint64) bool {
	return start < pageUp(s.brk) || slices.ContainsFunc(s.maps, func(m mapping) bool { return m.start < end && start < m.end })
}

// cut removes [start, end) from the mappings.
func (s *space) cut(start, end uint64) {
	var list []mapping
	for _, m := range s.maps {
		if m.end <= start || m.start >= end {
			list = append(list, m)
			continue
		}
		if m.start < start {
			list = append(list, mapping{m.start, start, m.prot})
		}
		if m.end > end {
			list = append(list, mapping{end, m.end, m.prot})
		}
	}
	s.maps = list
}

func (s *space) add(m mapping) {
	i, _ := slices.BinarySearchFunc(s.maps, m.start, func(x mapping, at uint64) int {
		if x.start < at {
			return -1
		}
		return 1
	})
	s.maps = slices.Insert(s.maps, i, m)
}

func (p *Process) munmap(a *args) int64 {
	size := pageUp(a[1])
	if a[0]%riscv.PageSize != 0 || size == 0 || a[0] > p.Machine.Mem.Size() || size > p.Machine.Mem.Size()-a[0] {
		return -int64(EINVAL)
	}
	if err := p.Machine.Mem.Map(a[0], size, 0); err != nil {
		return -int64(EINVAL)
	}
	p.space.cut(a[0], a[0]+size)
	return 0
}

func (p *Process) mprotect(a *args) int64 {
	if a[0]%riscv.PageSize != 0 {
		return -int64(EINVAL)
	}
	if err := p.Machine.Mem.Protect(a[0], a[1], uint8(a[2]&7)); err != nil {
		if errors.Is(err, riscv.ErrCode) {
			return -int64(EACCES)
		}
		return -int64(ENOMEM)
	}
	return 0
}
