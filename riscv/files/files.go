package files

import (
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"strings"
)

// MaxOpen is how many descriptors a table holds, and MaxSize the bytes of the
// greatest file that can be found: files are read as a whole.
const (
	MaxOpen = 1024
	MaxSize = 64 << 20
)

// ErrTooLarge reports a file above MaxSize.
var ErrTooLarge = errors.New("file is too large")

// File is what a descriptor stands for; descriptors made by dup share it, with
// its offset.
type File struct {
	Name string // an absolute path, or the name of a stream
	Mode fs.FileMode
	TTY  bool // answers as a terminal

	In   io.Reader     // of a stream or device that can be read; nil otherwise
	Out  io.Writer     // of a stream or device that can be written
	Data []byte        // the contents of a regular file
	List []fs.DirEntry // of a directory
	At   int64         // offset in Data, or how much of List was given out
}

// Held says whether the file's contents are in Data, so that it has an offset.
func (f *File) Held() bool { return f.In == nil && f.Out == nil && !f.Mode.IsDir() }

// Stream makes one of the three standard streams. Without a reader it is at its
// end, without a writer everything is thrown away.
func Stream(name string, in io.Reader, out io.Writer, tty bool) *File {
	f := &File{Name: name, In: in, Out: out, TTY: tty, Mode: fs.ModeNamedPipe | 0o600}
	if tty {
		f.Mode = fs.ModeCharDevice | fs.ModeDevice | 0o620
	}
	switch {
	case name == "stdin" && in == nil:
		f.In = strings.NewReader("")
	case name != "stdin" && out == nil:
		f.Out = io.Discard
	}
	return f
}

// Table is the descriptors of a process. The zero value is an empty table
// without a tree.
type Table struct {
	Tree   fs.FS     // what Find looks in below "/"; nil is nothing
	Random io.Reader // what /dev/random gives; nil: there is none

	open []*File // by number; nil where closed
}

// Of returns the open file of a descriptor, or nil.
func (t *Table) Of(fd int) *File {
	if fd < 0 || fd >= len(t.open) {
		return nil
	}
	return t.open[fd]
}

// Install gives a file the lowest free descriptor from low on; false says that
// there is none left.
func (t *Table) Install(f *File, low int) (fd int, ok bool) {
	for fd = low; fd < MaxOpen; fd++ {
		for fd >= len(t.open) {
			t.open = append(t.open, nil)
		}
		if t.open[fd] == nil {
			t.open[fd] = f
			return fd, true
		}
	}
	return 0, false
}

// Close frees a descriptor. Streams themselves stay open: they are not ours.
func (t *Table) Close(fd int) bool {
	if t.Of(fd) == nil {
		return false
	}
	t.open[fd] = nil
	return true
}

// Resolve joins a path with an open directory that it is relative to.
func (f *File) Resolve(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return path.Join(f.Name, name)
}

// Find returns what is at a path, which is taken from "/" on: a device, a file
// of the tree with its contents, or a directory. Errors are those of io/fs, and
// ErrTooLarge.
func (t *Table) Find(name string) (*File, error) {
	name = path.Clean("/" + name)
	if f := t.device(name); f != nil {
		return f, nil
	}
	if t.Tree == nil {
		return nil, fs.ErrNotExist
	}
	inner := strings.TrimPrefix(name, "/")
	if inner == "" {
		inner = "."
	}
	info, err := fs.Stat(t.Tree, inner)
	if err != nil {
		return nil, err
	}
	f := &File{Name: name, Mode: info.Mode()}
	switch {
	case info.IsDir():
		f.List, err = fs.ReadDir(t.Tree, inner)
	case !info.Mode().IsRegular():
		// A pipe or a device of the host would let the guest wait on it.
		return nil, fs.ErrPermission
	case info.Size() > MaxSize:
		return nil, ErrTooLarge
	default:
		f.Data, err = fs.ReadFile(t.Tree, inner)
	}
	return f, err
}

// device returns one of the devices that programs expect, or nil.
func (t *Table) device(name string) *File {
	f := &File{Name: name, Out: io.Discard, Mode: fs.ModeCharDevice | fs.ModeDevice | 0o666}
	switch name {
	case "/dev/null":
		f.In = strings.NewReader("")
	case "/dev/zero":
		f.In = zeroes{}
	case "/dev/random", "/dev/urandom":
		if t.Random == nil {
			return nil
		}
		f.In = t.Random
	default:
		return nil
	}
	return f
}

// zeroes is what /dev/zero gives.
type zeroes struct{}

// Read implements io.Reader; it never ends.
func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Inode makes up a number for a path: the same for the same path, never 0.
func Inode(name string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // a hash does not fail
	return max(h.Sum64()>>1, 1)
}
