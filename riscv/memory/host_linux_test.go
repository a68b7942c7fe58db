package memory

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frozen returns an image of a memory of 1 GiB that has "image" at at and a page
// near its end.
func frozen(t testing.TB, b *Backing) *Image {
	t.Helper()
	m, err := NewOn(b, 1<<30, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, addr := range []uint64{at, m.Size() - PageSize} {
		if err := m.Write(addr, []byte("image")); err != nil {
			t.Fatal(err)
		}
	}
	im, err := m.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(im.Close)
	return im
}

func forkOf(t testing.TB, im *Image) *Memory {
	t.Helper()
	m, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// mappings counts those of this process.
func mappings(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

// pieces counts the mappings of an image's file: its own view, and a few in every
// arena. Those of the Go heap, which come and go, are not among them.
func pieces(t testing.TB, im *Image) (n int) {
	t.Helper()
	var file unix.Stat_t
	if err := unix.Fstat(im.snap.fd, &file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 5 && f[4] == strconv.FormatUint(file.Ino, 10) && strings.HasPrefix(f[5], "/memfd:") {
			n++
		}
	}
	return n
}

// blocks returns how much memory a memfd has, in units of 512 bytes.
func blocks(t testing.TB, fd int) int64 {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		t.Fatal(err)
	}
	return s.Blocks
}

// TestReadingCostsNothing reads every page of a fork. Had the fork mapped holes
// of the file, the host would keep a page for each, uncounted.
func TestReadingCostsNothing(t *testing.T) {
	im := frozen(t, nil)
	f := forkOf(t, im)
	before := blocks(t, im.snap.fd)
	all, err := f.View(GuardSize, f.Size()-GuardSize)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := 0; i < len(all); i += PageSize {
		sum += int(all[i])
	}
	if sum != 2*'i' || f.Pages() != 2 || f.Dirty() != 0 {
		t.Errorf("read %d, %d pages, %d dirty", sum, f.Pages(), f.Dirty())
	}
	if after := blocks(t, im.snap.fd); after != before {
		t.Errorf("reading grew the image's file from %d to %d blocks", before, after)
	}
}

// TestMappings bounds what an arena costs of the host's mappings, for an image
// in many pieces too.
func TestMappings(t *testing.T) {
	m, err := New(1<<34, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for i := uint64(1); i < 300; i++ {
		if err := m.Write(i*i*131072, []byte("piece")); err != nil {
			t.Fatal(err)
		}
	}
	im, err := m.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if len(im.runs) > maxRuns || len(im.snap.extents) > 2*maxRuns {
		t.Errorf("%d runs, %d extents", len(im.runs), len(im.snap.extents))
	}
	before := mappings(t)
	f := forkOf(t, im)
	if n, most := mappings(t)-before, 2*2*maxRuns+4; n > most {
		t.Errorf("a fork costs %d mappings, want at most %d", n, most)
	}
	for i := uint64(1); i < 300; i++ {
		if s, err := f.CString(i*i*131072, 9); s != "piece" {
			t.Fatalf("piece %d: %q, %v", i, s, err)
		}
	}
	if plain := frozen(t, nil); true {
		before := mappings(t)
		forkOf(t, plain)
		t.Logf("a fork of two distant pieces costs %d mappings", mappings(t)-before)
	}
}

// TestArenasGoBack follows arenas: to the next fork, to the host beyond what is
// kept, when the image is closed, and when the collector drops the pool.
func TestArenasGoBack(t *testing.T) {
	im := frozen(t, nil)
	im.Keep(3)
	open := func(n int) (list []*Memory) {
		for range n {
			list = append(list, forkOf(t, im))
		}
		return list
	}
	shut := func(list []*Memory) {
		for _, m := range list {
			m.Close()
		}
	}
	none := pieces(t, im)
	ten := open(10)
	if n := pieces(t, im); n < none+10 {
		t.Fatalf("%d mappings of the image for ten forks, %d for none", n, none)
	}
	if n := im.mapped.Load(); n != 10 {
		t.Fatalf("%d arenas for ten forks", n)
	}
	shut(ten)
	// Under the race detector the pool forgets some of what it is given.
	if n := im.mapped.Load(); n != 3 {
		t.Errorf("%d arenas are kept, want 3", n)
	}
	for range 1000 {
		if im.mapped.Load() == 0 {
			break
		}
		runtime.GC()
		runtime.Gosched()
	}
	if n := im.mapped.Load(); n != 0 {
		t.Errorf("the collector left %d arenas", n)
	}
	if n := pieces(t, im); n != none {
		t.Errorf("%d mappings of the image, %d before", n, none)
	}
	im.Keep(10)
	shut(open(5))
	if s := im.Stats(); s.Idle != 5 || s.InUse != 0 || s.IdlePrivate != 0 {
		t.Errorf("five arenas: %+v", s)
	}
	im.Keep(2)
	if s := im.Stats(); s.Idle != 2 || s.Arenas != 2 {
		t.Errorf("two arenas: %+v", s)
	}
	two := open(2)
	two[0].Close()
	two[1].Park()
	im.Close()
	im.Close()
	if n := im.mapped.Load(); n != 0 {
		t.Errorf("%d arenas after the image was closed", n)
	}
	if s, err := two[1].CString(at, 9); s != "image" {
		t.Errorf("a parked fork of a closed image reads %q, %v", s, err)
	}
	if _, err := im.Fork(); err == nil {
		t.Error("a closed image was forked")
	}
	two[1].Close()
	if n := im.users.Load(); n != 0 || im.mapped.Load() != 0 {
		t.Errorf("%d users and %d arenas are left", n, im.mapped.Load())
	}
}

// TestHostRefuses lets mapping fail: forks are refused, and a parked one stays
// as it is until the host can again.
func TestHostRefuses(t *testing.T) {
	im := frozen(t, nil)
	im.Keep(0)
	f := forkOf(t, im)
	if err := f.Write(at, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	f.Park()
	fd := im.snap.fd
	im.snap.fd = -1
	if _, err := im.Fork(); err == nil {
		t.Error("a fork without memory")
	}
	_, err := f.View(at, 4)
	for _, err := range []error{err, f.Wake(), f.Write(at, nil), f.Map(at, PageSize, Read), f.Store(at, 1, 1)} {
		if k, _ := kindOf(err); k != Host {
			t.Errorf("the host refused, and use of the memory says %v", err)
		}
	}
	if f.Base() != nil || len(f.Attrs()) != 0 || !f.Parked() || f.Dirty() != 1 {
		t.Error("the fork is not parked any more")
	}
	im.snap.fd = fd
	if s, err := f.CString(at, 4); s != "mine" {
		t.Errorf("then it reads %q, %v", s, err)
	}
	f.Close()
	if n := im.users.Load(); n != 1 {
		t.Errorf("%d users are left", n)
	}
}

// TestGuardBands touches what lies on both sides of a fork's host memory.
func TestGuardBands(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	f := forkOf(t, frozen(t, nil))
	touch := func(p unsafe.Pointer) (fault bool) {
		defer func() { fault = recover() != nil }()
		*(*byte)(p) = 1
		return false
	}
	for _, off := range []int{-AttrsBelow - 1, -AttrsBelow - PageSize, int(f.Size()), int(f.Size()) + 8*PageSize} {
		if !touch(unsafe.Add(f.Base(), off)) {
			t.Errorf("a byte %d from the base could be written", off)
		}
	}
	if touch(unsafe.Add(f.Base(), -1)) {
		t.Error("attributes up to MaxSpace must be there for engines to read")
	}
}

// TestBacking keeps many images in one file.
func TestBacking(t *testing.T) {
	b, err := NewBacking()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after all forks are closed
		if b.users != 0 {
			t.Errorf("%d users are left", b.users)
		}
	})
	var images []*Image
	for i := range 50 {
		m, err := NewOn(b, 1<<30, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Write(at, fmt.Appendf(nil, "image %d", i)); err != nil {
			t.Fatal(err)
		}
		im, err := m.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		images = append(images, im)
	}
	full := blocks(t, b.fd)
	for i, im := range images {
		if im.snap.fd != b.fd {
			t.Fatal("an image has a file of its own")
		}
		f := forkOf(t, im)
		if s, _ := f.CString(at, 99); s != fmt.Sprintf("image %d", i) {
			t.Errorf("image %d reads %q", i, s)
		}
		if err := f.Write(at, []byte("changed")); err != nil {
			t.Fatal(err)
		}
		if i == 7 {
			// An image of a fork goes to the same file.
			next, err := f.Freeze()
			if err != nil {
				t.Fatal(err)
			}
			if s, _ := forkOf(t, next).CString(at, 7); s != "changed" || next.snap.fd != b.fd {
				t.Errorf("a second generation reads %q", s)
			}
			defer next.Close()
		}
		f.Close()
		if i < 25 {
			im.Close()
		}
	}
	if half := blocks(t, b.fd); half > full*2/3 {
		t.Errorf("%d of %d blocks are left with half of the images", half, full)
	}
	b.Close()
	if s, _ := forkOf(t, images[40]).CString(at, 99); s != "image 40" {
		t.Errorf("after closing the backing a fork reads %q", s)
	}
	for _, im := range images[25:] {
		im.Close()
	}
}

// TestCloseWhileForking closes an image while others fork, park and close.
func TestCloseWhileForking(t *testing.T) {
	for range 30 {
		im := frozen(t, nil)
		var group sync.WaitGroup
		for w := range 3 {
			group.Go(func() {
				for i := 0; ; i++ {
					f, err := im.Fork()
					if err != nil {
						return
					}
					if err := f.Write(at, []byte{byte(w)}); err != nil {
						t.Error(err)
					}
					if i%3 == 0 {
						f.Park()
					}
					if b, err := f.View(at, 2); err != nil || b[0] != byte(w) || b[1] != 'm' {
						t.Errorf("read %q, %v", b, err)
					}
					f.Close()
				}
			})
		}
		for im.mapped.Load() < 2 {
			runtime.Gosched()
		}
		im.Close()
		group.Wait()
		for im.users.Load() > 0 && t.Context().Err() == nil { // the collector may be about to unmap an arena that it has taken
			runtime.Gosched()
		}
		if n := im.users.Load(); n != 0 {
			t.Fatalf("%d users are left", n)
		}
	}
}
