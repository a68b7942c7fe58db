package main

import (
	"errors"
	"fmt"
	"os"

	"fishplate/riscv"
)

// exitStopped is the status of guest run when the guest did not end by itself.
const exitStopped = 125

// guestVerbs are about a program on the desk: no process, no tenant.
func guestVerbs() []verb {
	return []verb{{
		name: "guest", form: "run|disasm|gdb PROG …",
		short: "Run a RISC-V program on the desk, or look into it",
		long:  "PROG is a statically linked RISC-V Linux executable, 64 or 32 bits.",
		sub:   []verb{guestRunVerb(), guestDisasmVerb(), guestGDBVerb()},
	}}
}

// loadGuest reads and verifies the program at path.
func loadGuest(path string) (*riscv.Program, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		var e *os.PathError
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, fmt.Errorf("read guest %s: %w", path, err)
	}
	program, err := riscv.LoadProgram(file)
	if err != nil {
		return nil, fmt.Errorf("load guest %s: %w%s", path, err, remedy(file))
	}
	return program, nil
}

// remedy says what to do about a file that is no guest, when that is clear.
func remedy(file []byte) string {
	switch {
	case len(file) == 0:
		return "; the file is empty"
	case len(file) > 1 && string(file[:2]) == "#!":
		return "; this is a script"
	case len(file) > 3 && string(file[:4]) == "\x00asm":
		return "; this is WebAssembly: build for RISC-V with riscv64-linux-gnu-gcc -static"
	case len(file) < 4 || string(file[:4]) != "\x7fELF":
		return "; build one with riscv64-linux-gnu-gcc -static"
	}
	return ""
}
