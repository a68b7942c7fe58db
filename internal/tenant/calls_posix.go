package tenant

import (
	"bytes"
	"encoding/binary"
	"sort"

	"fishplate/internal/tenant/lines"
)

// The errno values that guests meet.
const (
	eNoProcess = 3
	eIntr      = 4
	eBadFile   = 9
	eAgain     = 11
	eNoMem     = 12
	eInval     = 22
	eNoSpace   = 28
	eNoSys     = 38
	eTimedOut  = 110
)

const randomCost = 20_000 // instructions per random byte

func linuxCalls() []Call {
	calls := []Call{
		{17, "GETCWD", "", "", "ends the call", "", "There are no files.", refused("the program has no access to files or sockets")},
		{57, "CLOSE", "a0 descriptor", "a0 = 0", "-9: not 0–2", "", "", linuxClose},
		{63, "READ", "a0 descriptor, a1, a2 room", "a0 = 0", "-9: not 0", "", "Standard input is empty.", linuxRead},
		{64, "WRITE", "a0 descriptor, a1, a2 bytes", "a0 = length", "-9: not 1 or 2", "200 + length", "Writes to the tenant's log.", linuxWrite},
		{65, "READV", "a0 descriptor, a1 vector, a2 count", "", "-22: count below 1 or above 128; else -9", "", "", linuxReadv},
		{66, "WRITEV", "a0 descriptor, a1 vector, a2 count", "a0 = length", "-9: not 1 or 2; -22: more than 256", "200 + length", "The same as WRITE of pieces.", linuxWritev},
		{72, "PSELECT6", "", "", "ends the call", "", "", refused("pselect is not implemented")},
		{73, "PPOLL", "a0 descriptors, a1 count, a2 time", "a0 = 0", "-22: more than 128", "", "Nothing ever happens to a descriptor.", linuxPpoll},
		{78, "READLINKAT", "a3 size", "", "-12: size above 1024; else -38", "", "", linuxReadlink},
		{90, "CAPGET", "a0 head, a1 data or 0", "a0 = 0", "-22: another version than 0x20080522", "", "There are none.", linuxCapget},
		{160, "UNAME", "a0 utsname", "a0 = 0", "", "", "", linuxUname},
		{261, "PRLIMIT64", "a1 resource, a3 old", "a0 = 0", "-22: not stack or files", "", "Stack 2 MiB, files 1024.", linuxPrlimit},
		{278, "GETRANDOM", "a0 destination, a1 length", "a0 = length", "-1: more than 256 bytes", "20,000 per byte", "", linuxRandom},
	}
	calls = append(calls, threadCalls()...)
	calls = append(calls, clockCalls()...)
	calls = append(calls, signalCalls()...)
	calls = append(calls, memoryCalls()...)
	calls = append(calls, pollCalls()...)
	for _, row := range []struct {
		value   int64
		numbers map[int]string
	}{
		{0, map[int]string{172: "GETPID", 174: "GETUID", 175: "GETEUID", 176: "GETGID", 177: "GETEGID", 227: "MSYNC", 259: "FLUSH_ICACHE", 258: "HWPROBE"}},
		{-eBadFile, map[int]string{23: "DUP", 24: "DUP3", 29: "IOCTL",
			56: "OPENAT", 59: "PIPE2", 61: "GETDENTS64", 62: "LSEEK", 67: "PREAD64"}},
		{-eNoSys, map[int]string{48: "FACCESSAT", 79: "NEWFSTATAT", 80: "FSTAT", 114: "CLOCK_GETRES", 123: "SCHED_GETAFFINITY", 167: "PRCTL",
			291: "STATX", 293: "RSEQ"}},
	} {
		for n := range 600 {
			if name, ok := row.numbers[n]; ok {
				calls = append(calls, Call{Number: n, Name: name, Result: resultText(row.value), Doc: "Always the same.", fn: fixed(row.value)})
			}
		}
	}
	sort.Slice(calls, func(i, j int) bool { return calls[i].Number < calls[j].Number })
	return calls
}

