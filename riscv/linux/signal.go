package linux

import (
	"encoding/binary"
	"math/bits"

	"fishplate/riscv"
	"fishplate/riscv/vector"
)

// Signals that this package itself sends or treats specially.
const (
	sigIll  = 4
	sigTrap = 5
	sigBus  = 7
	sigKill = 9
	sigSegv = 11
	sigPipe = 13
	sigStop = 19

	lastSignal = 64
)

// ignored is the set of signals that do nothing by default: CHLD, CONT, those
// that would stop the process, URG, WINCH.
const ignored = 1<<17 | 1<<18 | 1<<19 | 1<<20 | 1<<21 | 1<<22 | 1<<23 | 1<<28

// Dispositions, and flags of sigaction and sigaltstack.
const (
	handlerDefault = 0
	handlerIgnore  = 1

	onStack   = 0x08000000
	noDefer   = 0x40000000
	resetHand = 0x80000000

	altOnStack = 1
	altDisable = 2
	minAltSize = 2048

	// si_code: who sent the signal, or what was wrong with an access.
	codeUser   = 0
	codeThread = -6
	codeKernel = 0x80
	codeNoMap  = 1 // nothing is there; for other faults than of memory just the first kind
	codeAccess = 2 // the protection forbids it
)

// signals are the dispositions, what is blocked, and what waits.
type signals struct {
	actions [lastSignal + 1]action
	mask    uint64 // bit n-1 for signal n
	pending uint64
	infos   map[int]info
	alt     altStack
	vectors []savedVectors // of handlers that have not returned, innermost last
}

// savedVectors are the vector registers that a handler interrupted. A program
// has them only when it uses vectors, so its frame on the stack has no room for
// them; at is the address of that frame.
type savedVectors struct {
	at    uint64
	state *vector.State
}

// maxNested bounds savedVectors: a handler that is left by a jump leaves its own
// behind.
const maxNested = 64

type action struct{ handler, flags, mask uint64 }

type altStack struct {
	base, size uint64
}

// info is what a handler with SA_SIGINFO learns.
type info struct {
	code int
	addr uint64 // of a fault
}

// signalBit is a signal's bit in a set.
func signalBit(n int) uint64 { return 1 << (n - 1) }

// trampoline is where a handler returns to: an address without code, so that
// the machine leaves there.
func (p *Process) trampoline() uint64 { return p.space.StackTop + 16 }

// atTrampoline says whether a fault is a handler's return.
func (p *Process) atTrampoline(f *riscv.Fault) bool {
	return f.Kind == riscv.FetchAccess && f.PC == p.trampoline()
}

// end ends the process; sig is the signal that did it, or 0.
func (p *Process) end(code, sig int) {
	p.ended = &Status{Exited: true, Code: code, Signal: sig, Stopped: StoppedExit, Exit: riscv.Exit{Kind: riscv.Call}}
	if sig != 0 {
		p.ended.Reason = "ended by " + signalName(sig)
	}
}

// raise makes a signal pending, or does at once what it does by default.
func (p *Process) raise(sig int, i info) {
	s := &p.signals
	switch h := s.actions[sig].handler; {
	case sig == sigKill:
	case h == handlerIgnore, h == handlerDefault && ignored&(1<<sig) != 0:
		return
	case h != handlerDefault, s.mask&signalBit(sig) != 0:
		s.pending |= signalBit(sig)
		if s.infos == nil {
			s.infos = make(map[int]info)
		}
		s.infos[sig] = i
		return
	}
	p.end(128+sig, sig)
}

// deliverPending enters the handler of a signal that waits and is not blocked.
func (p *Process) deliverPending() {
	s := &p.signals
	for p.ended == nil {
		ready := s.pending &^ s.mask
		if ready == 0 {
			return
		}
		sig := bits.TrailingZeros64(ready) + 1
		s.pending &^= signalBit(sig)
		i := s.infos[sig]
		delete(s.infos, sig)
		switch s.actions[sig].handler {
		case handlerIgnore:
		case handlerDefault:
			if ignored&(1<<sig) == 0 {
				p.end(128+sig, sig)
			}
		default:
			if !p.enter(sig, i) {
				p.end(128+sigSegv, sigSegv)
			}
			return // further ones wait until this handler returns or unblocks them
		}
	}
}

// deliverFault gives a fault to the program's handler. It reports false when
// there is none, or the signal is blocked, as it is in the handler itself.
func (p *Process) deliverFault(e riscv.Exit) bool {
	sig, i := 0, info{code: codeNoMap}
	switch {
	case e.Kind == riscv.Break:
		sig, i.addr = sigTrap, p.Machine.PC
	case e.Kind != riscv.Faulted:
		return false
	case e.Fault.Kind == riscv.Illegal:
		sig, i.addr = sigIll, e.Fault.Addr
	case e.Fault.Kind == riscv.AtomicMisaligned, e.Fault.Kind == riscv.FetchMisaligned:
		sig, i.addr = sigBus, e.Fault.Addr
	default:
		sig, i.addr = sigSegv, e.Fault.Addr
		if p.exists(i.addr) {
			i.code = codeAccess
		}
	}
	a := p.signals.actions[sig]
	if a.handler <= handlerIgnore || p.signals.mask&signalBit(sig) != 0 {
		return false
	}
	return p.enter(sig, i)
}

