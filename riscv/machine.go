package riscv

import (
	"fmt"

	"fishplate/riscv/elf"
	"fishplate/riscv/interp"
	"fishplate/riscv/jit"
	"fishplate/riscv/memory"
)

// What Run returns; see the constants for the kinds.
type (
	Exit      = interp.Exit
	ExitKind  = interp.Kind
	Fault     = interp.Fault
	FaultKind = interp.FaultKind
)

// Registers is what Machine.Save returns and Machine.Restore takes.
type Registers = interp.Registers

// The kinds of exits. After Call, Break and Custom PC is at the instruction and
// SkipCall moves it past; after Stop it is past already.
const (
	Budget  = interp.Budget  // the fuel is used up
	Stop    = interp.Stop    // STOP or WFI
	Call    = interp.Call    // ecall
	Break   = interp.Break   // ebreak
	Custom  = interp.Custom  // opcode 0x5B; Imm has its 12-bit number
	Faulted = interp.Faulted // Fault says what happened
)

// The kinds of faults.
const (
	Illegal          = interp.Illegal
	LoadAccess       = interp.LoadAccess
	StoreAccess      = interp.StoreAccess
	FetchAccess      = interp.FetchAccess
	FetchMisaligned  = interp.FetchMisaligned
	AtomicMisaligned = interp.AtomicMisaligned
	MemoryLimit      = interp.MemoryLimit
	PageLeave        = interp.PageLeave
)

// Memory is the address space of a machine, and MemoryError what its methods
// report; see their documentation in riscv/memory.
type (
	Memory      = memory.Memory
	MemoryError = memory.Error
)

// Protections for Memory.Map and Memory.Protect, and the size of a page.
const (
	Read     = memory.Read
	Write    = memory.Write
	Exec     = memory.Exec
	PageSize = memory.PageSize
)

// LoanRecord is the size of a page in what Memory.Return gives.
const LoanRecord = memory.LoanRecord

// ErrCode reports an attempt to change, or to make, executable pages.
var ErrCode = memory.ErrCode

// Defaults of Options.
const (
	DefaultMemoryLimit  = 32 << 20
	DefaultAddressSpace = 1 << 30
)

// Options bound a machine and its forks.
type Options struct {
	MemoryLimit  uint64 // bytes of pages that may exist, the program's included; 0 is 32 MiB
	AddressSpace uint64 // bytes reserved; addresses are below it; 0 is 1 GiB, at most 16 GiB

	// Backing is where images made of the machine, and of their forks, are kept;
	// nil gives each a sealed file of its own, which costs a descriptor.
	Backing *Backing
	JIT     JIT // whether code may be translated to that of the host
}

// Machine is one hart with its own memory. The promoted fields X, F, PC and
// Instret are its registers and its instruction counter, which counts what was
// executed since NewMachine and what Charge added. A budget is the fuel of Run;
// an embedder that charges for its own work computes it from Instret.
type Machine struct {
	interp.State
	Mem *memory.Memory

	program *Program
	image   *Image     // nil unless this is a fork
	native  *jit.Cache // nil: the interpreter does everything
}

// NewMachine makes a machine with the program loaded, PC at its entry and all
// registers 0. The stack is the caller's to set up.
func NewMachine(p *Program, o Options) (*Machine, error) {
	if o.MemoryLimit == 0 {
		o.MemoryLimit = DefaultMemoryLimit
	}
	if o.AddressSpace == 0 {
		o.AddressSpace = DefaultAddressSpace
	}
	if p.XLEN() == 32 {
		o.AddressSpace = min(o.AddressSpace, 1<<32) // addresses wrap there
	}
	if p.HeapStart > o.AddressSpace {
		return nil, fmt.Errorf("make machine: program ends at %#x, above the address space of %#x bytes", p.HeapStart, o.AddressSpace)
	}
	mem, err := memory.NewOn(o.Backing, o.AddressSpace, o.MemoryLimit)
	if err != nil {
		return nil, fmt.Errorf("make machine: %w", err)
	}
	m := &Machine{Mem: mem, program: p}
	if o.JIT == JITAuto {
		m.native, _ = p.translator()
	}
	m.PC = p.Entry
	for _, s := range p.segments {
		if err := mem.LoadSegment(s.Addr, s.Size, protection(s.Flags), visible(s)); err != nil {
			mem.Close()
			return nil, fmt.Errorf("make machine: %w", err)
		}
	}
	return m, nil
}

func protection(flags uint32) uint8 {
	var p uint8
	if flags&elf.Read != 0 {
		p |= memory.Read
	}
	if flags&elf.Write != 0 {
		p |= memory.Write
	}
	if flags&elf.Exec != 0 {
		p |= memory.Exec
	}
	return p
}

// visible returns the bytes that loads may see: execute-only segments read as
// zero, since code is fetched from the program itself.
func visible(s elf.Segment) []byte {
	if s.Flags&(elf.Read|elf.Write) == 0 {
		return nil
	}
	return s.Data
}

// Program returns what the machine runs.
func (m *Machine) Program() *Program { return m.program }

// Run executes at most fuel instructions and says why it returned. Run in
// slices: it does not return earlier for anything outside the machine.
func (m *Machine) Run(fuel uint64) Exit {
	if m.native != nil {
		return m.native.Run(&m.State, m.program.code, m.Mem, fuel)
	}
	return m.State.Run(m.program.code, m.Mem, fuel)
}
