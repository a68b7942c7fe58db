package tenant

import (
	"fishplate/riscv"
)

// wideWindow is the room for mappings of a program that reserves much more
// address space than it uses, as the runtime of Go does: half a gigabyte and
// more for each of its indexes. Only what is written costs memory.
const wideWindow = 6 << 30

// errNarrow ends the start-up of a program for which the usual room for
// mappings is too small; it begins anew with wideWindow.
var errNarrow = &trap{cause: "guest-memory", text: "the program maps more than there is room for"}

func memoryCalls() []Call {
	return []Call{
		{214, "BRK", "a0 address", "a0 = address", "", "", "Clamps to the 1 MiB above the program. 0: its beginning; where tp is set, what was set last.", linuxBrk},
		{215, "MUNMAP", "a0 address, a1 length", "a0 = 0", "-22", "length/4096, 800 for each page that was written", "", linuxMunmap},
		{216, "MREMAP", "a0 address, a1 length, a2 new length", "a0 = address", "-12: not the last mapping, which the caller copies instead", "length/4096", "Grows and shrinks the last mapping.", linuxMremap},
		{222, "MMAP", "a0 address, a1 length, a2 protection, a3 flags, a4 descriptor", "a0 = address", "-12: no room; -9: a file", "length/4096", "Anonymous memory only; a fixed address must be above the native heap. What has no protection costs nothing.", linuxMmap},
		{226, "MPROTECT", "a0 address, a1 length, a2 protection", "a0 = 0", "-22: nothing becomes executable", "length/4096, 16 for each page that may exist", "", linuxMprotect},
		{233, "MADVISE", "a0 address, a1 length, a2 advice", "a0 = 0", "-22: advice -1; another one ends the call", "length/4096; 800 for each page that 4, 8 and 9 clear", "4, DONTNEED, 8 and 9 zero.", linuxMadvise},
	}
}

// linuxBrk forgets what was set, as the original does, except for a program
// that has thread-local storage: C libraries put that at the break's beginning
// and ask for the break once more before they make the heap, which would
// otherwise lie on top of it.
func linuxBrk(v *vm, _ *pacer) error {
	if v.arg(0) == 0 && v.m.X[4] != 0 && v.brkNow != 0 {
		v.result(v.brkNow)
		return nil
	}
	v.brkNow = max(v.brkBase, min(v.arg(0), v.brkBase+brkWindow))
	v.result(v.brkNow)
	return nil
}

func pageUp(n uint64) uint64 { return (n + riscv.PageSize - 1) &^ (riscv.PageSize - 1) }

// inMmap reports whether [at, at+n) lies in the window for mappings.
func (v *vm) inMmap(at, n uint64) bool {
	base := v.mmapBase
	return at >= base && n <= v.mmapEnd-base && at <= v.mmapEnd-n
}

// The bits of a protection are the same for Linux and the machine.
const (
	protMask = 7
	protExec = 4
)

func linuxMmap(v *vm, _ *pacer) error {
	const fixedFlag = 0x10
	at, n, flags, prot := v.arg(0), v.arg(1), v.arg(3), uint8(v.arg(2)&(protMask&^protExec))
	if int32(v.arg(4)) != -1 {
		v.errno(eBadFile)
		return nil
	}
	if n > wideWindow {
		n = wideWindow
	}
	n = pageUp(n)
	fixed := flags&fixedFlag != 0
	if !fixed {
		at = v.space.find(v.mmapNext, v.mmapEnd, n)
	}
	if n == 0 || at == 0 || at%riscv.PageSize != 0 || !v.inMmap(at, n) {
		if v.stage == stageStart && !v.wide && n > 0 && !fixed {
			return errNarrow
		}
		v.errno(eNoMem)
		return nil
	}
	if prot != 0 {
		v.m.Charge(n / riscv.PageSize)
	}
	if fixed {
		if _, err := v.discard(at, n); err != nil { // whether it may be is for Map to say
			return err
		}
	}
	if err := v.m.Mem.Map(at, n, prot); err != nil {
		v.errno(eNoMem)
		return nil
	}
	v.space.take(at, n)
	v.mmapNext = max(v.mmapNext, at+n)
	v.result(at)
	return nil
}

func linuxMunmap(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	if n == 0 || n > wideWindow || at%riscv.PageSize != 0 || !v.inMmap(at, pageUp(n)) {
		v.errno(eInval)
		return nil
	}
	return v.unmap(at, pageUp(n))
}

// discarded is for how many bytes a call goes on giving pages back before others
// may have their turn.
const discarded = 256 * riscv.PageSize

// discard makes the pages of [at, at+n) not exist: each that did is cleared, and
// paid for. It returns false where that is not allowed.
func (v *vm) discard(at, n uint64) (bool, error) {
	if _, err := v.m.Mem.View(at, n); n > 0 && err != nil {
		return false, nil
	}
	if err := v.spend(min(n, mmapWindow) / riscv.PageSize); err != nil {
		return false, err
	}
	for end := at + n; at < end; {
		part := min(end-at, discarded)
		was := v.m.Mem.Pages()
		if v.m.Mem.Discard(at, part) != nil {
			return false, nil
		}
		if err := v.spend(clearCost * uint64(was-v.m.Mem.Pages())); err != nil {
			return false, err
		}
		at += part
	}
	return true, nil
}

