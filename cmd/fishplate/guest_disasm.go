package main

import (
	"bufio"
	"fmt"
)

func guestDisasmVerb() verb {
	return verb{
		name: "guest disasm", form: "PROG [SYMBOL]", min: 1, max: 2, run: runDisasm,
		short:   "Print the instructions of a RISC-V program",
		example: "fishplate guest disasm hello.elf main",
	}
}

// runDisasm is the verb guest disasm.
func runDisasm(c *call) error {
	program, err := loadGuest(c.args[0])
	if err != nil {
		return err
	}
	pc := program.Entry
	if len(c.args) > 1 {
		addr, ok := program.Lookup(c.args[1])
		if !ok {
			return fmt.Errorf("disassemble %s: there is no symbol %q", c.args[0], c.args[1])
		}
		pc = addr
	}
	name, _ := program.Symbol(pc)
	w := bufio.NewWriter(c.stdout)
	for {
		text, size := program.Instruction(pc)
		if size == 0 {
			break
		}
		if in, _ := program.Symbol(pc); in != name {
			break
		}
		fmt.Fprintf(w, "%8x:\t%s\n", pc, text)
		pc += uint64(size)
	}
	return w.Flush()
}
