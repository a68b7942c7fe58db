//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"fishplate/riscv"
)

const testdata = "test/bench/engines/testdata"

// compileOwn compiles a source of testdata with the given compiler and flags and
// returns the program's bytes.
func compileOwn(dir, source, line string) ([]byte, error) {
	out := filepath.Join(dir, "own-"+source)
	args := append(strings.Fields(line), "-o", out, filepath.Join(testdata, source))
	if msg, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", source, err, msg)
	}
	return os.ReadFile(out)
}

// symbols returns the addresses of functions, or which is missing.
func symbols(p *riscv.Program, names ...string) (map[string]uint64, error) {
	at := map[string]uint64{}
	for _, name := range names {
		addr, ok := p.Lookup(name)
		if !ok {
			return nil, fmt.Errorf("look up %s: not in the program", name)
		}
		at[name] = addr
	}
	return at, nil
}

// enough is more instructions than any function here executes.
const enough = 1 << 40

// call runs the function at pc with one argument until it returns to leave,
// where a STOP is, and returns its result.
func call(m *riscv.Machine, pc, leave, argument uint64) (uint64, error) {
	m.PC, m.X[1], m.X[10] = pc, leave, argument
	for {
		switch e := m.Run(enough); e.Kind {
		case riscv.Stop:
			return m.X[10], nil
		case riscv.Call:
			m.SkipCall()
		default:
			return 0, fmt.Errorf("call %#x: %s %v", pc, e.Kind, e.Fault)
		}
	}
}
