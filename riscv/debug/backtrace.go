package debug

import (
	"encoding/binary"
	"fmt"
	"io"

	"fishplate/riscv"
	"fishplate/riscv/isa"
	"fishplate/riscv/symbols"
)

// Frame is one line of a backtrace. In all but the innermost PC is a return
// address: Func, File and Line are those of the call before it.
type Frame struct {
	PC      uint64
	Func    string // "" if unknown
	Off     uint64 // bytes from the beginning of Func
	File    string // "" if unknown
	Line    int    // 0 if unknown
	Inlined bool   // the compiler put Func into the one in the next Frame
}

// MaxFrames bounds a backtrace, inlined frames included.
const MaxFrames = 64

// Numbers of registers, by their names in the calling convention: the return
// address, the stack pointer, the second link register of millicode, and the
// frame pointer where one is used.
const (
	ra = 1
	sp = 2
	t0 = 5
	s0 = 8
)

// String returns the frame as one line, for instance
// "0x000101d4 in parse+0x1c at /src/parse.c:17".
func (f Frame) String() string {
	name := f.Func
	if name == "" {
		name = "??"
	} else if !f.Inlined {
		name = fmt.Sprintf("%s+%#x", name, f.Off)
	}
	text := fmt.Sprintf("0x%08x in %s", f.PC, name)
	if f.File != "" {
		text += fmt.Sprintf(" at %s:%d", f.File, f.Line)
	}
	if f.Inlined {
		text += " (inlined)"
	}
	return text
}

// Print writes a backtrace, one numbered line a frame.
func Print(w io.Writer, frames []Frame) error {
	for i, f := range frames {
		if _, err := fmt.Fprintf(w, "#%-2d %s\n", i, f); err != nil {
			return err
		}
	}
	if len(frames) == MaxFrames {
		if _, err := fmt.Fprintln(w, "    (more frames are not shown)"); err != nil {
			return err
		}
	}
	return nil
}

// Backtrace returns how the machine came to where it is, the innermost frame
// first, at most 64 of them. It finds callers by the unwind tables of l; where
// those are silent, by what the beginning of the function does to the stack, by
// the frame pointer, and at last by ra. l may be nil: then the names come from
// the machine's program. Nothing is changed.
func Backtrace(m *riscv.Machine, l *Lines) []Frame {
	u := &unwinder{m: m, l: l, word: m.Program().XLEN() / 8}
	u.x, u.pc = m.X, u.addr(m.PC)
	var frames []Frame
	for at := 0; len(frames) < MaxFrames; at++ {
		frames = u.describe(frames, at > 0 && !u.exact)
		if !u.up(at == 0) {
			break
		}
	}
	return frames[:min(len(frames), MaxFrames)]
}

// unwinder holds the registers of one frame, as far as they are known. Registers
// that a callee may change are wrong in the callers' frames; unwind rules do not
// use them.
type unwinder struct {
	m     *riscv.Machine
	l     *Lines
	word  int // bytes of a register
	x     [32]uint64
	pc    uint64
	exact bool // pc is the next instruction, not the one behind a call
}

// addr drops what an address does not have.
func (u *unwinder) addr(v uint64) uint64 {
	if u.word == 4 {
		return uint64(uint32(v))
	}
	return v
}

// load reads a register's width of memory.
func (u *unwinder) load(addr uint64) (uint64, bool) {
	b, err := u.m.Mem.View(u.addr(addr), uint64(u.word))
	if err != nil {
		return 0, false
	}
	if u.word == 4 {
		return uint64(int64(int32(binary.LittleEndian.Uint32(b)))), true
	}
	return binary.LittleEndian.Uint64(b), true
}

// site is the address that stands for the frame in tables: a return address may
// already belong to the next line, or function.
func (u *unwinder) site(caller bool) uint64 {
	if caller {
		return u.pc - 1
	}
	return u.pc
}

// describe appends the frames of the present pc.
func (u *unwinder) describe(frames []Frame, caller bool) []Frame {
	list := u.l.At(u.site(caller))
	if len(list) == 0 {
		name, off := u.m.Program().Symbol(u.site(caller))
		if name != "" && caller {
			off++
		}
		return append(frames, Frame{PC: u.pc, Func: symbols.Readable(name), Off: off})
	}
	for i, at := range list {
		frames = append(frames, Frame{u.pc, at.Func, u.pc - at.Entry, at.File, at.Line, i < len(list)-1})
	}
	return frames
}

