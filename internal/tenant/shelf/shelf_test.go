package shelf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fishplate/internal/file"
)

func shelves(t *testing.T) map[string]*Shelf {
	t.Helper()
	disk, err := Open(filepath.Join(t.TempDir(), "a", "given"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*Shelf{"disk": disk, "memory": Memory()}
}

func TestShelf(t *testing.T) {
	for name, s := range shelves(t) {
		t.Run(name, func(t *testing.T) {
			var hashes []string
			for i := range 5 {
				h, err := s.Keep([]byte(strings.Repeat(fmt.Sprint(i), 10)))
				if err != nil {
					t.Fatal(err)
				}
				hashes = append(hashes, h)
			}
			if h, err := s.Keep([]byte(strings.Repeat("2", 10))); err != nil || h != hashes[2] {
				t.Errorf("a second time: %s, %v", h, err)
			}
			// The last stays whatever its size; of the others two have room.
			s.Sweep(hashes[4:], []string{hashes[1], hashes[4], hashes[0], hashes[3]}, 30)
			for i, want := range []bool{true, true, false, false, true} {
				elf, err := s.Read(hashes[i])
				if got := err == nil && string(elf) == strings.Repeat(fmt.Sprint(i), 10); got != want || !want && !errors.Is(err, ErrNone) {
					t.Errorf("%d: %q, %v", i, elf, err)
				}
			}
			s.Sweep(hashes[4:], nil, 0)
			if _, err := s.Read(hashes[4]); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFilesOutliveTheShelf(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Keep([]byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"half.1.new", "notes.txt", "short.elf"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = Open(dir); err != nil || !s.Lasting() {
		t.Fatal(err)
	}
	if elf, err := s.Read(h); err != nil || string(elf) != "program" {
		t.Errorf("%q, %v", elf, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "half.1.new")); err == nil {
		t.Error("what was half written stays")
	}
	s.Sweep(nil, nil, 0)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("files left: %v", left)
	}
	// One that was changed is found out, and mended by whoever gives it again.
	if h, err = s.Keep([]byte("program")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, h+".elf"), []byte("Program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(h); !errors.Is(err, ErrDamaged) {
		t.Errorf("a changed file: %v", err)
	}
	if _, err := s.Keep([]byte("program")); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(h); err != nil {
		t.Errorf("after it was given again: %v", err)
	}
}

func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "x\x00")); err == nil {
		t.Error("no folder, and no error")
	}
	s, err := Open(filepath.Join(dir, "given"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "given")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Keep([]byte("program")); err == nil || !strings.HasPrefix(err.Error(), "keep program ") {
		t.Errorf("%v", err)
	}
}

// TestWhatIsNoFile: what lies in a program's place and is no file is neither waited
// for nor read without an end, and makes room for the program when that comes again.
func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Keep([]byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, h+".elf")
	for what, put := range map[string]func() error{
		"pipe": func() error { return syscall.Mkfifo(name, 0o600) }, "device": func() error { return os.Symlink("/dev/zero", name) },
	} {
		if err := errors.Join(os.Remove(name), put()); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(dir); err != nil {
			t.Fatal(what, err)
		}
		if _, err := s.Read(h); !errors.Is(err, file.ErrNotRegular) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := s.Keep([]byte("program")); err != nil {
			t.Error(what, err)
		}
		if elf, err := s.Read(h); err != nil || string(elf) != "program" {
			t.Errorf("%s: %q, %v", what, elf, err)
		}
	}
}

// TestInstead: what a folder that cannot be opened may hold is not said to be gone.
func TestInstead(t *testing.T) {
	why := errors.New("permission denied")
	if _, err := Instead(why).Read(Hash(nil)); !errors.Is(err, why) || errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}
