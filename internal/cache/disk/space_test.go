package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/cache/segment"
)

// fill offers n objects and checks after each flush that du stays in bounds. The
// slack of 1/32 is what a compaction of an index may write that is nearly as
// large as the objects: they have 100 bytes here.
func fill(t *testing.T, m *memory, d *Tier, part string, first, n, size int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		key := fmt.Sprint("http://h/", part, "/", i)
		m.offer(t, d, part, thing{key: key, tags: []string{"t", fmt.Sprint("t", i%7)}, data: body(key, 1, size)})
		if i%500 == 0 || size > 100000 && i%20 == 0 {
			flush(t, d)
			if got, bound := du(t, d.dir.path), d.size.Load(); got > bound+bound/32 {
				t.Fatalf("after %d objects du shows %d bytes, the bound is %d; %+v", i, got, bound, d.Stats())
			}
		}
	}
	flush(t, d)
}

// TestSize writes several times the bound, with bodies of several sizes: du
// never shows more, and not much less.
func TestSize(t *testing.T) {
	m := newMemory(t)
	for _, size := range []int{100, 3000, 200000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := testOptions(t)
			o.Size = MinSize
			o.QueueObjects, o.QueueBytes = 1<<20, 1<<40
			d := openTier(t, o)
			n := 3 * MinSize / (size + 700)
			fill(t, m, d, "p", 0, n, size)
			s := d.Stats()
			if got := du(t, o.Path); got < MinSize/2 {
				t.Errorf("du shows %d of %d bytes; %+v", got, MinSize, s)
			}
			<-d.loaded
			if s.SegmentsDropped == 0 || s.Corrupt != 0 || s.Objects == 0 {
				t.Errorf("%+v", s)
			}
			last := fmt.Sprint("http://h/p/", n-1)
			wantBody(t, d, "p", last, "", body(last, 1, size))
			wantBody(t, d, "p", "http://h/p/0", "", nil)
			t.Logf("%d objects: du %d, index %d, %d objects left", n, du(t, o.Path), s.IndexBytes, s.Objects)
			closeTier(t, d)
			s = d.Stats() // the writer may have made room until then
			// The counts of the next start are those of this one, but for the oldest
			// segments: an index that was just opened may take more room.
			d = openTier(t, o)
			<-d.loaded
			closeTier(t, d)
			again := d.Stats()
			if again.Objects+again.Evicted != s.Objects || again.Evicted > s.Objects/8 || again.Evicted == 0 && again.Bytes != s.Bytes {
				t.Errorf("%d objects of %d bytes after a start, %d of %d before; %+v", again.Objects, again.Bytes, s.Objects, s.Bytes, again)
			}
			d = openTier(t, o) // and nothing else has gone
			wantBody(t, d, "p", last, "", body(last, 1, size))
			closeTier(t, d)
		})
	}
}

// TestResize makes a full tier smaller while it is open.
func TestResize(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	fill(t, m, d, "p", 0, 500, 60000)
	if err := d.Resize(MinSize - 1); err == nil {
		t.Error("a size below the least")
	}
	if err := d.Resize(MinSize); err != nil {
		t.Fatal(err)
	}
	for d.over(0) {
		flush(t, d)
	}
	if got := du(t, o.Path); got > MinSize {
		t.Errorf("du shows %d bytes", got)
	}
	key := "http://h/p/499"
	wantBody(t, d, "p", key, "", body(key, 1, 60000))
}

// TestSpared reads an old object while newer ones fill the tier: it stays.
func TestSpared(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	o.Size = MinSize
	d := openTier(t, o)
	defer closeTier(t, d)
	want := body("kept", 1, 5000)
	m.offer(t, d, "p", thing{key: "kept", tags: []string{"kept"}, data: want})
	flush(t, d)
	for i := range 40 {
		wantBody(t, d, "p", "kept", "", want)
		fill(t, m, d, "p", i*100, 100, 10000)
	}
	if s := d.Stats(); s.Spared == 0 || s.SegmentsDropped == 0 {
		t.Errorf("%+v", s)
	}
	if n, err := d.Purge(context.Background(), "p", Tag([]byte("kept")), false); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	wantBody(t, d, "p", "kept", "", nil)
}

// TestQuota bounds one partition, which then does not push the other out.
func TestQuota(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	d.SetQuota("small", 4<<20)
	fill(t, m, d, "large", 0, 10, 60000)
	fill(t, m, d, "small", 0, 400, 60000)
	if s := d.Partition("small"); s.Bytes > 4<<20 || s.Bytes < 2<<20 || s.Quota != 4<<20 {
		t.Errorf("%+v", s)
	}
	for i := range 10 {
		key := fmt.Sprint("http://h/large/", i)
		wantBody(t, d, "large", key, "", body(key, 1, 60000))
	}
	d.SetQuota("small", 1<<20)
	for d.Partition("small").Bytes > 1<<20 {
		flush(t, d)
	}
}