// up goes to the caller's frame; false says that there is none, or that it
// cannot be found. A frame lies above the one that it called, save for the
// innermost two, which may share a stack pointer, and for handlers of signals,
// which may have a stack of their own.
func (u *unwinder) up(innermost bool) bool {
	was, caller := *u, !innermost && !u.exact
	u.exact = false
	done := false
	// Where the file has rules they are the truth, even when they say that there is
	// no caller: guessing then would invent frames.
	rules, covered, ok := u.rules(u.site(caller))
	switch {
	case covered:
		done = ok && u.byRules(&rules)
	case u.byPrologue(u.site(caller), innermost):
		done = true
	default:
		*u = was
		u.exact = false
		done = u.byFramePointer(innermost) || innermost && u.byLink()
	}
	// The caller of a signal handler is a place without code; see byHandler.
	if done && !u.returns(u.pc) {
		done = u.byHandler()
	}
	if !done || u.pc == 0 {
		return false
	}
	if !innermost && !u.exact && u.addr(u.x[sp]) <= was.addr(was.x[sp]) {
		return false
	}
	return u.pc != was.pc || u.x[sp] != was.x[sp]
}

// rules returns the file's unwind rules at pc.
func (u *unwinder) rules(pc uint64) (r symbols.Rules, covered, ok bool) {
	if u.l == nil {
		return r, false, false
	}
	return u.l.Rules(pc)
}

// byRules unwinds by call frame information.
func (u *unwinder) byRules(r *symbols.Rules) bool {
	if r.CFARegister >= 32 {
		return false
	}
	was := u.x
	cfa := u.addr(was[r.CFARegister] + uint64(r.CFAOffset))
	u.x[sp] = cfa
	link := uint64(0)
	for n := range symbols.Columns {
		v, ok := u.recover(&was, r.Registers[n], n, cfa)
		if uint64(n) == r.Returns {
			link = v
			if !ok {
				return false // the outermost frame says so this way
			}
		}
		if n > 0 && n < 32 && (n != sp || r.Registers[n].Kind != symbols.Same) {
			u.x[n] = v
		}
	}
	u.pc, u.exact = u.addr(link)&^1, r.Signal
	return true
}

// recover computes the caller's value of register n; false says that it is lost.
func (u *unwinder) recover(was *[32]uint64, r symbols.Rule, n int, cfa uint64) (uint64, bool) {
	switch r.Kind {
	case symbols.Same:
		if n < 32 {
			return was[n], true
		}
	case symbols.Offset:
		return u.load(cfa + uint64(r.Value))
	case symbols.Value:
		return cfa + uint64(r.Value), true
	case symbols.Register:
		if r.Value >= 0 && r.Value < 32 {
			return was[r.Value], true
		}
	}
	return 0, false
}

// maxPrologue is how many instructions of a function are looked at.
const maxPrologue = 64

// byPrologue executes in mind what the function did to the stack before pc:
// moving sp down by a constant and storing ra and s0. It needs the function's
// beginning and is certain only until the first branch, so it is believed when
// what it finds looks like a return address.
func (u *unwinder) byPrologue(pc uint64, innermost bool) bool {
	entry, ok := u.entry(pc)
	if !ok || entry > pc {
		return false
	}
	p, ok := u.prologue(entry, pc)
	if !ok || p.raAt == 0 && !innermost {
		return false
	}
	top := u.x[sp] + uint64(p.depth)
	if p.framed {
		top = u.x[s0] + uint64(p.s0Depth)
	}
	link := u.x[ra]
	if p.raAt != 0 {
		if link, ok = u.load(top - uint64(p.raAt)); !ok {
			return false
		}
	}
	if !u.returns(link) {
		return false
	}
	if p.s0At != 0 {
		if v, ok := u.load(top - uint64(p.s0At)); ok {
			u.x[s0] = v
		}
	}
	u.x[sp], u.x[ra], u.pc = top, link, u.addr(link)
	return true
}

