package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fishplate/internal/doctor/fact"
)

// Hand is what touches the machine. Paths are absolute, as people write them.
type Hand interface {
	// Read returns a setting as it is now, without the white space around it.
	Read(file string) (string, error)
	// May says why Write could not, without writing.
	May(file string) error
	// Write changes a setting. It makes no file.
	Write(file, value string) error
	// Load returns an ordinary file; one that is a link is an error.
	Load(file string) ([]byte, error)
	// Save replaces an ordinary file at once and for good, or removes it when data
	// is nil. Folders above it are made.
	Save(file string, data []byte, mode fs.FileMode) error
}

// maxSaved bounds an ordinary file, in bytes: what is larger is not read, and so not
// written either.
const maxSaved = 1 << 20

// Below returns the hand for the machine whose files are below a folder: "/" is
// the machine that we run on.
func Below(root string) Hand { return hand{root} }

type hand struct{ root string }

func (h hand) at(file string) string { return filepath.Join(h.root, filepath.FromSlash(file)) }

func (h hand) Read(file string) (string, error) {
	data, err := os.ReadFile(h.at(file))
	return fact.Plain(string(data)), err
}

func (h hand) May(file string) error {
	f, err := os.OpenFile(h.at(file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func (h hand) Write(file, value string) error {
	f, err := os.OpenFile(h.at(file), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, value+"\n")
	return errors.Join(err, f.Close())
}

func (h hand) Load(file string) ([]byte, error) {
	f, err := os.OpenFile(h.at(file), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxSaved {
		return nil, errors.Join(err, fmt.Errorf("%s is not a small regular file", file))
	}
	return io.ReadAll(io.LimitReader(f, maxSaved))
}

// half names what is not saved whole yet. It begins with a dot and ends unlike a
// setting, so that nobody who reads the folder in between takes it for one.
const half = ".fishplate-*.new"

func (h hand) Save(file string, data []byte, mode fs.FileMode) error {
	name := h.at(file)
	dir := filepath.Dir(name)
	if data == nil {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return settle(dir)
	}
	if len(data) > maxSaved {
		return fmt.Errorf("%d bytes, more than the %d that are read of it: take changes back first (fishplate doctor --undo)", len(data), maxSaved)
	}
	if err := os.MkdirAll(dir, folder(mode)); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, half)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return settle(dir)
}

// folder is the mode of a folder for files of a mode: who reads may enter.
func folder(mode fs.FileMode) fs.FileMode { return mode | mode>>2&0o111 | 0o100 }

// settle makes what happened to the names in a folder last.
func settle(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Name is a setting as people write it: names below /proc/sys have dots, unless
// one of their parts has a dot itself.
func Name(file string) string {
	name, ok := strings.CutPrefix(file, "/proc/sys/")
	if !ok || strings.Contains(name, ".") {
		return file
	}
	return strings.ReplaceAll(name, "/", ".")
}
