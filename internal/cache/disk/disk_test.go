package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		crashChild()
		return
	}
	// A start that failed half-way leaves what pebble does not free then.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2.(*ConcurrencyLimitScheduler).periodicGranter"),
		goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2/internal/genericcache.(*shard[...]).releaseLoop"))
}

// memory makes objects for a tier to keep.
type memory struct {
	store *store.Store
	part  *store.Partition
}

func newMemory(t testing.TB) *memory {
	s, err := store.New(store.Options{Memory: 256 << 20, MaxObject: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if t != nil {
		t.Cleanup(s.Close)
	}
	return &memory{s, s.Partition("p")}
}

// body is what an object of that key and version must hold, n bytes long.
func body(key string, version uint64, n int) []byte {
	b := make([]byte, n)
	seed := [32]byte{}
	copy(seed[:], key)
	binary.LittleEndian.PutUint64(seed[24:], version*2654435761+uint64(len(key)))
	rand.NewChaCha8(seed).Read(b)
	return b
}

// thing describes an object; the zero values are plain.
type thing struct {
	key, vary string
	tags      []string
	data      []byte
	meta      store.Meta
}

func (m *memory) object(t testing.TB, x thing) *store.Object {
	var h message.Header
	h.Add("Content-Type", "text/plain")
	h.Add("X-Key", strings.ReplaceAll(x.key, "\n", " "))
	h.Add("Empty", "")
	parts := &store.Parts{Key: []byte(x.key), Vary: []byte(x.vary), Head: &h}
	for _, tag := range x.tags {
		parts.Tags = append(parts.Tags, []byte(tag))
	}
	if x.meta.Status == 0 {
		x.meta.Status = 200
	}
	o, err := m.store.Begin(m.part, store.KeyOf(m.part.ID(), []byte(x.key)), &x.meta, parts, int64(len(x.data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Append(x.data); err != nil {
		t.Fatal(err)
	}
	o.Finish()
	return o
}

// offer gives the tier an object and keeps no pin of its own.
func (m *memory) offer(t testing.TB, d *Tier, part string, x thing) bool {
	o := m.object(t, x)
	defer o.Unpin()
	return d.Offer(part, o)
}

func testOptions(t testing.TB) Options {
	return Options{Path: filepath.Join(t.TempDir(), "cache"), Size: 64 << 20, Logger: slog.New(slog.NewTextHandler(testLog{t}, nil))}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func openTier(t testing.TB, o Options) *Tier {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func flush(t testing.TB, d *Tier) {
	t.Helper()
	if err := d.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func closeTier(t testing.TB, d *Tier) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// read returns the body of a found object, or nil when there is none.
func read(t testing.TB, d *Tier, part, key, vary string) []byte {
	t.Helper()
	f, err := d.Get(context.Background(), part, []byte(key), func(_ *store.Meta, v []byte) bool { return string(v) == vary })
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		return nil
	}
	defer f.Close()
	p := make([]byte, f.Length)
	if n, err := f.ReadAt(p, 0); err != nil || n != len(p) {
		t.Fatalf("read %q: %d of %d bytes, %v", key, n, len(p), err)
	}
	return p
}

func wantBody(t testing.TB, d *Tier, part, key, vary string, want []byte) {
	t.Helper()
	got := read(t, d, part, key, vary)
	if got == nil && want != nil {
		t.Fatalf("%s %q %q: not found", part, key, vary)
	}
	if got != nil && want == nil {
		t.Fatalf("%s %q %q: found, though it must not be", part, key, vary)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s %q %q: wrong body of %d bytes, want %d", part, key, vary, len(got), len(want))
	}
}

// du is what the command of that name shows, of files.
func du(t testing.TB, path string) (total int64) {
	filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}

func TestWriteAndRead(t *testing.T) {
	m, o := newMemory(t), testOptions(t)
	d := openTier(t, o)
	sizes := []int{0, 1, 100, segment.BlockSize - 1, segment.BlockSize, segment.BlockSize + 1, smallBody, smallBody + 1, 3*segment.BlockSize + 17, 2 << 20}
	for i, n := range sizes {
		key := fmt.Sprintf("http://h/%d", n)
		meta := store.Meta{Status: 203, Encoding: 2, Flags: 7, Born: 1, Stored: 2, Fresh: 3, Grace: 4, Keep: 5, StaleIfError: 6, First: 8, Total: -1}
		if !m.offer(t, d, "p", thing{key: key, vary: "v", tags: []string{"a", "", "b c"}, data: body(key, uint64(i), n), meta: meta}) {
			t.Fatal("not taken")
		}
	}
	flush(t, d)
	for range 2 {
		for i, n := range sizes {
			key := fmt.Sprintf("http://h/%d", n)
			want := body(key, uint64(i), n)
			f, err := d.Get(context.Background(), "p", []byte(key), nil)
			if f == nil || err != nil {
				t.Fatalf("%s: %v %v", key, f, err)
			}
			checkFound(t, f, key, want)
			f.Close()
			wantBody(t, d, "q", key, "v", nil)
		}
		wantBody(t, d, "p", "http://h/", "v", nil)
		closeTier(t, d)
		d = openTier(t, o)
	}
	s := d.Stats()
	<-d.loaded
	if s = d.Stats(); s.Objects != int64(len(sizes)) || s.Corrupt != 0 {
		t.Errorf("stats %+v", s)
	}
	closeTier(t, d)
}

func checkFound(t *testing.T, f *Found, key string, want []byte) {
	t.Helper()
	if f.Meta != (store.Meta{Status: 203, Encoding: 2, Flags: 7, Born: 1, Stored: 2, Fresh: 3, Grace: 4, Keep: 5, StaleIfError: 6, First: 8, Total: -1}) {
		t.Errorf("meta %+v", f.Meta)
	}
	var h message.Header
	f.Head(&h)
	if v, _ := h.Get("x-key"); h.Len() != 3 || string(v) != key || h.ID(0) != message.LookupName([]byte("Content-Type")) {
		t.Errorf("fields %d, key %q", h.Len(), v)
	}
	var tags []string
	f.Tags(func(tag []byte) bool { tags = append(tags, string(tag)); return true })
	if fmt.Sprintf("%q", tags) != `["a" "" "b c"]` || string(f.Key()) != key || string(f.Vary()) != "v" {
		t.Errorf("tags %q key %q vary %q", tags, f.Key(), f.Vary())
	}
	// Pieces of odd lengths, then all at once, then through the file.
	var got []byte
	for piece := make([]byte, 30000); ; {
		n, err := f.ReadAt(piece, int64(len(got)))
		got = append(got, piece[:n]...)
		if err != nil {
			break
		}
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: pieces differ", key)
	}
	if file, _ := f.File(); file != nil && len(want) > smallBody && f.seg.IsVerified(f.place.Off) == false {
		t.Error("a file before its checksum was compared")
	}
	if err := f.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	file, at := f.File()
	if file == nil {
		t.Fatal("no file")
	}
	raw := make([]byte, len(want))
	if _, err := file.ReadAt(raw, at); err != nil || !bytes.Equal(raw, want) {
		t.Fatalf("%s: file differs, %v", key, err)
	}
	if !f.Live() {
		t.Error("not live")
	}
}
