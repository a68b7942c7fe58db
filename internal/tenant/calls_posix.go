package tenant

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"fishplate/internal/tenant/lines"
	"fishplate/riscv"
)

// The errno values that guests meet.
const (
	eAgain   = 11
	eNoMem   = 12
	eInval   = 22
	eBadFile = 9
	eNoSys   = 38
)

const randomCost = 20_000 // instructions per random byte

func linuxCalls() []Call {
	calls := []Call{
		{64, "WRITE", "a0 descriptor, a1, a2 bytes", "a0 = length", "-9: not 1 or 2", "length", "Writes to the tenant's log.", linuxWrite},
		{66, "WRITEV", "a0 descriptor, a1 vector, a2 count", "a0 = length", "-9: not 1 or 2; -22: more than 256", "length", "The same of pieces.", linuxWritev},
		{57, "CLOSE", "a0 descriptor", "a0 = 0", "-9: not 0–2", "", "", linuxClose},
		{63, "READ", "a0 descriptor", "a0 = 0", "-9: not 0", "", "Standard input is empty.", linuxRead},
		{78, "READLINKAT", "a3 size", "", "-12: size above 1024; else -38", "", "", linuxReadlink},
		{93, "EXIT", "a0 status", "", "", "", "Stops.", linuxExit},
		{94, "EXIT_GROUP", "a0 status", "", "", "", "Stops.", linuxExit},
		{98, "FUTEX", "a0 word, a1 operation, a2 value", "a0 = 0", "-11: the word has another value; -22: another operation", "", "There is one thread: a wait that nobody could end clears the word and returns.", linuxFutex},
		{101, "NANOSLEEP", "", "a0 = 0", "", "1000", "Does not sleep.", linuxSleep},
		{115, "CLOCK_NANOSLEEP", "", "a0 = 0", "", "1000", "Does not sleep.", linuxSleep},
		{113, "CLOCK_GETTIME", "a0 clock, a1 timespec", "a0 = 0", "", "", "Nanoseconds are coarsened to 16,384.", linuxClock},
		{169, "GETTIMEOFDAY", "a0 timeval", "a0 = 0", "", "", "Microseconds are coarsened to 4.", linuxTimeOfDay},
		{130, "TKILL", "a0 thread, a1 signal", "a0 unchanged", "a signal other than 0 ends the call", "", "", linuxKill},
		{131, "TGKILL", "a0 group, a1 thread, a2 signal", "", "ends the call", "", "How abort() ends.", linuxAbort},
		{160, "UNAME", "a0 utsname", "a0 = 0", "", "", "", linuxUname},
		{214, "BRK", "a0 address", "a0 = address", "", "", "Clamps to the 1 MiB above the program.", linuxBrk},
		{215, "MUNMAP", "a0 address, a1 length", "a0 = 0", "-22", "length/4096", "", linuxMunmap},
		{216, "MREMAP", "", "a0 = -12", "always", "", "The caller copies instead.", fixed(-eNoMem)},
		{222, "MMAP", "a0 address, a1 length, a2 protection, a3 flags, a4 descriptor", "a0 = address", "-12: no room; -9: a file", "length/4096", "Anonymous memory only; a fixed address must be above the native heap.", linuxMmap},
		{226, "MPROTECT", "a0 address, a1 length, a2 protection", "a0 = 0", "-22: nothing becomes executable", "length/4096", "", linuxMprotect},
		{233, "MADVISE", "a0 address, a1 length, a2 advice", "a0 = 0", "-22: unknown advice", "length/4096", "4, DONTNEED, zeroes.", linuxMadvise},
		{261, "PRLIMIT64", "a1 resource, a3 old", "a0 = 0", "-22: not stack or files", "", "Stack 2 MiB, files 1024.", linuxPrlimit},
		{278, "GETRANDOM", "a0 destination, a1 length", "a0 = length", "-1: more than 256 bytes", "20,000 per byte", "", linuxRandom},
	}
	for _, row := range []struct {
		value   int64
		numbers map[int]string
	}{
		{0, map[int]string{73: "PPOLL", 90: "CAPGET", 96: "SET_TID_ADDRESS", 99: "SET_ROBUST_LIST", 124: "SCHED_YIELD", 132: "SIGALTSTACK", 134: "RT_SIGACTION",
			135: "RT_SIGPROCMASK", 172: "GETPID", 174: "GETUID", 175: "GETEUID", 176: "GETGID", 177: "GETEGID", 178: "GETTID", 227: "MSYNC", 259: "FLUSH_ICACHE"}},
		{-eBadFile, map[int]string{17: "GETCWD", 19: "EVENTFD2", 20: "EPOLL_CREATE1", 21: "EPOLL_CTL", 22: "EPOLL_PWAIT", 23: "DUP", 24: "DUP3", 25: "FCNTL", 29: "IOCTL",
			56: "OPENAT", 59: "PIPE2", 61: "GETDENTS64", 62: "LSEEK", 65: "READV", 67: "PREAD64"}},
		{-eNoSys, map[int]string{48: "FACCESSAT", 72: "PSELECT6", 79: "NEWFSTATAT", 80: "FSTAT", 114: "CLOCK_GETRES", 123: "SCHED_GETAFFINITY", 167: "PRCTL", 220: "CLONE",
			258: "HWPROBE", 291: "STATX", 293: "RSEQ", 435: "CLONE3"}},
	} {
		for n := range 600 {
			if name, ok := row.numbers[n]; ok {
				calls = append(calls, Call{Number: n, Name: name, Result: resultText(row.value), Doc: "Always the same.", fn: fixed(row.value)})
			}
		}
	}
	return calls
}

