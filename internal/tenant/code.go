package tenant

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"weak"

	"fishplate/riscv"
	"fishplate/riscv/debug"
)

// code is a program as it came, verified and decoded: what every tenant and
// every version with the same bytes shares.
type code struct {
	hash    [sha256.Size]byte
	elf     []byte
	program *riscv.Program

	looked sync.Once
	about  *debug.Lines
}

// lines returns what the program tells of its source; nil when that is broken. It
// is read when it is first wanted: few programs ever fault.
func (c *code) lines() *debug.Lines {
	c.looked.Do(func() {
		if l, err := debug.ReadLines(c.elf); err == nil {
			c.about = l
		}
	})
	return c.about
}

// codes finds code by its hash for as long as anybody uses it.
type codes struct {
	mu   sync.Mutex
	held map[[sha256.Size]byte]weak.Pointer[code]
}

func newCodes() *codes {
	return &codes{held: map[[sha256.Size]byte]weak.Pointer[code]{}}
}

// load verifies and decodes a program, or finds it decoded. The bytes must not
// change afterwards.
func (c *codes) load(elf []byte) (*code, error) {
	hash := sha256.Sum256(elf)
	if found := c.find(hash); found != nil {
		return found, nil
	}
	// Two that load the same program at once both decode it; the first is kept.
	program, err := riscv.LoadProgram(elf)
	if err != nil {
		return nil, err
	}
	made := &code{hash: hash, elf: elf, program: program}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.held[hash].Value(); found != nil {
		return found, nil
	}
	c.held[hash] = weak.Make(made)
	runtime.AddCleanup(made, c.forget, hash)
	return made, nil
}

func (c *codes) find(hash [sha256.Size]byte) *code {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[hash].Value()
}

// forget drops the entry of code that is gone, unless it was made anew since.
func (c *codes) forget(hash [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.held[hash]; ok && w.Value() == nil {
		delete(c.held, hash)
	}
}

// short is the beginning of the hash, for people.
func (c *code) short() string { return fmt.Sprintf("%x", c.hash[:8]) }