func (v *vm) unmap(at, n uint64) error {
	ok, err := v.discard(at, n)
	if err != nil {
		return err
	}
	if !ok || v.m.Mem.Unmap(at, n) != nil {
		v.errno(eInval)
		return nil
	}
	switch {
	case at+n == v.mmapNext:
		v.mmapNext = v.space.last(at) // what was mapped last is free again
	case at < v.mmapNext:
		v.space.give(at, min(n, v.mmapNext-at))
	}
	v.result(0)
	return nil
}

func linuxMremap(v *vm, _ *pacer) error {
	at, old, n := v.arg(0), v.arg(1), v.arg(2)
	if old > mmapWindow || n == 0 || n > mmapWindow || at%riscv.PageSize != 0 || !v.inMmap(at, max(pageUp(old), pageUp(n))) || at+pageUp(old) != v.mmapNext {
		v.errno(eNoMem)
		return nil
	}
	old, n = pageUp(old), pageUp(n)
	if n < old {
		if err := v.unmap(at+n, old-n); err != nil {
			return err
		}
	} else if n > old {
		v.m.Charge((n - old) / riscv.PageSize)
		if v.m.Mem.Map(at+old, n-old, riscv.Read|riscv.Write) != nil {
			v.errno(eNoMem)
			return nil
		}
		v.mmapNext = at + n
	}
	v.result(at)
	return nil
}

func linuxMprotect(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	pages := min(n, mmapWindow) / riscv.PageSize
	if err := v.spend(pages + protectCost*min(pages, uint64(v.m.Mem.Pages()))); err != nil {
		return err
	}
	if n > 0 && v.m.Mem.Protect(at, n, uint8(v.arg(2)&protMask)) != nil {
		v.errno(eInval)
		return nil
	}
	v.result(0)
	return nil
}

func linuxMadvise(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	switch advice := int32(v.arg(2)); advice {
	case 0, 1, 2, 3, 10, 11, 12, 14, 15, 18:
		v.m.Charge(min(n, mmapWindow) / riscv.PageSize)
	case 4, 8, 9:
		if ok, err := v.discard(at, n); err != nil {
			return err
		} else if !ok {
			v.errno(eInval)
			return nil
		}
	case -1, 25: // no advice, and the one that Go tries before it does without
		v.errno(eInval)
		return nil
	default:
		return trapf("memory advice %d is not implemented", advice)
	}
	v.result(0)
	return nil
}

// maxHoles bounds how many free places between mappings are remembered. What
// is beyond stays unused: the window is larger than what a program may fill.
const maxHoles = 32

type hole struct{ at, end uint64 }

// holes are the free places below the highest mapping, in no order. They are a
// plain value, so that copying a memento copies them.
type holes struct {
	n    int
	list [maxHoles]hole
}

// copy makes h the same as from. Most programs have none.
func (h *holes) copy(from *holes) { h.n = copy(h.list[:], from.list[:from.n]) }

// find returns the lowest place for n bytes: in a hole, or at next. 0: none.
func (h *holes) find(next, end, n uint64) uint64 {
	best := uint64(0)
	for _, x := range h.list[:h.n] {
		if x.end-x.at >= n && (best == 0 || x.at < best) {
			best = x.at
		}
	}
	if best == 0 && n <= end-next {
		best = next
	}
	return best
}

// take cuts [at, at+n) out of the holes.
func (h *holes) take(at, n uint64) {
	end := at + n
	for i := 0; i < h.n; i++ {
		x := h.list[i]
		if x.end <= at || x.at >= end {
			continue
		}
		h.n--
		h.list[i] = h.list[h.n]
		i--
		if x.at < at {
			h.add(hole{x.at, at})
		}
		if x.end > end {
			h.add(hole{end, x.end})
		}
	}
}

// give makes [at, at+n) a hole, joined with those beside it.
func (h *holes) give(at, n uint64) {
	h.take(at, n)
	x := hole{at, at + n}
	for i := 0; i < h.n; i++ {
		if y := h.list[i]; y.end == x.at || y.at == x.end {
			x = hole{min(x.at, y.at), max(x.end, y.end)}
			h.n--
			h.list[i] = h.list[h.n]
			i = -1
		}
	}
	h.add(x)
}

func (h *holes) add(x hole) {
	if h.n < maxHoles {
		h.list[h.n] = x
		h.n++
	}
}

// last returns where the mappings end once what lay from at on is gone: before
// the hole that ended there, if there is one.
func (h *holes) last(at uint64) uint64 {
	for i, x := range h.list[:h.n] {
		if x.end == at {
			h.n--
			h.list[i] = h.list[h.n]
			return x.at
		}
	}
	return at
}
