package riscv

import (
	"sort"

	"fishplate/riscv/elf"
	"fishplate/riscv/interp"
	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// Program is a verified executable with its code decoded. It is immutable and
// may be shared by any number of machines.
type Program struct {
	Entry     uint64 // where execution begins
	HeapStart uint64 // end of the highest segment, rounded up to a page
	Phdr      uint64 // address of the program headers in memory; 0 if not loaded
	Bias      uint64 // what was added to the addresses in a position-independent file
	PhEnt     int    // bytes of one program header
	PhNum     int
	Phdrs     []byte // the program headers as in the file; do not change

	segments []elf.Segment
	symbols  []elf.Symbol
	byName   map[string]uint64
	code     *interp.Code
	native   translation
}

// LoadProgram verifies and decodes a statically linked ELF executable, 32-bit or
// 64-bit. The bytes must not change afterwards. Errors say what is wrong with the
// file, for instance "bad ELF machine 62: want 243 (RISC-V)".
func LoadProgram(file []byte) (*Program, error) { return LoadProgramWith(file, LoadOptions{}) }

// Hooks choose what instructions do that belong to the embedder, and Action is
// such a choice; see their documentation in riscv/interp.
type (
	Hooks  = interp.Hooks
	Action = interp.Action
)

// The actions of Hooks.
const (
	Usual  = interp.Usual
	Refuse = interp.Refuse
	Leave  = interp.Leave
	Halt   = interp.Halt
	Ignore = interp.Ignore
)

// LoadOptions say how a program is decoded.
type LoadOptions struct {
	// Hooks give meaning to instructions that the specification leaves to
	// embedders; nil is as Usual says.
	Hooks *Hooks
}

// LoadProgramWith is LoadProgram with options.
func LoadProgramWith(file []byte, o LoadOptions) (*Program, error) {
	f, err := elf.Parse(file)
	if err != nil {
		return nil, err
	}
	p := &Program{
		Entry: f.Entry, HeapStart: (f.End + memory.PageSize - 1) &^ (memory.PageSize - 1),
		Phdr: f.Phdr, Bias: f.Bias, PhEnt: f.PhEnt, PhNum: f.PhNum, Phdrs: f.Phdrs,
		segments: f.Segments, symbols: f.Symbols, byName: make(map[string]uint64, len(f.Symbols)),
	}
	for _, s := range f.Symbols {
		if _, dup := p.byName[s.Name]; !dup {
			p.byName[s.Name] = s.Addr
		}
	}
	var regions []interp.Region
	for _, s := range f.Segments {
		if s.Flags&elf.Exec != 0 && len(s.Data) > 1 {
			regions = append(regions, interp.Region{Addr: s.Addr, Bytes: s.Data})
		}
	}
	p.code = interp.CompileWith(o.Hooks, f.XLEN, regions)
	return p, nil
}

// XLEN returns the width of the program's registers in bits: 64, or 32 for an
// ELF32 file.
func (p *Program) XLEN() int { return p.code.XLEN() }

// Lookup returns the address of a symbol.
func (p *Program) Lookup(name string) (addr uint64, ok bool) {
	addr, ok = p.byName[name]
	return addr, ok
}

// Symbol returns the function, or failing that the label or object, that addr
// lies in, and the offset from its beginning. The name is empty when nothing is
// known about addr.
func (p *Program) Symbol(addr uint64) (name string, off uint64) {
	i := sort.Search(len(p.symbols), func(i int) bool { return p.symbols[i].Addr > addr })
	for best := -1; ; {
		i--
		if i < 0 || best >= 0 && p.symbols[i].Addr != p.symbols[best].Addr {
			if best < 0 || !p.inCodeOf(addr, p.symbols[best]) {
				return "", 0
			}
			return p.symbols[best].Name, addr - p.symbols[best].Addr
		}
		if best < 0 || p.symbols[i].Func && !p.symbols[best].Func {
			best = i
		}
	}
}

// inCodeOf says whether addr can belong to symbol s: within its size, or, when
// the file gives none, within the same segment.
func (p *Program) inCodeOf(addr uint64, s elf.Symbol) bool {
	if s.Size > 0 {
		return addr-s.Addr < s.Size
	}
	for _, g := range p.segments {
		if addr-g.Addr < g.Size {
			return s.Addr-g.Addr < g.Size
		}
	}
	return false
}

// Disasm writes the instruction in word, which lies at address pc, in the
// syntax of the GNU assembler, mnemonic and operands separated by a tab.
func Disasm(word uint32, pc uint64) string { return isa.Disasm(word, pc) }

// Instruction returns the instruction at pc as text, for diagnostics, and its
// length in bytes; 0 when there is no code.
func (p *Program) Instruction(pc uint64) (text string, size int) {
	word, size := p.Fetch(pc)
	if size == 0 {
		return "", 0
	}
	return isa.DisasmFor(p.XLEN(), word, pc), size
}
