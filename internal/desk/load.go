package desk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// Load reads and verifies the program at path. The error names the file, what
// is wrong with it, and where it is clear what to do about it.
func Load(path string) (*riscv.Program, []byte, error) {
	file, err := read(path)
	if err != nil {
		var e *fs.PathError
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, nil, fmt.Errorf("read guest %s: %w", path, err)
	}
	program, err := linux.Load(file)
	if err != nil {
		return nil, nil, fmt.Errorf("load guest %s: %w%s", path, err, remedy(file))
	}
	return program, file, nil
}

// maxFile is the greatest file that is read, in bytes.
const maxFile = 1 << 30

// read returns the bytes of a regular file. Others may have no end.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file: copy the program to one")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	return os.ReadFile(path)
}

const howToBuild = "build for RISC-V with riscv64-linux-gnu-gcc -static"

// remedy says what to do about a file that is no guest; empty when the error
// itself says it.
func remedy(file []byte) string {
	const (
		object  = 1
		machine = 243
	)
	switch {
	case len(file) == 0:
		return "; the file is empty"
	case bytes.HasPrefix(file, []byte("#!")):
		return "; this is a script: " + howToBuild
	case bytes.HasPrefix(file, []byte("\x00asm")):
		return "; this is WebAssembly: " + howToBuild
	case bytes.HasPrefix(file, []byte("MZ")):
		return "; this is a Windows program: " + howToBuild
	case !bytes.HasPrefix(file, []byte("\x7fELF")):
		return "; this is no program: " + howToBuild
	case len(file) < 20 || file[5] != 1:
		return ""
	}
	switch kind, m := binary.LittleEndian.Uint16(file[16:]), binary.LittleEndian.Uint16(file[18:]); {
	case m != machine:
		return "; this is a program for another processor: " + howToBuild
	case kind == object:
		return "; this is an object file: link it with -static"
	}
	return ""
}
