package desk

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fishplate/riscv"
)

// Disassemble prints the instructions of the program at path: all, those of the
// function what, those of a range "0x10000..0x10040", or from one address to the
// end of its function.
func Disassemble(w io.Writer, path, what string) error {
	program, _, err := Load(path)
	if err != nil {
		return err
	}
	d := &disassembler{w: bufio.NewWriter(w), program: program}
	if err := d.print(what); err != nil {
		return fmt.Errorf("disassemble %s: %w", path, err)
	}
	return d.w.Flush()
}

type disassembler struct {
	w       *bufio.Writer
	program *riscv.Program
}

func (d *disassembler) print(what string) error {
	p := d.program
	if what == "" {
		for _, c := range p.CodeRanges() {
			d.span(c[0], c[1])
		}
		return nil
	}
	if addr, ok := p.Lookup(what); ok {
		return d.function(addr, what)
	}
	from, to, isRange := strings.Cut(what, "..")
	start, err := strconv.ParseUint(from, 0, 64)
	if err != nil {
		return fmt.Errorf("there is no symbol %q, nor is it an address such as 0x10000 or a range such as 0x10000..0x10040", what)
	}
	if !isRange {
		return d.function(start, what)
	}
	end, err := strconv.ParseUint(to, 0, 64)
	if err != nil || end <= start {
		return fmt.Errorf("%q: want a range such as 0x10000..0x10040, its end above its beginning", what)
	}
	if _, size := p.Instruction(start); size == 0 {
		return fmt.Errorf("there is no code at %#x", start)
	}
	d.span(start, end)
	return nil
}

// function prints from addr to the end of the function that it is in.
func (d *disassembler) function(addr uint64, what string) error {
	if _, size := d.program.Instruction(addr); size == 0 {
		return fmt.Errorf("there is no code at %s", what)
	}
	name, off := d.program.Symbol(addr)
	d.head(addr)
	for pc := addr; ; {
		in, at := d.program.Symbol(pc)
		if in != name || name == "" && pc != addr || pc-addr != at-off {
			return nil
		}
		size := d.line(pc)
		if size == 0 {
			return nil
		}
		pc += uint64(size)
	}
}

// span prints [start, end), with a heading wherever a function begins.
func (d *disassembler) span(start, end uint64) {
	for pc := start; pc < end; {
		if _, off := d.program.Symbol(pc); off == 0 || pc == start {
			d.head(pc)
		}
		size := d.line(pc)
		if size == 0 {
			return
		}
		pc += uint64(size)
	}
}

// head prints where a function begins.
func (d *disassembler) head(pc uint64) {
	name, off := d.program.Symbol(pc)
	switch {
	case name == "":
		return
	case off > 0:
		name = fmt.Sprintf("%s+%#x", name, off)
	}
	fmt.Fprintf(d.w, "\n%016x <%s>:\n", pc, name)
}

// line prints one instruction and returns its length in bytes, 0 at the end of
// the code.
func (d *disassembler) line(pc uint64) int {
	text, size := d.program.Instruction(pc)
	if size == 0 {
		return 0
	}
	word, _ := d.program.Fetch(pc)
	raw := fmt.Sprintf("%08x", word)
	if size == 2 {
		raw = fmt.Sprintf("%04x", word)
	}
	fmt.Fprintf(d.w, "%8x:\t%-8s\t%s%s\n", pc, raw, text, d.target(text))
	return size
}

// target names the symbol that the last operand of a jump or branch points to.
func (d *disassembler) target(text string) string {
	mnemonic, operands, _ := strings.Cut(text, "\t")
	mnemonic = strings.TrimPrefix(mnemonic, "c.")
	if !strings.HasPrefix(mnemonic, "b") && mnemonic != "j" && mnemonic != "jal" {
		return ""
	}
	last := operands[strings.LastIndexByte(operands, ',')+1:]
	addr, err := strconv.ParseUint(last, 0, 64)
	if err != nil {
		return ""
	}
	name, off := d.program.Symbol(addr)
	switch {
	case name == "":
		return ""
	case off > 0:
		return fmt.Sprintf(" <%s+%#x>", name, off)
	}
	return " <" + name + ">"
}
