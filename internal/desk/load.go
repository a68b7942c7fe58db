package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fishplate/internal/tenant"
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
		return nil, nil, fmt.Errorf("load guest %s: %w%s", path, err, tenant.Remedy(file))
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