// TestEmptySegments purges all: the space comes back without new objects.
func TestEmptySegments(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	defer closeTier(t, d)
	fill(t, m, d, "p", 0, 300, 60000)
	<-d.loaded
	if n, err := d.Purge(context.Background(), All, Prefix(nil), false); n != 300 || err != nil {
		t.Fatal(n, err)
	}
	for d.Stats().Segments > 1 {
		flush(t, d)
	}
}

func TestDropIsCountedAndForgets(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	o.QueueBytes = 1
	d := openTier(t, o)
	defer closeTier(t, d)
	m.offer(t, d, "p", thing{key: "k", data: []byte("old")})
	flush(t, d)
	wantBody(t, d, "p", "k", "", []byte("old"))
	large := m.object(t, thing{key: "k", data: make([]byte, o.Size/16+1)})
	if d.Offer("p", large) {
		t.Error("too large, and taken")
	}
	large.Unpin()
	wantBody(t, d, "p", "k", "", nil)
	if s := d.Stats(); s.Refused[RefusedLarge] != 1 {
		t.Errorf("%+v", s)
	}
	for _, x := range []thing{{key: strings.Repeat("k", segment.MaxText+1)}, {key: "k", vary: strings.Repeat("v", segment.MaxText+1)}, {key: "k", tags: []string{strings.Repeat("t", segment.MaxText+1)}}} {
		if m.offer(t, d, "p", x) {
			t.Error("a text too long, and taken")
		}
	}
}

// TestDirectory tries directories that must be refused, or emptied.
func TestDirectory(t *testing.T) {
	m := newMemory(t)
	for _, row := range []struct {
		name string
		make func(path string)
		want error
		text string
	}{
		{"foreign file", func(p string) { os.Mkdir(p, 0o700); os.WriteFile(filepath.Join(p, "x"), nil, 0o600) }, ErrForeign, `"x" is in it`},
		{"foreign marker", func(p string) {
			os.Mkdir(p, 0o700)
			os.WriteFile(filepath.Join(p, markerName), []byte("hello"), 0o600)
		}, ErrForeign, "hello"},
		{"newer", func(p string) {
			os.Mkdir(p, 0o700)
			os.WriteFile(filepath.Join(p, markerName), []byte("fishplate cache 2\n"), 0o600)
		}, ErrNewer, "format 2"},
		{"writable by others", func(p string) { os.Mkdir(p, 0o700); os.Chmod(p, 0o777) }, nil, "chmod"},
		{"a file", func(p string) { os.WriteFile(p, nil, 0o600) }, nil, "not a directory"},
		{"draft of a marker", func(p string) { os.Mkdir(p, 0o700); os.WriteFile(filepath.Join(p, markerDraft), nil, 0o600) }, nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := testOptions(t)
			row.make(o.Path)
			d, err := Open(o)
			if row.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				closeTier(t, d)
				return
			}
			if err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) || !strings.Contains(err.Error(), o.Path) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("locked", func(t *testing.T) {
		o := testOptions(t)
		d := openTier(t, o)
		if _, err := Open(o); !errors.Is(err, ErrLocked) {
			t.Errorf("error %v", err)
		}
		closeTier(t, d)
		closeTier(t, openTier(t, o))
	})
	t.Run("mode", func(t *testing.T) {
		o := testOptions(t)
		closeTier(t, openTier(t, o))
		for _, p := range []string{o.Path, filepath.Join(o.Path, indexDir), filepath.Join(o.Path, segmentDir)} {
			if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v %v", p, info.Mode(), err)
			}
		}
	})
	t.Run("options", func(t *testing.T) {
		for _, o := range []Options{{Path: "relative", Size: MinSize}, {Path: t.TempDir(), Size: 1}} {
			if d, err := Open(o); err == nil {
				d.Close()
				t.Errorf("%+v is taken", o)
			}
		}
	})
	t.Run("names", func(t *testing.T) {
		o := testOptions(t)
		d := openTier(t, o)
		defer closeTier(t, d)
		for _, name := range []string{"../../x", "/etc/passwd", "a\x00b", ""} {
			m.offer(t, d, name, thing{key: name, vary: name, tags: []string{name}, data: []byte(name + "!")})
			flush(t, d)
			wantBody(t, d, name, name, name, []byte(name+"!"))
		}
		names, _ := os.ReadDir(filepath.Dir(o.Path))
		if len(names) != 1 {
			t.Errorf("files beside the cache: %v", names)
		}
	})
}

