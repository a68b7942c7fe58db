package tenant

import (
	"bytes"
	"fmt"
	"math/bits"
)

const (
	heapCost     = 2000
	pieceBytes   = 64 << 10  // that the host writes without looking up
	maxText      = 64_000    // bytes that strlen and strncmp look at
	maxFill      = 512 << 20 // bytes that one memset may write
	compareLimit = 512 << 20
)

func heapCalls() []Call {
	return []Call{
		{580, "MALLOC", "a0 size", "a0 = address", "0: no room", "2000", "Allocates.", sysMalloc},
		{581, "CALLOC", "a0 count, a1 size", "a0 = address", "0: no room", "2000 + length", "Allocates, zeroed.", sysCalloc},
		{582, "REALLOC", "a0 address, a1 size", "a0 = address", "0: no room", "2000, and 2·old length when it moves", "Changes a size. A block of main is copied, never changed.", sysRealloc},
		{583, "FREE", "a0 address", "a0 unchanged", "an unknown address ends main; a fork ignores it", "2000", "Frees.", sysFree},
		{584, "MEMINFO", "a0 destination", "a0 = 0", "", "2000", "Writes three words: bytes free, bytes used, chunks.", sysMeminfo},
		{585, "MEMCPY", "a0 destination, a1 source, a2 length", "a0 unchanged", "", "2·length", "Copies.", sysMemmove},
		{586, "MEMSET", "a0 destination, a1 byte, a2 length", "a0 unchanged", "more than 512 MiB ends the call", "length", "Fills.", sysMemset},
		{587, "MEMMOVE", "a0 destination, a1 source, a2 length", "a0 unchanged", "", "2·length", "Copies; overlap is allowed.", sysMemmove},
		{588, "MEMCMP", "a0, a1 addresses, a2 length", "a0 < 0, 0, > 0", "", "2·length", "Compares.", sysMemcmp},
		{590, "STRLEN", "a0 address", "a0 = length", "", "2·length", "Length up to a NUL, at most 64,000.", sysStrlen},
		{591, "STRNCMP", "a0, a1 addresses, a2 length", "a0 < 0, 0, > 0", "", "2 + 2·length", "Compares texts, at most 64,000 bytes.", sysStrncmp},
		{598, "RESERVED", "", "a0 = -1", "always", "", "Reserved.", sysFieldGet},
		{599, "BACKTRACE", "", "a0 = 0", "", "200,000", "Logs where the program is. EBREAK does the same.", sysBacktrace},
	}
}

func sysMalloc(v *vm, _ *pacer) error {
	v.m.Charge(heapCost)
	at, _ := v.heap.Alloc(v.arg(0))
	v.result(at)
	return nil
}

func sysCalloc(v *vm, _ *pacer) error {
	v.m.Charge(heapCost)
	hi, n := bits.Mul64(v.arg(0), v.arg(1))
	if hi != 0 {
		v.result(0)
		return nil
	}
	at, ok := v.heap.Alloc(n)
	v.result(at)
	if !ok {
		return nil
	}
	return v.pieces(n, 1, false, func(from, n uint64) error {
		if err := v.m.Mem.Zero(at+from, n); err != nil {
			return v.memoryTrap(err)
		}
		return nil
	})
}

func sysRealloc(v *vm, _ *pacer) error {
	v.m.Charge(heapCost)
	old, n := v.arg(0), v.arg(1)
	if old == 0 {
		at, _ := v.heap.Alloc(n)
		v.result(at)
		return nil
	}
	size, known := v.heap.Size(old)
	switch {
	case known && v.heap.Resize(old, n):
		return nil // a0 is the address already
	case !known && v.inMain(old):
		// A fork does not know how long a block of main's is; nothing of main's is
		// above the mark.
		size = v.heap.Base() - old
	case !known:
		return trapf("realloc of %#x, which was not allocated", old)
	}
	at, ok := v.heap.Alloc(n)
	v.result(at)
	if !ok {
		return nil
	}
	if err := v.move(at, old, min(size, n)); err != nil {
		return err
	}
	v.heap.Free(old)
	return nil
}

// inMain reports whether addr is in the part of the native heap that belongs to
// main, seen from a fork.
func (v *vm) inMain(addr uint64) bool {
	return v.stage != stageStart && addr >= v.stackTop && addr < v.heap.Base()
}

func sysFree(v *vm, _ *pacer) error {
	v.m.Charge(heapCost)
	if at := v.arg(0); at != 0 && !v.heap.Free(at) && v.stage == stageStart {
		return trapf("free of %#x, which was not allocated", at)
	}
	return nil
}

func sysMeminfo(v *vm, _ *pacer) error {
	v.m.Charge(heapCost)
	in := v.heap.Info()
	var b [24]byte
	w := v.word()
	v.putWord(b[0:], in.Free)
	v.putWord(b[w:], in.Used)
	v.putWord(b[2*w:], in.Chunks)
	at := v.arg(0)
	v.result(0)
	return v.store(at, b[:3*w])
}

