package linux

import (
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"fishplate/riscv/files"
)

// Facts about the process that programs may ask for.
const (
	processID = 1000
	parentID  = 1
	userID    = 1000
)

// random is real, or repeatable from a seed.
type random struct{ seeded *rand.ChaCha8 }

// start chooses between the host's randomness and a generator that is seeded;
// ChaCha8 gives the same bytes in every version of this package.
func (r *random) start(seed []byte) {
	if seed != nil {
		r.seeded = rand.NewChaCha8(sha256.Sum256(seed))
	}
}

// Read fills b; it never fails, so that it can stand for /dev/urandom.
func (r *random) Read(b []byte) (int, error) {
	if r.seeded == nil {
		return crand.Read(b)
	}
	return r.seeded.Read(b)
}

// These four answer what is the same for every process here.
func zero(*Process, *args) (uint64, Errno)    { return 0, 0 }
func process(*Process, *args) (uint64, Errno) { return processID, 0 }
func parent(*Process, *args) (uint64, Errno)  { return parentID, 0 }
func user(*Process, *args) (uint64, Errno)    { return userID, 0 }

// exit ends the process, as there is no other thread that could go on after it.
func (p *Process) exit(a *args) (uint64, Errno) {
	p.end(int(uint8(a[0])), 0)
	return 0, 0
}

// uname names a kernel that is old enough for no program to ask it for more
// than is served, and new enough for every C library.
func (p *Process) uname(a *args) (uint64, Errno) {
	var b [6 * 65]byte
	for i, s := range []string{"Linux", "guest", "6.1.0", "#1 fishplate", "riscv" + decimal(uint64(8*p.word)), "(none)"} {
		copy(b[65*i:], s)
	}
	return 0, p.store(a[0], b[:])
}

// getrandom never waits: the host's generator is ready. A buffer above
// maxTransfer is filled in part, which callers must expect.
func (p *Process) getrandom(a *args) (uint64, Errno) {
	if a[2]&^7 != 0 {
		return 0, EINVAL
	}
	b := make([]byte, min(a[1], maxTransfer))
	if e := p.fitsIn(a[0], uint64(len(b))); e != 0 {
		return 0, e
	}
	_, _ = p.random.Read(b) // never fails: without randomness the host ends
	p.Machine.Charge(uint64(len(b)) * randomCharge)
	return uint64(len(b)), p.store(a[0], b)
}

// sysinfo tells of the limit of the machine as if it were the memory of a
// computer. Swap, high memory and load are 0.
func (p *Process) sysinfo(a *args) (uint64, Errno) {
	mem := p.Machine.Mem
	l := layoutOf{p: p}
	l.word(uint64(p.clock.since().Seconds()))
	l.pad(4 * p.word) // no load
	l.word(uint64(mem.Limit()) * blockSize)
	l.word(uint64(mem.Limit()-mem.Pages()) * blockSize)
	l.pad(10 * p.word)
	l.u16(1) // processes
	l.pad(13 * p.word)
	l.u32(1) // unit of memory
	l.pad(map[int]int{8: 112, 4: 64}[p.word])
	return 0, p.store(a[0], l.b)
}

// Resources of prlimit64.
const (
	limitStack = 3
	limitCore  = 4
	limitFiles = 7
	unlimited  = ^uint64(0)
)

// startLimits sets what getrlimit tells: the real sizes of the stack and of the
// table of descriptors, and no core files.
func (p *Process) startLimits() {
	for i := range p.limits {
		p.limits[i] = [2]uint64{unlimited, unlimited}
	}
	stack := p.space.StackTop - p.space.Stack
	p.limits[limitStack] = [2]uint64{stack, stack}
	p.limits[limitCore] = [2]uint64{}
	p.limits[limitFiles] = [2]uint64{files.MaxOpen, files.MaxOpen}
}

// prlimit reads and sets a limit. What is set is only remembered: what bounds
// the process are its machine's options and its budget.
func (p *Process) prlimit(a *args) (uint64, Errno) {
	switch {
	case a[0] != 0 && a[0] != processID:
		return 0, ESRCH
	case a[1] >= uint64(len(p.limits)):
		return 0, EINVAL
	}
	limit := &p.limits[a[1]]
	old := *limit
	if a[2] != 0 {
		b, e := p.load(a[2], 16)
		if e != 0 {
			return 0, e
		}
		soft, hard := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		switch {
		case soft > hard:
			return 0, EINVAL
		case hard > limit[1]:
			return 0, EPERM
		}
		*limit = [2]uint64{soft, hard} // kept, and without effect
	}
	if a[3] == 0 {
		return 0, 0
	}
	l := layoutOf{p: p}
	l.u64(old[0])
	l.u64(old[1])
	return 0, p.store(a[3], l.b)
}

