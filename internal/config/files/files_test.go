package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// folder has links to itself: every file in it has as many names as one likes.
func folder(t *testing.T, links int) fs.FS {
	t.Helper()
	dir := t.TempDir()
	for i := range links {
		if err := os.Symlink(".", filepath.Join(dir, fmt.Sprint("s", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

func TestChain(t *testing.T) {
	r := New(t.Context(), folder(t, 1))
	if err := errors.Join(r.Enter("/a.hcl"), r.Enter("/none.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := r.Enter("/s0/s0/a.hcl"); err == nil || err.Error() != "/s0/s0/a.hcl is the same file as /a.hcl, by a link, and would include itself without end" {
		t.Error(err)
	}
	r.Leave()
	r.Leave()
	if err := r.Enter("/s0/a.hcl"); err != nil || r.Over() {
		t.Error("beside the other:", err)
	}
	for i := range MaxDepth - 1 {
		if err := r.Enter(fmt.Sprint("/", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Enter("/deeper"); err == nil || r.Over() {
		t.Error("deeper than the bound:", err)
	}
}

func TestIncluded(t *testing.T) {
	r := New(t.Context(), fstest.MapFS{})
	for n := range 3 {
		if err := r.Enter(fmt.Sprint("/", n)); err != nil { // nobody includes these
			t.Fatal(err)
		}
		r.Leave()
	}
	if err := r.Enter("/top"); err != nil {
		t.Fatal(err)
	}
	for n := range MaxIncluded {
		if err := r.Enter(fmt.Sprint("/in/", n)); err != nil {
			t.Fatal(err)
		}
		r.Leave()
	}
	if err := r.Enter("/one more"); err == nil || !r.Over() {
		t.Error(err)
	}
}

// TestGlob: a pattern over folders that lead to themselves ends.
func TestGlob(t *testing.T) {
	r := New(t.Context(), folder(t, 2))
	if names, err := r.Glob("/s0/*/*.hcl"); err != nil || fmt.Sprint(names) != "[s0/s0/a.hcl s0/s1/a.hcl]" {
		t.Error(names, err)
	}
	if _, err := r.Glob("/["); !errors.Is(err, fs.ErrInvalid) || r.Over() {
		t.Error(err)
	}
	if names, err := r.Glob(strings.Repeat("*/", 30) + "a.hcl"); err == nil || !r.Over() || len(names) != 0 {
		t.Errorf("%d names, %v", len(names), err)
	}
}

func TestText(t *testing.T) {
	all := fstest.MapFS{}
	for i := range MaxText/MaxFile + 1 {
		all[fmt.Sprint(i)] = &fstest.MapFile{Data: make([]byte, MaxFile)}
	}
	all["long"] = &fstest.MapFile{Data: make([]byte, MaxFile+1)}
	all["dir/x"] = &fstest.MapFile{}
	r := New(t.Context(), all)
	for _, name := range []string{"/dir", "/long", "/none"} {
		if text, _, err := r.Read(name); err == nil || text != nil {
			t.Errorf("%s was read", name)
		}
	}
	for n := range 2 * MaxText / MaxFile {
		name := fmt.Sprint("/", n/2) // twice: it counts once
		if _, first, err := r.Read(name); err != nil || first != (n%2 == 0) {
			t.Fatal(name, first, err)
		}
	}
	if _, _, err := r.Read(fmt.Sprint("/", MaxText/MaxFile)); err == nil {
		t.Error("too much text")
	}
	for range MaxParsed / MaxFile {
		if err := r.Parse(make([]byte, MaxFile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Parse([]byte("x")); err == nil || !r.Over() {
		t.Error("more is parsed than the bound")
	}
}

// TestCallerLeft: nothing more is read for somebody who does not wait any more.
func TestCallerLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := New(ctx, folder(t, 2))
	if err := r.Enter("/a.hcl"); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, _, err := r.Read("/a.hcl")
	if enter := r.Enter("/s0/a.hcl"); !errors.Is(err, context.Canceled) || !errors.Is(enter, context.Canceled) || !r.Over() {
		t.Error(err, enter)
	}
	r = New(ctx, folder(t, 2))
	if names, err := r.Glob("*/a.hcl"); !errors.Is(err, context.Canceled) {
		t.Error(names, err)
	}
}

func TestShow(t *testing.T) {
	for _, c := range [][3]string{
		{"/srv", "/srv/a/b.hcl", "a/b.hcl"}, {"/srv/", "/srv/b.hcl", "b.hcl"}, {"/srv", "/srvx/b.hcl", "/srvx/b.hcl"},
		{"/", "/etc/b.hcl", "/etc/b.hcl"}, {"", "/etc/b.hcl", "/etc/b.hcl"}, {"", "change 7", "change 7"},
	} {
		if got := Show(c[0], c[1]); got != c[2] {
			t.Errorf("%q in %q is %q, want %q", c[1], c[0], got, c[2])
		}
	}
}
