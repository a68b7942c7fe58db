package shelf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fishplate/internal/crash"
	"fishplate/internal/file"
)

// Why a program cannot be had.
var (
	ErrNone    = errors.New("it is not kept any more")
	ErrDamaged = errors.New("what lies there is not what was written: it was damaged or tampered with")
)

const suffix = ".elf"

// maxProgram bounds, in bytes, what is read of a file that lies in a program's place.
const maxProgram = 1 << 30

// Shelf is a folder of programs, or a number of them in memory.
type Shelf struct {
	dir string // "": memory
	why error  // of memory in place of a folder

	mu    sync.Mutex
	sizes map[string]int64  // by hash
	bytes map[string][]byte // of those in memory; they must not change
}

// Memory returns a Shelf that ends with the process.
func Memory() *Shelf { return &Shelf{sizes: map[string]int64{}, bytes: map[string][]byte{}} }

// Instead is Memory in place of a folder that cannot be opened; why says so of every
// program that may lie there.
func Instead(why error) *Shelf {
	s := Memory()
	s.why = why
	return s
}

// Open returns the Shelf of a folder, which it makes when there is none.
func Open(dir string) (*Shelf, error) {
	// What a process left that was stopped between a new name and its way to disk
	// counts as kept from here on.
	if err := errors.Join(file.Folder(dir, 0o700), file.Sync(dir)); err != nil {
		return nil, fmt.Errorf("open folder of programs: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder of programs: %w", err)
	}
	s := &Shelf{dir: dir, sizes: map[string]int64{}}
	for _, f := range list {
		hash, ok := strings.CutSuffix(f.Name(), suffix)
		if b, err := hex.DecodeString(hash); !ok || err != nil || len(b) != sha256.Size {
			if strings.HasSuffix(f.Name(), ".new") { // of a process that was stopped while it wrote
				_ = os.Remove(filepath.Join(dir, f.Name()))
			}
			continue
		}
		if info, err := f.Info(); err == nil {
			s.sizes[hash] = info.Size()
		}
	}
	return s, nil
}

// Lasting says whether programs outlive the process.
func (s *Shelf) Lasting() bool { return s.dir != "" }

// Held are the hashes of all programs that are kept, in no order.
func (s *Shelf) Held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sizes))
}

// Hash is the name of a program.
func Hash(elf []byte) string {
	sum := sha256.Sum256(elf)
	return hex.EncodeToString(sum[:])
}

// Keep takes a program in. It is on disk when Keep returns, if there is one; else
// an error says why it is not. elf must not change afterwards.
func (s *Shelf) Keep(elf []byte) (hash string, err error) {
	hash = Hash(elf)
	if _, err := s.Read(hash); err == nil {
		return hash, nil
	}
	if s.dir == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sizes[hash], s.bytes[hash] = int64(len(elf)), elf
		return hash, nil
	}
	if err := s.write(hash, elf); err != nil {
		return "", fmt.Errorf("keep program %.16s: %w", hash, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes[hash] = int64(len(elf))
	return hash, nil
}

// write puts a program on disk, whole or not at all.
func (s *Shelf) write(hash string, elf []byte) error {
	f, err := os.CreateTemp(s.dir, hash+".*.new")
	if err != nil {
		return err
	}
	_, err = f.Write(elf)
	crash.At(crash.Shelving)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.name(hash))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	err = file.Sync(s.dir)
	crash.At(crash.Shelved)
	return err
}

// Read returns a program, after a look at its hash. Its bytes must not be changed.
func (s *Shelf) Read(hash string) ([]byte, error) {
	s.mu.Lock()
	_, known := s.sizes[hash]
	elf := s.bytes[hash]
	s.mu.Unlock()
	if !known && s.why != nil {
		return nil, fmt.Errorf("read program %.16s: %w", hash, s.why)
	}
	if !known {
		return nil, fmt.Errorf("read program %.16s: %w", hash, ErrNone)
	}
	if s.dir == "" {
		return elf, nil
	}
	elf, err := file.Read(s.name(hash), maxProgram)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("read program %.16s: %w", hash, ErrNone)
	case err != nil:
		return nil, fmt.Errorf("read program: %w", err)
	case Hash(elf) != hash:
		return nil, fmt.Errorf("read program %s: %w", s.name(hash), ErrDamaged)
	}
	return elf, nil
}

// Sweep lets all go but those that are wanted: what must stays, and what may, the
// dearest first, while all of that has at most so many bytes.
func (s *Shelf) Sweep(must, may []string, most int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stays := make(map[string]bool, len(must)+len(may))
	for _, h := range must {
		if !stays[h] {
			stays[h] = true
			most -= s.sizes[h]
		}
	}
	for _, h := range may {
		if size := s.sizes[h]; !stays[h] && size <= most {
			stays[h] = true
			most -= size
		}
	}
	for h := range s.sizes {
		if stays[h] {
			continue
		}
		if s.dir != "" {
			if err := os.Remove(s.name(h)); err != nil && !errors.Is(err, os.ErrNotExist) {
				continue // the next time
			}
		}
		delete(s.sizes, h)
		delete(s.bytes, h)
	}
}

func (s *Shelf) name(hash string) string { return filepath.Join(s.dir, hash+suffix) }