// getrlimit is the older form of prlimit, of RV64 alone.
func (p *Process) getrlimit(a *args) (uint64, Errno) {
	return p.prlimit(&args{0, a[0], 0, a[1]})
}

// setrlimit is the older form of prlimit, of RV64 alone.
func (p *Process) setrlimit(a *args) (uint64, Errno) {
	return p.prlimit(&args{0, a[0], a[1], 0})
}

// getresid stores real, effective and saved user or group: all the same.
func (p *Process) getresid(a *args) (uint64, Errno) {
	l := layoutOf{p: p}
	l.u32(userID)
	for i := range 3 {
		if e := p.store(a[i], l.b); e != 0 {
			return 0, e
		}
	}
	return 0, 0
}

// affinity tells of one processor. The result is the bytes that were stored, as
// the call below the library's has it.
func (p *Process) affinity(a *args) (uint64, Errno) {
	switch {
	case a[0] != 0 && a[0] != processID:
		return 0, ESRCH
	case a[1] < 8 || a[1]%uint64(p.word) != 0:
		return 0, EINVAL
	}
	l := layoutOf{p: p}
	l.u64(1) // the only processor
	return 8, p.store(a[2], l.b)
}

// getcpu answers processor 0, node 0.
func (p *Process) getcpu(a *args) (uint64, Errno) {
	for _, addr := range a[:2] {
		if addr == 0 {
			continue
		}
		if e := p.store(addr, make([]byte, 4)); e != 0 {
			return 0, e
		}
	}
	return 0, 0
}

// prctl knows the name of the process, which programs set, and nothing else.
func (p *Process) prctl(a *args) (uint64, Errno) {
	const setName, getName = 15, 16
	switch a.int(0) {
	case setName:
		_, e := p.path(a[1])
		return 0, e
	case getName:
		var name [16]byte
		copy(name[:15], p.config.Args[0])
		return 0, p.store(a[1], name[:])
	}
	return 0, EINVAL
}

// Keys of riscv_hwprobe, and bits of two of its values.
const (
	probeBase = 3
	probeIMA  = 4
	probePerf = 5

	probeFD, probeC, probeV                = 1 << 0, 1 << 1, 1 << 2
	probeZba, probeZbb, probeZbs, probeZbc = 1 << 3, 1 << 4, 1 << 5, 1 << 7
	probeZfa, probeZicond                  = 1 << 32, 1 << 35

	misalignedFast = 3
)

// hwprobe fills in values for keys, as newer C libraries ask before they choose
// a memcpy. A key that is not known becomes -1, which is how the interface says
// so.
func (p *Process) hwprobe(a *args) (uint64, Errno) {
	if a[4] != 0 || a[1] > 256 {
		return 0, EINVAL
	}
	for i := range a[1] {
		at := a[0] + 16*i
		b, e := p.load(at, 16)
		if e != 0 {
			return 0, e
		}
		key := binary.LittleEndian.Uint64(b)
		value := uint64(0)
		switch key {
		case 0, 1, 2: // vendor, architecture, implementation
		case probeBase:
			value = 1
		case probeIMA:
			value = probeFD | probeC | probeV | probeZfa | probeZba | probeZbb | probeZbc | probeZbs | probeZicond
		case probePerf:
			value = misalignedFast
		default:
			key = ^uint64(0)
		}
		l := layoutOf{p: p}
		l.u64(key)
		l.u64(value)
		if e := p.store(at, l.b); e != 0 {
			return 0, e
		}
	}
	return 0, 0
}

// Operations of futex.
const (
	futexWait       = 0
	futexWake       = 1
	futexRequeue    = 3
	futexCmpRequeue = 4
	futexWaitBitset = 9
	futexWakeBitset = 10
	futexMask       = 127
	futexRealtime   = 256
)

// futex has nobody to wake. A wait that could be ended by a wake only would
// last for ever.
func (p *Process) futex(a *args) (uint64, Errno) {
	b, e := p.load(a[0], 4)
	if e != 0 {
		return 0, e
	}
	if a[0]%4 != 0 {
		return 0, EINVAL
	}
	op := a[1] & futexMask
	switch op {
	case futexWake, futexWakeBitset, futexRequeue, futexCmpRequeue:
		return 0, 0
	case futexWait, futexWaitBitset:
	default:
		return 0, ENOSYS
	}
	if binary.LittleEndian.Uint32(b) != uint32(a[2]) {
		return 0, EAGAIN
	}
	if a[3] == 0 {
		return p.hang("futex waits for another thread, and there is none")
	}
	d, e := p.loadTime(a[3])
	if e != 0 {
		return 0, e
	}
	if op == futexWaitBitset {
		d = p.until(d, a[1]&futexRealtime != 0)
	}
	if e := p.sleep(d); e != 0 {
		return 0, e
	}
	return 0, ETIMEDOUT
}
