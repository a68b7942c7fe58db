package interp

import (
	"encoding/binary"
	"fmt"

	"fishplate/riscv/memory"
	"fishplate/riscv/vector"
)

// Kind says why Run returned.
type Kind uint8

// The kinds of exits. After Call, Break and Custom PC is at the instruction and
// SkipCall moves it past; after Stop it is past already.
const (
	Budget  Kind = iota + 1 // the fuel is used up
	Stop                    // STOP or WFI
	Call                    // ecall
	Break                   // ebreak
	Custom                  // an instruction of the embedder; Imm and Word have it
	Faulted                 // Fault says what happened
)

func (k Kind) String() string {
	names := [...]string{"none", "budget", "stop", "call", "break", "custom", "fault"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Exit is the result of Run.
type Exit struct {
	Kind  Kind
	Imm   uint32 // of Custom: the upper 12 bits of the instruction
	Word  uint32 // of Custom: the instruction
	Fault *Fault
}

// FaultKind classifies a Fault.
type FaultKind uint8

// The kinds of faults.
const (
	Illegal          FaultKind = iota + 1 // unknown instruction, or one that is not allowed
	LoadAccess                            // load from the guard page or outside the address space
	StoreAccess                           // the same for stores, and stores to pages that are not writable
	FetchAccess                           // jump to where there is no code
	FetchMisaligned                       // odd PC, which only the embedder can set
	AtomicMisaligned                      // LR, SC or AMO at an address that is not a multiple of its size
	MemoryLimit                           // a store would have exceeded the page limit
	PageLeave                             // a store needs one page more than Memory.Allow allowed; Run goes on with it
)

func (k FaultKind) String() string {
	names := [...]string{"unknown fault", "illegal instruction", "load access fault", "store access fault",
		"fetch access fault", "misaligned fetch", "misaligned atomic", "memory limit reached", "leave for a page needed"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Fault is a precise exception: nothing of the instruction at PC has happened,
// everything before it has. Addr is the data or fetch address; for an illegal
// instruction it is PC.
type Fault struct {
	Kind FaultKind
	PC   uint64
	Addr uint64
}

func (f *Fault) Error() string {
	if f.Addr == f.PC {
		return fmt.Sprintf("execute pc %#x: %s", f.PC, f.Kind)
	}
	return fmt.Sprintf("execute pc %#x: %s at %#x", f.PC, f.Kind, f.Addr)
}

// State is one hart. The zero value is a hart with all registers 0.
type State struct {
	X       [32]uint64 // integer registers; X[0] must stay 0
	F       [32]uint64 // floating-point registers, singles NaN-boxed
	PC      uint64
	Instret uint64 // instructions executed, plus what Charge added

	// Time answers reads of the CSR time; nil reads as 0. It belongs to the
	// embedder and survives a reset.
	Time func() uint64

	// V is the vector registers; nil until a program uses them.
	V    *vector.State
	hart vector.Hart // this hart as vector instructions see it
	inst vector.Inst // the one that was executed last

	// N is for generated code; embedders leave it alone.
	N Native

	fcsr     uint8  // rounding mode in the upper 3 bits, exception flags below
	skip     uint8  // length of the instruction that left to the embedder
	reserved uint64 // address of the reservation; 0 for none
	start    uint64 // fuel at the beginning of Run

	// What Run and slow tell each other.
	seg  *segment
	top  uint64 // an address less guard up to it can be loaded from
	at   *ins
	left uint64 // fuel behind the block of at
	exit Exit

	scratch [3]ins // for stepping: an instruction, what follows, its target
}

// Registers is what a reset restores of a State.
type Registers struct {
	x, f        [32]uint64
	pc, instret uint64
	reserved    uint64
	fcsr        uint8
	v           *vector.State // a copy, never changed; nil if there are none
}

// Save copies the registers.
func (s *State) Save() Registers {
	return Registers{x: s.X, f: s.F, pc: s.PC, instret: s.Instret, reserved: s.reserved, fcsr: s.fcsr, v: s.saveVectors()}
}

// Restore makes the hart as it was when r was saved; only Time is kept.
func (s *State) Restore(r *Registers) {
	s.X, s.F, s.PC, s.Instret = r.x, r.f, r.pc, r.instret
	s.reserved, s.fcsr = r.reserved, r.fcsr
	s.restoreVectors(r.v)
	s.skip, s.start, s.at, s.left, s.exit = 0, 0, nil, 0, Exit{}
	s.scratch = [3]ins{}
}

// Unreserve gives up the reservation of LR, as a kernel does when another thread
// takes the hart: that one may write where the reservation is.
func (s *State) Unreserve() { s.reserved = 0 }

// Step executes one instruction of program on mem. Kind Budget means that it is
// done and the next one can follow.
func (s *State) Step(program *Code, mem *memory.Memory) Exit { return s.Run(program, mem, 1) }

// Charge adds n to the instruction counter, for work that the host does.
func (s *State) Charge(n uint64) { s.Instret += n }

// SkipCall moves PC past the instruction at which Run left with Call, Break or
// Custom. Without it the next Run executes that instruction again.
func (s *State) SkipCall() {
	s.PC += uint64(s.skip)
	s.skip = 0
}

// FCSR returns the floating-point control and status register.
func (s *State) FCSR() uint32 { return uint32(s.fcsr) }

// SetFCSR sets it; bits above 7 are ignored.
func (s *State) SetFCSR(v uint32) { s.fcsr = uint8(v) }

// locate finds the decoded instruction at pc. It gives a place in the shared
// code, or, when there is none or its block is longer than fuel, the one
// instruction decoded into scratch.
func (s *State) locate(program *Code, pc, fuel uint64) (*ins, FaultKind) {
	if pc&1 != 0 {
		return nil, FetchMisaligned
	}
	seg := program.find(pc)
	if seg == nil {
		return nil, FetchAccess
	}
	s.seg = seg
	off := int(pc - seg.base)
	if k := seg.entry[off/2]; k >= 0 && uint64(seg.code[k].run) <= fuel {
		return &seg.code[k], 0
	}
	in, size := seg.lower(off)
	in.run = 1
	s.scratch[1] = ins{code: doEscape, imm: int32(off + size), off: uint32(off + size)}
	if in.branches() {
		s.scratch[2] = ins{code: doEscape, imm: in.imm, off: uint32(in.imm)}
		in.imm = int32(2 * insSize)
	}
	s.scratch[0] = in
	return &s.scratch[0], 0
}

// settle makes PC and Instret exact at an exit.
func (s *State) settle(pc, fuel uint64) {
	s.PC = pc
	s.Instret += s.start - fuel
}

func (s *State) exhausted(pc uint64) Exit {
	s.settle(pc, 0)
	return Exit{Kind: Budget}
}

func (s *State) lost(why FaultKind, pc, fuel uint64) Exit {
	s.settle(pc, fuel)
	return Exit{Kind: Faulted, Fault: &Fault{why, pc, pc}}
}

// leave ends a run at the instruction s.at, which counts as executed.
func (s *State) leave(k Kind, seg *segment) verdict {
	s.settle(seg.base+uint64(s.at.off), s.left)
	s.skip = s.at.rs2
	s.exit = Exit{Kind: k}
	if k == Custom {
		s.exit.Imm, s.exit.Word = uint32(s.at.imm), binary.LittleEndian.Uint32(seg.bytes[s.at.off:])
	}
	return over
}

// fault ends a run at the instruction s.at, which did not happen: it and what
// follows it in the block are given back.
func (s *State) fault(k FaultKind, seg *segment, addr uint64) verdict {
	pc := seg.base + uint64(s.at.off)
	s.settle(pc, s.left+uint64(s.at.run))
	s.exit = Exit{Kind: Faulted, Fault: &Fault{k, pc, addr}}
	return over
}
