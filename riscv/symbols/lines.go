package symbols

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"

	load "fishplate/riscv/elf"
)

// Location is one function that an address belongs to. Several stand for the
// same address where the compiler put one function into another.
type Location struct {
	Func   string // as in the source, with its scope, without parameters; "" if unknown
	System string // as the linker knows it; "" if that is the same
	File   string // as in the debug information; "" if unknown
	Line   int    // 0 if unknown
	Entry  uint64 // where the function, or the inlined part of it, begins
}

// Lines knows the functions, source lines and unwind tables of one executable.
// It is immutable; any number of goroutines may use it.
type Lines struct {
	xlen      int    // 32 or 64
	bias      uint64 // what the loader adds to the addresses of the file
	floor     uint64 // no code lies below, as the file counts
	symbols   []symbol
	functions []span  // concrete functions, in order of address
	scopes    []scope // what spans and children refer to
	sequences []sequence
	frames    frameTable
}

// symbol is a function of the symbol table. Addresses in all tables are those of
// the file; what comes in and goes out is moved by the bias.
type symbol struct {
	low, high uint64 // high is 0 when the file tells no size
	name      string
}

// Bounds of what is read of a file; the rest is left out. They keep what any file
// leaves behind below 200 MB, and the time that it takes to seconds.
const (
	maxEntries = 4 << 20
	maxScopes  = 1 << 19 // functions, and names of functions
	maxSpans   = 1 << 20
	maxRows    = 2 << 20
	maxFrames  = 1 << 19
	maxKept    = 64 << 20  // bytes of names
	maxCopied  = 256 << 20 // bytes of all texts
	maxNesting = 64        // of scopes, and of names that refer to others
)

// Read reads what an executable tells about itself. Without DWARF there
// are symbols only, and without symbols nothing; neither is an error. Errors say
// that the file is no RISC-V executable.
func Read(file []byte) (l *Lines, err error) {
	defer func() {
		// The readers of the standard library are made for files that a compiler
		// wrote, and index beyond what others contain.
		if cause := recover(); cause != nil {
			l, err = nil, fmt.Errorf("read symbols: malformed file: %v", cause)
		}
	}()
	some, err := headings(file)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	if f.Machine != elf.EM_RISCV || f.Data != elf.ELFDATA2LSB {
		return nil, errors.New("read symbols: not a little-endian RISC-V file")
	}
	l = &Lines{xlen: 64, floor: guardSize}
	if f.Type == elf.ET_DYN {
		l.bias, l.floor = load.PIEBase, 1
	}
	if f.Class == elf.ELFCLASS32 {
		l.xlen = 32
	}
	if some {
		l.readSymbols(file, f)
		all := &sections{File: f, size: uint64(len(file)), left: maxTotal}
		l.readFrames(all)
		l.readDWARF(all)
	}
	return l, nil
}

// sections are those of a file, with how many bytes more of them may be read.
type sections struct {
	*elf.File
	size uint64 // bytes of the file
	left uint64
}

// data returns the contents of a section, or nothing when it is missing or too
// large, or swells more than text does when it is decompressed. A compressed one
// is called either by its own name or, in old files, with a z.
func (f *sections) data(name string) []byte {
	s := f.Section(name)
	if s == nil {
		s = f.Section(strings.Replace(name, ".debug", ".zdebug", 1))
	}
	switch {
	case s == nil || s.Type == elf.SHT_NOBITS || s.Size > f.left:
		return nil
	case s.Offset > f.size || s.FileSize > f.size-s.Offset || s.Size > maxSwelling*s.FileSize+maxHeadings:
		return nil // a header may say anything
	}
	f.left -= s.Size
	b, err := s.Data()
	if err != nil {
		return nil
	}
	return b
}

// readSymbols keeps functions, and labels in executable sections, since
// functions of hand-written assembly are often no more than that.
func (l *Lines) readSymbols(file []byte, f *elf.File) {
	list, err := load.Names(file)
	if err != nil {
		return
	}
	for _, s := range list {
		if strings.HasPrefix(s.Name, ".L") || s.Object || int(s.Section) >= len(f.Sections) || f.Sections[s.Section].Flags&elf.SHF_EXECINSTR == 0 {
			continue
		}
		l.symbols = append(l.symbols, symbol{s.Addr, s.Addr + s.Size, s.Name})
	}
	// Of several names for one address the sized one comes last and wins; of
	// those the shortest, which is the least decorated.
	slices.SortStableFunc(l.symbols, func(x, y symbol) int {
		return cmp.Or(cmp.Compare(x.low, y.low), cmp.Compare(x.high, y.high), cmp.Compare(len(y.name), len(x.name)))
	})
}

// symbolAt returns the function that the symbol table has for pc. A symbol
// without a size reaches to the next one.
func (l *Lines) symbolAt(pc uint64) (symbol, bool) {
	i, _ := slices.BinarySearchFunc(l.symbols, pc, func(s symbol, pc uint64) int {
		if s.low <= pc {
			return -1
		}
		return 1
	})
	// Labels inside a function hide it; look a few back.
	for k := i - 1; k >= 0 && k >= i-32; k-- {
		if s := l.symbols[k]; s.high > pc && s.high > s.low {
			return s, true
		}
	}
	if i == 0 || l.symbols[i-1].high > l.symbols[i-1].low {
		return symbol{}, false
	}
	return l.symbols[i-1], true
}

// At returns what is known about the instruction at pc, the innermost function
// first. The last is the one whose code it is; the others were inlined into it.
// It is empty when nothing is known.
func (l *Lines) At(pc uint64) []Location {
	if l == nil {
		return nil
	}
	pc -= l.bias
	sym, known := l.symbolAt(pc)
	file, line := l.row(pc)
	chain := l.scopesAt(pc)
	if len(chain) == 0 {
		if !known {
			return nil
		}
		name := Readable(sym.name)
		return []Location{{Func: name, System: other(sym.name, name), File: file, Line: line, Entry: sym.low + l.bias}}
	}
	list := make([]Location, 0, len(chain))
	for i := len(chain) - 1; i >= 0; i-- {
		s := &l.scopes[chain[i].scope]
		name, system := s.names()
		if i == 0 && s.linkage == "" && known && mangled(sym.name) {
			// Debug information of C++ leaves the linkage name of some functions
			// to the symbol table.
			name, system = Readable(sym.name), sym.name
		}
		list = append(list, Location{Func: name, System: system, File: file, Line: line, Entry: chain[i].low + l.bias})
		file, line = s.callFile, s.callLine
	}
	return list
}

// Function returns where the function begins whose code is at pc; ok is false
// when nothing is known.
func (l *Lines) Function(pc uint64) (entry uint64, ok bool) {
	if l == nil {
		return 0, false
	}
	pc -= l.bias
	if s, ok := l.symbolAt(pc); ok {
		return s.low + l.bias, true
	}
	if chain := l.scopesAt(pc); len(chain) > 0 {
		return chain[0].low + l.bias, true
	}
	return 0, false
}

// mangled says whether a name is one of C++ or Rust in the linker's form.
func mangled(name string) bool {
	return strings.HasPrefix(name, "_Z") || strings.HasPrefix(name, "_R")
}

// Readable turns a linker's name into that of the source. The bound keeps a
// hostile name from growing by references to its own parts.
func Readable(name string) string {
	if !mangled(name) {
		return name
	}
	return demangle.Filter(name, demangle.NoParams, demangle.NoEnclosingParams, demangle.NoTemplateParams, demangle.MaxLength(12))
}

// other returns name unless it says no more than known.
func other(name, known string) string {
	if name == known {
		return ""
	}
	return name
}