// TestSegmentFiles starts with segments that are not what the index knew.
func TestSegmentFiles(t *testing.T) {
	m := newMemory(t)
	for _, row := range []struct {
		name   string
		change func(path string)
		found  bool
	}{
		{"truncated within a body", func(p string) { truncate(p, -100) }, false},
		{"truncated within a head", func(p string) { truncate(p, 100) }, false},
		{"truncated within its start", func(p string) { truncate(p, 10) }, false},
		{"empty", func(p string) { truncate(p, 0) }, false},
		{"gone", func(p string) { os.Remove(p) }, false},
		{"longer", func(p string) { truncate(p, 1<<20) }, true},
		{"another version", func(p string) { overwrite(p, 8, 2) }, false},
		{"another number", func(p string) { os.Rename(p, filepath.Join(filepath.Dir(p), segment.Name(77))) }, false},
		{"foreign beside", func(p string) { os.WriteFile(filepath.Join(filepath.Dir(p), "readme"), []byte("x"), 0o600) }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := testOptions(t)
			o.Logger = slog.New(slog.DiscardHandler)
			d := openTier(t, o)
			want := body("k", 1, 50000)
			m.offer(t, d, "p", thing{key: "k", tags: []string{"t"}, data: want})
			flush(t, d)
			closeTier(t, d)
			row.change(filepath.Join(o.Path, segmentDir, segment.Name(1)))
			d = openTier(t, o)
			<-d.loaded
			if row.found {
				wantBody(t, d, "p", "k", "", want)
			} else {
				wantBody(t, d, "p", "k", "", nil)
			}
			m.offer(t, d, "p", thing{key: "k", data: []byte("new")})
			flush(t, d)
			wantBody(t, d, "p", "k", "", []byte("new"))
			if s := d.Stats(); s.Objects != 1 {
				t.Errorf("%d objects", s.Objects)
			}
			closeTier(t, d)
		})
	}
}

func truncate(path string, n int64) {
	if n < 0 {
		info, _ := os.Stat(path)
		n += info.Size()
	}
	os.Truncate(path, n)
}

func overwrite(path string, at int64, b byte) {
	f, _ := os.OpenFile(path, os.O_RDWR, 0)
	defer f.Close()
	f.WriteAt([]byte{b}, at)
}

// TestBans keeps the list over a start.
func TestBans(t *testing.T) {
	o := testOptions(t)
	d := openTier(t, o)
	if list, err := d.LoadBans(); list != nil || err != nil {
		t.Fatal(list, err)
	}
	for _, want := range []string{"one", "", "two"} {
		if err := d.PutBans([]byte(want)); err != nil {
			t.Fatal(err)
		}
		closeTier(t, d)
		d = openTier(t, o)
		if list, err := d.LoadBans(); string(list) != want || err != nil {
			t.Errorf("%q %v", list, err)
		}
	}
	closeTier(t, d)
	if err := d.PutBans(nil); !errors.Is(err, ErrOff) {
		t.Error(err)
	}
}

// TestLive tells who copied an object that it was purged meanwhile, and a reader
// goes on after the tier was closed.
func TestLive(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	want := body("k", 1, 300000)
	m.offer(t, d, "p", thing{key: "k", tags: []string{"t"}, data: want})
	flush(t, d)
	f, err := d.Get(context.Background(), "p", []byte("k"), nil)
	if err != nil || f == nil || !f.Live() {
		t.Fatal(f, err)
	}
	if _, err := d.Purge(context.Background(), "q", Tag([]byte("t")), false); err != nil || !f.Live() {
		t.Fatal("purged in another partition", err)
	}
	if _, err := d.Purge(context.Background(), All, Tag([]byte("t")), false); err != nil || f.Live() {
		t.Fatal("still live", err)
	}
	closeTier(t, d)
	got := make([]byte, f.Length)
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != string(want) {
		t.Error("unreadable after close", err)
	}
	f.Close()
}

// TestPurgeGoesOn ends the caller's wait before the purge is worked in.
func TestPurgeGoesOn(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	fill(t, m, d, "p", 0, 2000, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Purge(ctx, All, Tag([]byte("t")), false); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for i := range 2000 {
		wantBody(t, d, "p", fmt.Sprint("http://h/p/", i), "", nil)
	}
	closeTier(t, d)
	d = openTier(t, o)
	defer closeTier(t, d)
	for i := range 2000 {
		wantBody(t, d, "p", fmt.Sprint("http://h/p/", i), "", nil)
	}
	<-d.loaded
	if s := d.Stats(); s.Objects != 0 {
		t.Errorf("%d objects", s.Objects)
	}
}