// exists says whether something is mapped at an address.
func (p *Process) exists(addr uint64) bool {
	list, _ := p.space.Mapped(addr, addr+1)
	return len(list) > 0 || addr >= riscv.PageSize && addr < p.space.Heap
}

// Sizes of the signal frame: siginfo, then the ucontext: flags, link, the
// alternate stack, the mask in 128 bytes, aligned to 16, registers, and the
// floating-point state with room for the quad one.
const (
	infoSize  = 128
	maskRoom  = 128
	floatRoom = 528
)

// contextOffsets are, from the ucontext on: the mask, the registers, the
// floating-point state, the end.
func (p *Process) contextOffsets() (mask, regs, floats, size uint64) {
	w := uint64(p.word)
	mask = 5 * w
	regs = (mask + maskRoom + 15) &^ 15
	floats = regs + 32*w
	return mask, regs, floats, floats + floatRoom
}

// enter saves the registers on a stack and makes the machine stand at the
// handler. It reports false when there is no room on the stack.
func (p *Process) enter(sig int, i info) bool {
	m, s := p.Machine, &p.signals
	act := s.actions[sig]
	sp := m.X[2]
	if p.word == 4 {
		sp = uint64(uint32(sp))
	}
	if act.flags&onStack != 0 && s.alt.size > 0 && !s.alt.holds(sp) {
		sp = s.alt.base + s.alt.size
	}
	_, _, _, size := p.contextOffsets()
	at := (sp - infoSize - size) &^ 15
	frame := p.frame(sig, i)
	if at > sp || p.store(at, frame) != 0 {
		return false
	}
	if m.V != nil {
		s.vectors = append(s.vectors[max(0, len(s.vectors)+1-maxNested):], savedVectors{at, m.V.Copy()})
	}
	s.mask |= act.mask
	if act.flags&noDefer == 0 {
		s.mask |= signalBit(sig)
	}
	if act.flags&resetHand != 0 {
		s.actions[sig].handler = handlerDefault
	}
	m.X[1] = p.extend(p.trampoline())
	m.X[2] = p.extend(at)
	m.X[10], m.X[11], m.X[12] = uint64(sig), p.extend(at), p.extend(at+infoSize)
	m.PC = act.handler
	p.note("signal", sig)
	return true
}

// holds says whether an address lies on the alternate stack.
func (a *altStack) holds(sp uint64) bool { return sp > a.base && sp-a.base <= a.size }

// frame builds what a handler finds on its stack.
func (p *Process) frame(sig int, i info) []byte {
	m, s := p.Machine, &p.signals
	mask, regs, floats, size := p.contextOffsets()
	l := layoutOf{p: p}
	l.u32(uint32(sig))
	l.u32(0)
	l.u32(uint32(int32(i.code)))
	l.pad(8 + p.word)
	l.word(i.addr)
	l.pad(infoSize)
	l.word(0)
	l.word(0)
	l.word(s.alt.base)
	l.word(s.alt.flags(m.X[2]))
	l.word(s.alt.size)
	l.pad(int(infoSize + mask))
	l.u64(s.mask)
	l.pad(int(infoSize + regs))
	l.word(m.PC)
	for _, x := range m.X[1:] {
		l.word(x)
	}
	l.pad(int(infoSize + floats))
	for _, f := range m.F {
		l.u64(f)
	}
	l.u32(m.FCSR())
	l.pad(int(infoSize + size))
	return l.b
}

// sigreturn takes the registers back from the frame that sp points to.
func (p *Process) sigreturn() {
	m := p.Machine
	mask, regs, floats, size := p.contextOffsets()
	sp := m.X[2]
	if p.word == 4 {
		sp = uint64(uint32(sp))
	}
	b, e := p.load(sp, infoSize+size)
	if e != 0 {
		p.end(128+sigSegv, sigSegv)
		return
	}
	b = b[infoSize:]
	p.signals.mask = binary.LittleEndian.Uint64(b[mask:]) &^ (signalBit(sigKill) | signalBit(sigStop))
	m.PC = p.wordOf(b[regs:])
	for i := 1; i < 32; i++ {
		m.X[i] = p.extend(p.wordOf(b[regs+uint64(i*p.word):]))
	}
	for i := range m.F {
		m.F[i] = binary.LittleEndian.Uint64(b[floats+uint64(8*i):])
	}
	m.SetFCSR(binary.LittleEndian.Uint32(b[floats+256:]))
	saved := &p.signals.vectors
	for i := len(*saved) - 1; i >= 0; i-- {
		if (*saved)[i].at == sp {
			m.V.Set((*saved)[i].state)
			*saved = (*saved)[:i]
			break
		}
	}
	p.deliverPending()
}

// rtSigreturn is the call by which a program with a trampoline of its own
// returns from a handler.
func (p *Process) rtSigreturn(*args) (uint64, Errno) {
	p.resumed = true
	p.sigreturn()
	return 0, 0
}