func resultText(n int64) string {
	switch n {
	case 0:
		return "a0 = 0"
	case -eBadFile:
		return "a0 = -9 (EBADF)"
	}
	return "a0 = -38 (ENOSYS)"
}

// errno sets a0 to a negative error number.
func (v *vm) errno(n int64) { v.result(uint64(-n)) }

// fixed is a call whose answer never changes.
func fixed(n int64) func(*vm, *pacer) error {
	return func(v *vm, _ *pacer) error {
		v.result(uint64(n))
		return nil
	}
}

func linuxWrite(v *vm, p *pacer) error {
	if fd := v.arg(0); fd != 1 && fd != 2 {
		v.errno(eBadFile)
		return nil
	}
	b, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	v.m.Charge(uint64(len(b)))
	v.image.stats.print(b)
	v.result(uint64(len(b)))
	return nil
}

func linuxWritev(v *vm, _ *pacer) error {
	n := v.arg(2)
	switch fd := v.arg(0); {
	case fd != 1 && fd != 2:
		v.errno(eBadFile)
		return nil
	case n > 256:
		v.errno(eInval)
		return nil
	}
	var line []byte
	total := uint64(0)
	for i := range n {
		at, err := v.load64(v.arg(1) + 16*i)
		if err != nil {
			return err
		}
		size, err := v.load64(v.arg(1) + 16*i + 8)
		if err != nil {
			return err
		}
		b, err := v.buffer(at, size)
		if err != nil {
			return err
		}
		v.m.Charge(size)
		total += size
		line = append(line, b[:min(len(b), ringText)]...)
	}
	v.image.stats.print(line)
	v.result(total)
	return nil
}

func linuxClose(v *vm, _ *pacer) error {
	if v.arg(0) > 2 {
		v.errno(eBadFile)
		return nil
	}
	v.result(0)
	return nil
}

func linuxRead(v *vm, _ *pacer) error {
	if v.arg(0) != 0 {
		v.errno(eBadFile)
	}
	return nil
}

func linuxReadlink(v *vm, _ *pacer) error {
	if v.arg(3) > 1024 {
		v.errno(eNoMem)
		return nil
	}
	v.errno(eNoSys)
	return nil
}

func linuxExit(v *vm, _ *pacer) error {
	v.status = int(int32(v.arg(0)))
	return errStop
}

func linuxFutex(v *vm, _ *pacer) error {
	switch v.arg(1) & 127 {
	case 0, 9: // wait
		b, err := v.window(v.arg(0), 4)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint32(b) != uint32(v.arg(2)) {
			v.errno(eAgain)
			return nil
		}
		clear(b)
		v.result(0)
	case 1, 10: // wake
		v.result(0)
	default:
		v.errno(eInval)
	}
	return nil
}

func linuxSleep(v *vm, _ *pacer) error {
	v.m.Charge(1000)
	v.result(0)
	return nil
}

func linuxClock(v *vm, _ *pacer) error {
	now := time.Now()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(now.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(now.Nanosecond()&^0x3FFF))
	at := v.arg(1)
	v.result(0)
	return v.store(at, b[:])
}

func linuxTimeOfDay(v *vm, _ *pacer) error {
	now := time.Now()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(now.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(now.Nanosecond()/1000&^3))
	at := v.arg(0)
	v.result(0)
	return v.store(at, b[:])
}

