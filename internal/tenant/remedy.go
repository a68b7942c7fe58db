package tenant

import (
	"bytes"
	"encoding/binary"
)

// HowToBuild is what to do about a file that is a program of another kind.
const HowToBuild = "build for RISC-V with riscv64-linux-gnu-gcc -static"

// Remedy says what to do about a file that is no guest, behind the error
// of its loader; empty when that says it.
func Remedy(file []byte) string {
	const (
		object  = 1
		machine = 243
	)
	switch {
	case len(file) == 0:
		return "; the file is empty"
	case bytes.HasPrefix(file, []byte("#!")):
		return "; this is a script: " + HowToBuild
	case bytes.HasPrefix(file, []byte("\x00asm")):
		return "; this is WebAssembly: " + HowToBuild
	case bytes.HasPrefix(file, []byte("MZ")):
		return "; this is a Windows program: " + HowToBuild
	case !bytes.HasPrefix(file, []byte("\x7fELF")):
		return "; this is no program: " + HowToBuild
	case len(file) < 20 || file[5] != 1:
		return ""
	}
	switch kind, m := binary.LittleEndian.Uint16(file[16:]), binary.LittleEndian.Uint16(file[18:]); {
	case m != machine:
		return "; this is a program for another processor: " + HowToBuild
	case kind == object:
		return "; this is an object file: link it with -static"
	}
	return ""
}
