package index

import (
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Block is the unit in which du counts.
const Block = 4096

// OnDisk rounds a file's length up to what it takes.
func OnDisk(n int64) int64 { return (n + Block - 1) / Block * Block }

// A guard is the file system that the index sees. It counts the bytes that the
// index takes, and it stands between pebble and a failing disk: pebble ends the
// process when its log or manifest cannot be written, which a cache must not.
// So the first operation that fails to change the disk freezes it: that one and
// all later ones report success and do nothing. What lies on the disk is then
// what a crash at that moment would have left, which the next start can read.
// The tier is told, and closes the index.
type guard struct {
	vfs.FS
	failed func(error)

	frozen atomic.Bool
	used   atomic.Int64

	mu    sync.Mutex
	sizes map[string]int64
}

func newGuard(fs vfs.FS, failed func(error)) *guard {
	return &guard{FS: fs, failed: failed, sizes: map[string]int64{}}
}

// Unwrap names the file system behind, of which pebble asks the disk's name.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// measure counts the files that lie in dir already.
func (g *guard) measure(dir string) error {
	names, err := g.FS.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		name = g.FS.PathJoin(dir, name)
		if info, err := g.FS.Stat(name); err == nil && !info.IsDir() {
			g.sized(name, info.Size())
		}
	}
	return nil
}

// sized notes the length of a file; a negative one says that it is gone.
func (g *guard) sized(name string, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.sizes[name]
	if n < 0 {
		delete(g.sizes, name)
		n = 0
	} else {
		g.sizes[name] = n
	}
	g.used.Add(OnDisk(n) - OnDisk(old))
}

func (g *guard) size(name string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sizes[name]
}

// change runs an operation that changes the disk, unless it is frozen, and
// freezes it when that fails.
func (g *guard) change(op func() error) error {
	if g.frozen.Load() {
		return nil
	}
	err := op()
	if err == nil {
		return nil
	}
	if !g.frozen.Swap(true) {
		g.failed(err)
	}
	return nil
}

// open is change for what returns a file: a frozen one swallows what it gets.
func (g *guard) open(name string, size int64, op func() (vfs.File, error)) (vfs.File, error) {
	f := &guardedFile{guard: g, name: name}
	err := g.change(func() (err error) {
		f.File, err = op()
		return err
	})
	if err != nil {
		return nil, err
	}
	if f.File == nil || g.frozen.Load() {
		if f.File != nil {
			f.File.Close()
		}
		f.File = nowhere{}
		return f, nil
	}
	g.sized(name, size)
	return f, nil
}

// Create is of vfs.FS, as are the methods below.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open(name, 0, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.open(name, g.size(name), func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

func (g *guard) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	size := g.size(old)
	f, err := g.open(name, size, func() (vfs.File, error) { return g.FS.ReuseForWrite(old, name, c) })
	if err == nil {
		g.sized(old, -1)
	}
	return f, err
}

// OpenDir returns a directory whose Sync is guarded too.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	if g.frozen.Load() {
		return nowhere{}, nil
	}
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g}, nil
}

func (g *guard) Link(old, name string) error {
	return g.change(func() error { return g.FS.Link(old, name) })
}

func (g *guard) Remove(name string) error {
	return g.change(func() error {
		err := g.FS.Remove(name)
		if err == nil {
			g.sized(name, -1)
		}
		return err
	})
}

func (g *guard) RemoveAll(name string) error {
	return g.change(func() error { return g.FS.RemoveAll(name) })
}

func (g *guard) Rename(old, name string) error {
	return g.change(func() error {
		err := g.FS.Rename(old, name)
		if err == nil {
			size := g.size(old)
			g.sized(old, -1)
			g.sized(name, size)
		}
		return err
	})
}

func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	return g.change(func() error { return g.FS.MkdirAll(dir, perm&0o700) })
}

// A guardedFile counts what is written to it. Files opened for reading only are
// not wrapped: a failed read is an answer that pebble can bear.
type guardedFile struct {
	vfs.File
	guard *guard
	name  string // "" for a directory
	at    int64
}

func (f *guardedFile) Write(p []byte) (int, error) {
	n := len(p)
	err := f.guard.change(func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	if f.guard.frozen.Load() {
		return len(p), nil
	}
	f.at += int64(n)
	if f.at > f.guard.size(f.name) {
		f.guard.sized(f.name, f.at)
	}
	return n, err
}

func (f *guardedFile) WriteAt(p []byte, at int64) (int, error) {
	n := len(p)
	err := f.guard.change(func() (err error) {
		n, err = f.File.WriteAt(p, at)
		return err
	})
	if f.guard.frozen.Load() {
		return len(p), nil
	}
	if end := at + int64(n); end > f.guard.size(f.name) {
		f.guard.sized(f.name, end)
	}
	return n, err
}

// Preallocate does nothing, since du would count what is not used yet.
func (f *guardedFile) Preallocate(int64, int64) error { return nil }

func (f *guardedFile) Sync() error     { return f.guard.change(f.File.Sync) }
func (f *guardedFile) SyncData() error { return f.guard.change(f.File.SyncData) }
func (f *guardedFile) SyncTo(n int64) (full bool, err error) {
	err = f.guard.change(func() error {
		full, err = f.File.SyncTo(n)
		return err
	})
	return full, err
}

// Close reports no error: what it could tell is told by Sync.
func (f *guardedFile) Close() error {
	f.File.Close()
	return nil
}

// Fd hides the descriptor, through which pebble would write past the guard.
func (f *guardedFile) Fd() uintptr { return vfs.InvalidFd }

// nowhere is a file of a frozen disk.
type nowhere struct{}

func (nowhere) Close() error                           { return nil }
func (nowhere) Read([]byte) (int, error)               { return 0, io.EOF }
func (nowhere) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (nowhere) Write(p []byte) (int, error)            { return len(p), nil }
func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Preallocate(int64, int64) error         { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)            { return nil, os.ErrNotExist }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return true, nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) Prefetch(int64, int64) error            { return nil }
func (nowhere) Fd() uintptr                            { return vfs.InvalidFd }