// prologue says where a function has its frame. Distances are in bytes below
// the stack pointer of the caller.
type prologue struct {
	depth   int64 // of sp
	s0Depth int64 // of s0, if it is the frame pointer
	framed  bool
	raAt    int64 // where ra was stored; 0 if it was not
	s0At    int64
}

// prologue reads the instructions of [entry, pc).
func (u *unwinder) prologue(entry, pc uint64) (p prologue, ok bool) {
	for at, n := entry, 0; at < pc && n < maxPrologue; n++ {
		in, ok := u.m.Program().Decode(at)
		if !ok {
			return p, false
		}
		at += uint64(in.Len)
		store := false
		switch isa.Table()[in.Row].Op {
		case isa.OpAddi:
			if in.Rd == sp && in.Rs1 == sp {
				if in.Imm > 0 {
					return p, true // an epilogue: what follows is another path
				}
				p.depth -= in.Imm
			}
			if in.Rd == s0 && in.Rs1 == sp {
				p.framed, p.s0Depth = true, p.depth-in.Imm
			}
		case isa.OpSd, isa.OpSw:
			store = in.Rs1 == sp
		case isa.OpJalr:
			if in.Rd == 0 {
				return p, true
			}
		}
		if store && in.Rs2 == ra && p.raAt == 0 {
			p.raAt = p.depth - in.Imm
		}
		if store && in.Rs2 == s0 && p.s0At == 0 {
			p.s0At = p.depth - in.Imm
		}
	}
	return p, true
}

// entry returns where the function at pc begins.
func (u *unwinder) entry(pc uint64) (uint64, bool) {
	if e, ok := u.l.Function(pc); ok {
		return e, true
	}
	name, off := u.m.Program().Symbol(pc)
	return pc - off, name != ""
}

// byFramePointer believes that s0 holds the CFA, with ra and the caller's s0
// below it; a function that calls nobody stores s0 alone.
func (u *unwinder) byFramePointer(innermost bool) bool {
	// In a program that uses s0 for other things this is any number. So it must lie
	// above sp, and what it points to must look like a return address.
	fp := u.addr(u.x[s0])
	if fp < u.addr(u.x[sp]) || fp%uint64(u.word) != 0 {
		return false
	}
	w := uint64(u.word)
	link, ok1 := u.load(fp - w)
	saved, ok2 := u.load(fp - 2*w)
	if ok1 && ok2 && u.returns(link) {
		u.x[sp], u.x[s0], u.x[ra], u.pc = fp, saved, link, u.addr(link)
		return true
	}
	if innermost && ok1 && u.returns(u.x[ra]) && u.addr(link) > fp {
		u.x[sp], u.x[s0], u.pc = fp, link, u.addr(u.x[ra])
		return true
	}
	return false
}

// byLink believes that ra still holds the return address.
func (u *unwinder) byLink() bool {
	if !u.returns(u.x[ra]) {
		return false
	}
	u.pc = u.addr(u.x[ra])
	return true
}

// byHandler leaves the handler of a signal: it returns to where no code is, and
// the stack holds the registers of what was interrupted, behind 128 bytes about
// the signal and the head of a ucontext.
func (u *unwinder) byHandler() bool {
	w := uint64(u.word)
	at := u.x[sp] + 128 + (5*w+128+15)&^15
	var saved [32]uint64
	for n := range saved {
		v, ok := u.load(at + uint64(n)*w)
		if !ok {
			return false
		}
		saved[n] = v
	}
	pc := u.addr(saved[0]) // in the place of x0
	if _, ok := u.m.Program().Decode(pc); !ok {
		return false
	}
	saved[0] = 0
	u.x, u.pc, u.exact = saved, pc, true
	return true
}

// returns says whether v looks like a return address: a call ends there.
func (u *unwinder) returns(v uint64) bool {
	v = u.addr(v)
	// The call before it has one of two lengths; the code says which.
	for _, size := range []uint64{4, 2} {
		in, ok := u.m.Program().Decode(v - size)
		if !ok || uint64(in.Len) != size || v < size {
			continue
		}
		if op := isa.Table()[in.Row].Op; in.Op != isa.OpIllegal && (op == isa.OpJal || op == isa.OpJalr) && (in.Rd == ra || in.Rd == t0) {
			return true
		}
	}
	return false
}