func linuxKill(v *vm, _ *pacer) error {
	if v.arg(1) == 0 {
		return nil
	}
	return trapf("the program sent itself signal %d", v.arg(1))
}

func linuxAbort(v *vm, _ *pacer) error {
	return trapf("the program ended itself by signal %d", v.arg(2))
}

func linuxUname(v *vm, _ *pacer) error {
	var b [6 * 65]byte
	for i, s := range [6]string{"Fishplate", "guest", "5.6.0", "", "rv64imafdc", "(none)"} {
		copy(b[i*65:], s)
	}
	at := v.arg(0)
	v.result(0)
	return v.store(at, b[:])
}

func linuxBrk(v *vm, _ *pacer) error {
	v.result(max(v.brkBase, min(v.arg(0), v.brkBase+brkWindow)))
	return nil
}

func pageUp(n uint64) uint64 { return (n + riscv.PageSize - 1) &^ (riscv.PageSize - 1) }

// inMmap reports whether [at, at+n) lies in the window for mappings.
func (v *vm) inMmap(at, n uint64) bool {
	base := v.image.memento.heapEnd
	if v.stage == stageStart {
		base = v.heapEnd
	}
	return at >= base && n <= v.mmapEnd-base && at <= v.mmapEnd-n
}

// The bits of a protection are the same for Linux and the machine.
const (
	protMask = 7
	protExec = 4
)

func linuxMmap(v *vm, _ *pacer) error {
	const fixedFlag = 0x10
	at, n, flags := v.arg(0), v.arg(1), v.arg(3)
	if int32(v.arg(4)) != -1 {
		v.errno(eBadFile)
		return nil
	}
	if n == 0 || n > mmapWindow {
		v.errno(eNoMem)
		return nil
	}
	n = pageUp(n)
	if at == 0 || flags&fixedFlag == 0 {
		at = v.mmapNext
	}
	if at%riscv.PageSize != 0 || !v.inMmap(at, n) {
		v.errno(eNoMem)
		return nil
	}
	v.m.Charge(n / riscv.PageSize)
	if err := v.m.Mem.Map(at, n, uint8(v.arg(2)&(protMask&^protExec))); err != nil {
		v.errno(eNoMem)
		return nil
	}
	v.mmapNext = max(v.mmapNext, at+n)
	v.result(at)
	return nil
}

func linuxMunmap(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	if n == 0 || n > mmapWindow || at%riscv.PageSize != 0 || !v.inMmap(at, pageUp(n)) {
		v.errno(eInval)
		return nil
	}
	n = pageUp(n)
	v.m.Charge(n / riscv.PageSize)
	if err := v.m.Mem.Unmap(at, n); err != nil {
		v.errno(eInval)
		return nil
	}
	if at+n == v.mmapNext {
		v.mmapNext = at // what was mapped last is free again
	}
	v.result(0)
	return nil
}

func linuxMprotect(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	v.m.Charge(min(n, mmapWindow) / riscv.PageSize)
	if n > 0 && v.m.Mem.Protect(at, n, uint8(v.arg(2)&protMask)) != nil {
		v.errno(eInval)
		return nil
	}
	v.result(0)
	return nil
}

func linuxMadvise(v *vm, _ *pacer) error {
	at, n := v.arg(0), v.arg(1)
	v.m.Charge(min(n, mmapWindow) / riscv.PageSize)
	switch v.arg(2) {
	case 0, 1, 2, 3, 10, 11, 12, 15, 18:
	case 4, 8, 9:
		if n > 0 && v.m.Mem.Zero(at, n) != nil {
			v.errno(eInval)
			return nil
		}
	default:
		v.errno(eInval)
		return nil
	}
	v.result(0)
	return nil
}

func linuxPrlimit(v *vm, _ *pacer) error {
	limits := map[uint64]uint64{3: 0x200000, 7: 1024}
	n, ok := limits[v.arg(1)]
	if !ok {
		v.errno(eInval)
		return nil
	}
	at := v.arg(3)
	v.result(0)
	if at == 0 {
		return nil
	}
	if err := v.store64(at, n); err != nil {
		return err
	}
	return v.store64(at+8, n)
}

func linuxRandom(v *vm, _ *pacer) error {
	n := v.arg(1)
	if n > 256 {
		v.result32(lines.Invalid)
		return nil
	}
	if !v.afford(n * randomCost) {
		return v.errBudget()
	}
	w, err := v.window(v.arg(0), n)
	if err != nil {
		return err
	}
	if _, err := rand.Read(w); err != nil {
		return err
	}
	v.result(n)
	return nil
}
