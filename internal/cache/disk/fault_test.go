package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// failing returns a file system that fails operations of a kind in the path
// from the n-th on, with the error.
func failing(n int64, err error, is func(op errorfs.Op) bool) (vfs.FS, *atomic.Int64) {
	var left atomic.Int64
	left.Store(n)
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if is(op) && left.Add(-1) < 0 {
			return err
		}
		return nil
	})), &left
}

func writes(in string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(op.Path, "/"+in) && op.Kind != errorfs.OpRename && op.Kind != errorfs.OpRemove && op.Kind != errorfs.OpRemoveAll
	}
}

// TestWriteFault lets each write after the n-th fail, in the index and in the
// segments. The tier turns itself off, goes on answering, and the next start is
// empty, because purges may have been missed.
func TestWriteFault(t *testing.T) {
	m := newMemory(t)
	for _, in := range []string{"index", "segments"} {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
			for _, n := range []int64{0, 1, 2, 5, 17, 60, 200} {
				t.Run(fmt.Sprint(in, "/", cause, "/", n), func(t *testing.T) { writeFault(t, m, in, cause, n) })
			}
		}
	}
}

func writeFault(t *testing.T, m *memory, in string, cause error, n int64) {
	o := testOptions(t)
	fs, left := failing(1<<60, cause, writes(in))
	o.fs = fs
	d := openTier(t, o)
	left.Store(n)
	for i := 0; d.Fault() == nil; i++ {
		key := fmt.Sprint("http://h/", i)
		m.offer(t, d, "p", thing{key: key, tags: []string{"t"}, data: body(key, 1, 5000)})
		if i%5 == 0 {
			d.Flush(context.Background())
		}
		read(t, d, "p", key, "")
	}
	if !errors.Is(d.Fault(), cause) {
		t.Fatalf("fault %v, want %v", d.Fault(), cause)
	}
	if m.offer(t, d, "p", thing{key: "k", data: []byte("x")}) {
		t.Error("an offer was taken")
	}
	wantBody(t, d, "p", "http://h/0", "", nil)
	if _, err := d.Purge(context.Background(), All, Tag([]byte("t")), false); err != nil {
		t.Error(err)
	}
	if err := d.Flush(context.Background()); !errors.Is(err, ErrOff) {
		t.Errorf("flush: %v", err)
	}
	closeTier(t, d)
	o.fs = nil
	d = openTier(t, o)
	defer closeTier(t, d)
	for i := range 20 {
		wantBody(t, d, "p", fmt.Sprint("http://h/", i), "", nil)
	}
	if s := d.Stats(); !s.On || s.SegmentBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// TestDeadDisk lets every change fail: a purge cannot promise anything, and says so.
func TestDeadDisk(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	fs, left := failing(1<<60, syscall.EIO, func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite })
	o.fs = fs
	d := openTier(t, o)
	defer d.Close()
	m.offer(t, d, "p", thing{key: "k", tags: []string{"t"}, data: []byte("x")})
	flush(t, d)
	left.Store(0)
	if _, err := d.Purge(context.Background(), All, Tag([]byte("t")), false); !errors.Is(err, syscall.EIO) {
		t.Errorf("purge: %v", err)
	}
	wantBody(t, d, "p", "k", "", nil)
}

// TestReadFault lets reads fail: the object is a miss, and after some in a row
// the tier is off.
func TestReadFault(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	fs, left := failing(1<<60, syscall.EIO, func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, segment.Suffix)
	})
	o.fs = fs
	d := openTier(t, o)
	defer closeTier(t, d)
	for i := range unansweredMax + 1 {
		key := fmt.Sprint("http://h/", i)
		m.offer(t, d, "p", thing{key: key, data: body(key, 1, 5000)})
	}
	flush(t, d)
	left.Store(0)
	for i := range unansweredMax {
		if err := d.Fault(); err != nil {
			t.Fatalf("off after %d: %v", i, err)
		}
		wantBody(t, d, "p", fmt.Sprint("http://h/", i), "", nil)
	}
	if !errors.Is(d.Fault(), syscall.EIO) || d.Stats().ReadErrors != unansweredMax {
		t.Errorf("fault %v, %d read errors", d.Fault(), d.Stats().ReadErrors)
	}
}