// afford charges n instructions, and refuses work that the budget does not
// cover before it is done: the host's time is the guest's too.
func (v *vm) afford(n uint64) bool {
	if v.m.Instret > v.limit || n > v.limit-v.m.Instret {
		v.m.Instret = v.limit
		return false
	}
	v.m.Charge(n)
	return true
}

// payPages charges a fork for the pages that it made its own since it was last
// charged, by stores and by what the host wrote for it. The first are free: most
// calls write no more, and the memory for those is at hand.
func (v *vm) payPages() {
	if n := v.m.Mem.Dirty(); n > v.pages && v.pages > 0 {
		v.m.Charge(pageCost * uint64(n-v.pages))
		v.pages = n
	}
}

// spend charges for work that the host is about to do. What the budget does not
// cover is not begun, and what ends the slice waits for its turn first. Whatever
// buffer showed stays valid.
func (v *vm) spend(n uint64) error {
	if !v.afford(n) {
		return v.errBudget()
	}
	return v.pace.rest()
}

// pieces does work on [0, n) of which each byte costs the same, a piece after the
// other: each is paid for before it is done, with the pages that the last one
// made. backwards begins at the end.
func (v *vm) pieces(n, each uint64, backwards bool, do func(at, n uint64) error) error {
	for done := uint64(0); done < n; {
		part := min(n-done, pieceBytes)
		v.payPages()
		if err := v.spend(each * part); err != nil {
			return err
		}
		at := done
		if backwards {
			at = n - done - part
		}
		if err := do(at, part); err != nil {
			return err
		}
		done += part
	}
	return nil
}

// put is store of what may be long: in pieces, of which each byte costs something,
// and the pages that they make too.
func (v *vm) put(addr uint64, b []byte, each uint64) error {
	return v.pieces(uint64(len(b)), each, false, func(at, n uint64) error { return v.store(addr+at, b[at:at+n]) })
}

// errBudget is what a call beyond the budget ends with.
func (v *vm) errBudget() error {
	return &trap{cause: "guest-budget", text: fmt.Sprintf("budget of %d instructions used up by a call of the host", v.image.tenant.Instructions)}
}

func (v *vm) move(dst, src, n uint64) error {
	if n == 0 {
		return nil
	}
	if n > compareLimit || 2*n > v.limit-min(v.m.Instret, v.limit) {
		v.m.Instret = v.limit
		return v.errBudget()
	}
	if _, err := v.m.Mem.View(src, n); err != nil {
		return v.memoryTrap(err)
	}
	return v.pieces(n, 2, dst > src, func(at, n uint64) error {
		from, err := v.m.Mem.View(src+at, n)
		if err != nil {
			return v.memoryTrap(err)
		}
		to, err := v.window(dst+at, n)
		copy(to, from)
		return err
	})
}

func sysMemmove(v *vm, _ *pacer) error { return v.move(v.arg(0), v.arg(1), v.arg(2)) }

func sysMemset(v *vm, _ *pacer) error {
	n := v.arg(2)
	if n > maxFill {
		return trapf("memset of %d bytes exceeds %d", n, maxFill)
	}
	to, c := v.arg(0), byte(v.arg(1))
	return v.pieces(n, 1, false, func(at, n uint64) error {
		w, err := v.window(to+at, n)
		if err != nil {
			return err
		}
		for i := range w {
			w[i] = c
		}
		return nil
	})
}

func sysMemcmp(v *vm, _ *pacer) error {
	n := v.arg(2)
	if n == 0 {
		v.result(0)
		return nil
	}
	if n > compareLimit || !v.afford(2*n) {
		return v.errBudget()
	}
	a, err := v.m.Mem.View(v.arg(0), n)
	if err != nil {
		return v.memoryTrap(err)
	}
	b, err := v.m.Mem.View(v.arg(1), n)
	if err != nil {
		return v.memoryTrap(err)
	}
	v.result(uint64(int64(bytes.Compare(a, b))))
	return nil
}

// textAt returns the bytes at addr up to a NUL or limit, without the NUL.
func (v *vm) textAt(addr, limit uint64) (string, error) {
	s, err := v.m.Mem.CString(addr, int(min(limit, maxText)))
	if err != nil {
		return "", v.memoryTrap(err)
	}
	return s, nil
}

func sysStrlen(v *vm, _ *pacer) error {
	s, err := v.textAt(v.arg(0), maxText)
	if err != nil {
		return err
	}
	v.m.Charge(2 * uint64(len(s)))
	v.result(uint64(len(s)))
	return nil
}

func sysStrncmp(v *vm, _ *pacer) error {
	a, err := v.textAt(v.arg(0), v.arg(2))
	if err != nil {
		return err
	}
	b, err := v.textAt(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	v.m.Charge(2 + 2*uint64(i))
	at := func(s string) int64 {
		if i < len(s) {
			return int64(s[i])
		}
		return 0
	}
	v.result(uint64(at(a) - at(b)))
	return nil
}
