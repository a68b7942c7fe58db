package desk

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// endless writes a program of one instruction, a jump to itself.
func endless(t *testing.T) string {
	t.Helper()
	const (
		at    = 0x10000
		head  = 64 + 56 // bytes of the two headers
		entry = at + head
	)
	le := binary.LittleEndian
	file := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, head+4-7)...)
	le.PutUint16(file[16:], 2)   // executable
	le.PutUint16(file[18:], 243) // RISC-V
	le.PutUint32(file[20:], 1)
	le.PutUint64(file[24:], entry)
	le.PutUint64(file[32:], 64) // program headers
	le.PutUint16(file[52:], 64)
	le.PutUint16(file[54:], 56)
	le.PutUint16(file[56:], 1)
	load := file[64:]
	le.PutUint32(load, 1)     // PT_LOAD
	le.PutUint32(load[4:], 5) // readable, executable
	le.PutUint64(load[16:], at)
	le.PutUint64(load[24:], at)
	le.PutUint64(load[32:], uint64(len(file)))
	le.PutUint64(load[40:], uint64(len(file)))
	le.PutUint64(load[48:], 0x1000)
	le.PutUint32(file[head:], 0x6f) // j .
	path := filepath.Join(t.TempDir(), "endless.elf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