// TestOpenFault lets the n-th operation of a start fail, for all n.
func TestOpenFault(t *testing.T) {
	m := newMemory(t)
	o := testOptions(t)
	d := openTier(t, o)
	m.offer(t, d, "p", thing{key: "k", data: []byte("x")})
	flush(t, d)
	closeTier(t, d)
	for n := int64(0); ; n += 1 + n/16 {
		var calls atomic.Int64
		o.fs = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if calls.Add(1) == n+1 {
				return syscall.EIO
			}
			return nil
		}))
		d, err := Open(o)
		if err == nil {
			<-d.loaded
			if got := read(t, d, "p", "k", ""); got != nil && string(got) != "x" {
				t.Fatalf("%q", got)
			}
			d.Close()
		} else if !strings.Contains(err.Error(), o.Path) {
			t.Errorf("%v does not name the path", err)
		}
		if calls.Load() <= n {
			break
		}
		if n > 2000 {
			t.Fatalf("a start takes %d operations", calls.Load())
		}
	}
}

// TestFullFileSystem offers to a tier whose file system is nearly full.
func TestFullFileSystem(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	full := &fullFS{FS: vfs.Default}
	full.free.Store(freeBytes / 2)
	o.fs = full
	d := openTier(t, o)
	defer closeTier(t, d)
	m.offer(t, d, "p", thing{key: "k", data: []byte("x")})
	flush(t, d)
	if s := d.Stats(); s.Refused[RefusedSpace] != 1 || !s.On {
		t.Errorf("%+v", s)
	}
	full.free.Store(1 << 40)
	m.offer(t, d, "p", thing{key: "k", data: []byte("x")})
	flush(t, d)
	wantBody(t, d, "p", "k", "", []byte("x"))
}

type fullFS struct {
	vfs.FS
	free atomic.Uint64
}

func (f *fullFS) Unwrap() vfs.FS { return f.FS }
func (f *fullFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load(), TotalBytes: 1 << 40}, nil
}

// copyDir copies a closed cache.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestFlippedBytes changes bytes all over a cache, one at a time: what is served
// afterwards is right, or nothing.
func TestFlippedBytes(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	o.Logger = nil
	d := openTier(t, o)
	want := map[string][]byte{}
	for i, n := range []int{0, 3, 1000, 70000, 150000} {
		key := fmt.Sprint("http://h/", i)
		want[key] = body(key, 1, n)
		m.offer(t, d, "p", thing{key: key, tags: []string{"t"}, data: want[key], meta: store.Meta{Fresh: 1000}})
	}
	flush(t, d)
	if _, err := d.Purge(context.Background(), "p", Key([]byte("http://h/1")), false); err != nil {
		t.Fatal(err)
	}
	delete(want, "http://h/1")
	closeTier(t, d)
	files, err := filepath.Glob(filepath.Join(o.Path, "*", "*"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	served, tried := 0, 0
	for _, file := range append(files, filepath.Join(o.Path, markerName)) {
		info, _ := os.Stat(file)
		step := max(info.Size()/60, 1)
		for at := int64(0); at < info.Size(); at += step {
			c := o
			c.Path = filepath.Join(t.TempDir(), "copy")
			copyDir(t, o.Path, c.Path)
			rel, _ := filepath.Rel(o.Path, file)
			flip(t, filepath.Join(c.Path, rel), at)
			served += inspectFlipped(t, c, want, fmt.Sprint(rel, "+", at))
			os.RemoveAll(c.Path)
			tried++
		}
	}
	if served < tried {
		t.Errorf("after %d flips only %d objects were served", tried, served)
	}
	t.Logf("%d flips, %d objects served, all right", tried, served)
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << (at % 8)
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func inspectFlipped(t *testing.T, o Options, want map[string][]byte, what string) (served int) {
	t.Helper()
	d, err := Open(o)
	if errors.Is(err, ErrForeign) || errors.Is(err, ErrNewer) {
		return 0
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer d.Close()
	<-d.loaded
	for i := range 6 {
		key := fmt.Sprint("http://h/", i)
		f, err := d.Get(context.Background(), "p", []byte(key), nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if f == nil {
			continue
		}
		p := make([]byte, f.Length)
		if _, err := f.ReadAt(p, 0); err == nil {
			served++
			if string(p) != string(want[key]) || want[key] == nil || f.Meta.Fresh != 1000 {
				t.Errorf("%s: %s is served wrongly: %d of %d bytes, fresh %d", what, key, len(p), len(want[key]), f.Meta.Fresh)
			}
		}
		f.Close()
	}
	return served
}