// refused is a call that ends the program's call.
func refused(text string) func(*vm, *pacer) error {
	return func(*vm, *pacer) error { return trapf("%s", text) }
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
func (v *vm) errno(n int64) { v.result(negative(n)) }

// negative is the register for an error number.
func negative(n int64) uint64 { return uint64(-n) }

// word is the size of the program's registers in bytes.
func (v *vm) word() uint64 {
	if v.image.narrow {
		return 4
	}
	return 8
}

func (v *vm) getWord(b []byte) uint64 {
	if v.image.narrow {
		return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

func (v *vm) putWord(b []byte, n uint64) {
	if v.image.narrow {
		binary.LittleEndian.PutUint32(b, uint32(n))
		return
	}
	binary.LittleEndian.PutUint64(b, n)
}

func (v *vm) loadWord(at uint64) (uint64, error) {
	b, err := v.buffer(at, v.word())
	if err != nil {
		return 0, err
	}
	return v.getWord(b), nil
}

func (v *vm) storeWord(at, n uint64) error {
	b, err := v.window(at, v.word())
	if err != nil {
		return err
	}
	v.putWord(b, n)
	return nil
}

// fixed is a call whose answer never changes.
func fixed(n int64) func(*vm, *pacer) error {
	return func(v *vm, _ *pacer) error {
		v.result(uint64(n))
		return nil
	}
}

func linuxWrite(v *vm, p *pacer) error {
	fd := v.arg(0)
	if fd != 1 && fd != 2 && (fd != pollCounter || !v.polls()) {
		v.errno(eBadFile)
		return nil
	}
	b, err := v.buffer(v.arg(1), v.arg(2))
	if err != nil {
		return err
	}
	if fd == pollCounter {
		return v.addEvents(b)
	}
	if err := v.spend(lineCost + uint64(len(b))); err != nil {
		return err
	}
	if v.wide {
		v.printPiece(b)
	} else {
		v.print(b)
	}
	v.result(uint64(len(b)))
	return nil
}

// printPiece collects what a runtime writes word by word, as that of Go does in
// its last report, into lines.
func (v *vm) printPiece(b []byte) {
	for {
		end := bytes.IndexByte(b, '\n')
		piece := b
		if end >= 0 {
			piece = b[:end]
		}
		v.event.line = append(v.event.line, piece[:min(len(piece), ringText-len(v.event.line))]...)
		if end < 0 {
			return
		}
		v.endLine()
		b = b[end+1:]
	}
}

// endLine logs what was collected; empty lines are left out.
func (v *vm) endLine() {
	if len(v.event.line) > 0 {
		v.print(v.event.line)
	}
	v.event.line = v.event.line[:0]
}

func linuxWritev(v *vm, _ *pacer) error {
	n, w := v.arg(2), v.word()
	switch fd := v.arg(0); {
	case fd != 1 && fd != 2:
		v.errno(eBadFile)
		return nil
	case n > 256:
		v.errno(eInval)
		return nil
	}
	v.m.Charge(lineCost)
	var line []byte
	total := uint64(0)
	for i := range n {
		at, err := v.loadWord(v.arg(1) + 2*w*i)
		if err != nil {
			return err
		}
		size, err := v.loadWord(v.arg(1) + 2*w*i + w)
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
	v.print(line)
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
	switch fd := v.arg(0); {
	case fd == pollCounter && v.polls():
		return v.takeEvents(v.arg(1), v.arg(2))
	case fd != 0:
		v.errno(eBadFile)
	}
	return nil
}

func linuxReadv(v *vm, _ *pacer) error {
	if n := v.arg(2); n < 1 || n > 128 {
		v.errno(eInval)
		return nil
	}
	v.errno(eBadFile)
	return nil
}

func linuxPpoll(v *vm, p *pacer) error {
	if v.arg(1) > 128 {
		v.errno(eInval)
		return nil
	}
	if _, _, err := v.loadTime(v.arg(2), v.word()); err != nil {
		return err
	}
	v.result(0)
	return nil
}

func linuxCapget(v *vm, _ *pacer) error {
	const version = 0x20080522
	given, err := v.load32(v.arg(0))
	if err != nil {
		return err
	}
	if given != version {
		v.errno(eInval)
		return nil
	}
	v.result(0)
	if at := v.arg(1); at != 0 {
		return v.store(at, make([]byte, 24))
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

// isa is the machine's name in uname.
func (v *vm) isa() string {
	if v.image.narrow {
		return "rv32imafdc"
	}
	return "rv64imafdc"
}

func linuxUname(v *vm, _ *pacer) error {
	var b [6 * 65]byte
	for i, s := range [6]string{"Fishplate", "guest", "5.6.0", "", v.isa(), "(none)"} {
		copy(b[i*65:], s)
	}
	at := v.arg(0)
	v.result(0)
	return v.store(at, b[:])
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
	if err := v.storeWord(at, n); err != nil {
		return err
	}
	return v.storeWord(at+v.word(), n)
}

func linuxRandom(v *vm, pace *pacer) error {
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
	b, err := v.randomBytes(pace.ctx, n)
	if err != nil {
		return err
	}
	copy(w, b)
	v.result(n)
	return nil
}
