package see

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"fishplate/internal/file"
)

// maxFile bounds what is read of one file, in bytes: /proc/kallsyms and its like
// are not ours to swallow. Of a part nothing could be judged.
const maxFile = 4 << 20

// System is a machine as it can be seen, or a fixture of one.
type System struct {
	Probe Probe
	// Live reports that the machine is the one we run on: only then does it make
	// sense to measure it, or to write to it.
	Live bool
	// Recorded reports that it is a capture, in which nothing moves.
	Recorded bool
	// Taken is when the first file was read.
	Taken time.Time

	root     fs.FS
	override map[string]string // of a fixture: path → target of a link, or errno
	links    map[string]string

	mu   sync.Mutex
	kept map[string]kept
	past bool // a later look was begun: what is not kept cannot be read any more
}

// errPast is for what an earlier look did not read: it would be read now.
var errPast = errors.New("it was not read then")

type kept struct {
	data []byte
	list []string
	err  error
}

// New returns the machine with the files of root. Paths are absolute in what
// callers write ("/proc/stat"), relative in root.
func New(root fs.FS, probe Probe) *System {
	return &System{root: root, Probe: remember(probe), Taken: time.Now(), kept: map[string]kept{}}
}

// Machine returns the machine that we run on.
func Machine() *System {
	s := New(os.DirFS("/"), machine{})
	s.Live = true
	return s
}

// Read returns the bytes of a file; they are not to be changed. Errors are an
// *Error.
func (s *System) Read(name string) ([]byte, error) {
	k := s.once("f"+name, func() (k kept) {
		k.data, k.err = s.read(name)
		return k
	})
	return k.data, failed(name, k.err)
}

func (s *System) read(name string) ([]byte, error) {
	if err := s.overridden(name); err != nil {
		return nil, err
	}
	if s.Live && name == "/dev/kmsg" {
		return kernelLog()
	}
	return bounded(s.root, inner(name), maxFile)
}

// bounded reads a file of at most that many bytes.
func bounded(root fs.FS, name string, most int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a file that was read has nothing to lose
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%w: more than %d MiB", file.ErrTooLarge, most>>20)
	}
	return data, err
}

// Text returns a file without the white space around it.
func (s *System) Text(name string) (string, error) {
	data, err := s.Read(name)
	return strings.TrimSpace(string(data)), err
}

// List returns the names in a folder, sorted.
func (s *System) List(dir string) ([]string, error) {
	k := s.once("d"+dir, func() (k kept) {
		if k.err = s.overridden(dir); k.err != nil {
			return k
		}
		entries, err := fs.ReadDir(s.root, inner(dir))
		for _, e := range entries {
			k.list = append(k.list, e.Name())
		}
		k.err = err
		return k
	})
	return k.list, failed(dir, k.err)
}

// Link returns where a symbolic link leads.
func (s *System) Link(name string) (string, error) {
	k := s.once("l"+name, func() (k kept) {
		if target, ok := s.links[name]; ok {
			k.data = []byte(target)
			return k
		}
		if k.err = s.overridden(name); k.err != nil {
			return k
		}
		target, err := fs.ReadLink(s.root, inner(name))
		k.data, k.err = []byte(target), err
		return k
	})
	return string(k.data), failed(name, k.err)
}

// Exists reports whether there is such a file or folder; an error other than
// absence is one.
func (s *System) Exists(name string) (bool, error) {
	k := s.once("e"+name, func() (k kept) {
		if _, ok := s.links[name]; ok {
			return k
		}
		if k.err = s.overridden(name); k.err != nil {
			return k
		}
		_, k.err = fs.Stat(s.root, inner(name))
		return k
	})
	if ClassOf(k.err) == Absent {
		return false, nil
	}
	return k.err == nil, failed(name, k.err)
}

// Glob returns the paths that a pattern of path.Match fits, sorted: absolute, as
// callers write them. What cannot be listed has no match.
func (s *System) Glob(pattern string) []string {
	k := s.once("g"+pattern, func() (k kept) {
		matches, err := fs.Glob(s.root, inner(pattern))
		for _, m := range matches {
			k.list = append(k.list, "/"+m)
		}
		k.err = err
		return k
	})
	return k.list
}

// once returns what was kept under key, or keeps what f returns. f runs outside
// the lock: two that ask at once may both read, and one answer is kept.
func (s *System) once(key string, f func() kept) kept {
	s.mu.Lock()
	k, ok := s.kept[key]
	past := s.past
	s.mu.Unlock()
	switch {
	case ok:
		return k
	case past:
		return kept{err: errPast}
	}
	k = f()
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.kept[key]; ok {
		return first
	}
	s.kept[key] = k
	return k
}

// Again returns the same machine with nothing remembered: what is read now. From
// then on s answers with what it remembers, and knows nothing else.
func (s *System) Again() *System {
	s.mu.Lock()
	s.past = true
	s.mu.Unlock()
	n := New(s.root, s.Probe)
	n.Live, n.Recorded, n.override, n.links = s.Live, s.Recorded, s.override, s.links
	return n
}

// Renew returns the same machine, which still remembers what was read, but for the
// files and folders that stale names: they are read now.
func (s *System) Renew(stale func(name string) bool) *System {
	n := s.Again()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, k := range s.kept {
		if !stale(key[1:]) { // behind the letter of its kind
			n.kept[key] = k
		}
	}
	return n
}

// Stood reports whether the machine has counted no time since an earlier look, as a
// copy of one does: nothing that it counts can have moved. Where the kernel's times
// cannot be read that is not known.
func (s *System) Stood(before *System) bool {
	const times = "/proc/stat"
	was, err := before.Read(times)
	now, err2 := s.Read(times)
	return !s.Live && err == nil && err2 == nil && bytes.Equal(was, now)
}

// inner is an absolute path as fs.FS wants it.
func inner(name string) string {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if name == "" {
		return "."
	}
	return name
}
