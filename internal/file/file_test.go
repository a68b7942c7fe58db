package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// TestRead: a regular file is read up to the bound, and nothing else is waited for
// or read without an end.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	plain, empty := write("plain", "0123456789"), write("empty", "")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link, chain := filepath.Join(dir, "link"), filepath.Join(dir, "chain")
	if err := errors.Join(os.Symlink(plain, link), os.Symlink(pipe, chain)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, want string
		err        error
		says       string
	}{
		{path: plain, want: "0123456789"}, {path: link, want: "0123456789"}, {path: empty},
		{path: dir, err: ErrNotRegular}, {path: pipe, err: ErrNotRegular}, {path: chain, err: ErrNotRegular},
		{path: "/dev/zero", err: ErrNotRegular}, {path: filepath.Join(dir, "none"), err: fs.ErrNotExist},
		{path: write("long", "0123456789a"), says: "at most 10 are read"},
	} {
		text, err := Read(tc.path, 10)
		switch {
		case tc.err != nil && !errors.Is(err, tc.err), tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)),
			tc.err == nil && tc.says == "" && err != nil, string(text) != tc.want:
			t.Errorf("%s: %q, %v; want %q, %v %s", tc.path, text, err, tc.want, tc.err, tc.says)
		}
		var named *fs.PathError
		if err != nil && !errors.As(err, &named) {
			t.Errorf("%s: %v names no path", tc.path, err)
		}
	}
}

// TestPipeThatComesLate: a pipe that took a file's place after a look at it is not
// waited for either.
func TestPipeThatComesLate(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	f, info, err := open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := judge(pipe, info, 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("an open pipe: %v", err)
	}
}

// TestGrows: a file whose size is no bound, as in /proc, is read to its end, and
// one that grows beyond the bound is refused.
func TestGrows(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	text := strings.Repeat("x", 5000)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, most := range []int64{5000, 4999} {
		f, err := Open(name, most)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := all(f, name, most)
		if ok := most == 5000; (err == nil) != ok || ok && string(got) != text {
			t.Errorf("at most %d: %d bytes, %v", most, len(got), err)
		}
		if err := errors.Join(f.Close(), os.Truncate(name, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTree is what the standard library asks of a file system, and the refusals.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "in"), 0o700), os.WriteFile(filepath.Join(dir, "in", "a.hcl"), []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	sub, err := fs.Sub(Tree(), strings.TrimPrefix(dir, "/"))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "in/a.hcl"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"dev/zero", strings.TrimPrefix(dir, "/") + "/pipe"} {
		if strings.HasSuffix(name, "pipe") {
			if err := syscall.Mkfifo("/"+name, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fs.ReadFile(Tree(), name); !errors.Is(err, ErrNotRegular) {
			t.Errorf("ReadFile(%s): %v", name, err)
		}
		if _, err := Tree().Open(name); !errors.Is(err, ErrNotRegular) {
			t.Errorf("Open(%s): %v", name, err)
		}
	}
	if _, err := Tree().Open("../etc"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a name that leaves the tree: %v", err)
	}
}

// TestWithin is what the standard library asks of a file system, and the refusals:
// what is no file, what is too large, and what lies elsewhere.
func TestWithin(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(at("in"), 0o700), os.WriteFile(at("in/a"), []byte("0123456789"), 0o600), os.Symlink("a", at("in/link")),
	); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	w := Within(root, 10)
	if err := fstest.TestFS(w, "in/a"); err != nil {
		t.Error(err)
	}
	if text, err := fs.ReadFile(w, "in/link"); string(text) != "0123456789" || err != nil {
		t.Errorf("by a link: %q, %v", text, err)
	}
	if target, err := fs.ReadLink(w, "in/link"); target != "a" || err != nil {
		t.Errorf("the link itself: %q, %v", target, err)
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600), os.Symlink(filepath.Join(outside, "secret"), at("out")),
		os.WriteFile(at("long"), []byte("0123456789a"), 0o600), syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("pipe", at("chain")),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"pipe": ErrNotRegular, "chain": ErrNotRegular, "long": ErrTooLarge, "none": fs.ErrNotExist, "../in": fs.ErrInvalid} {
		if _, err := w.Open(name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, err := fs.ReadFile(w, "out"); err == nil {
		t.Errorf("out of the folder: %q", text)
	}
}

// TestFolder: folders are made with those above them, again and again, also below
// one that its owner alone may list.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		if err := errors.Join(Folder(deep, 0o700), Sync(deep)); err != nil {
			t.Fatal(err)
		}
	}
	hidden := filepath.Join(dir, "hidden")
	if err := errors.Join(os.Mkdir(hidden, 0o300), Folder(filepath.Join(hidden, "d"), 0o700)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Folder(filepath.Join(dir, "file", "d"), 0o700); err == nil {
		t.Error("a folder below a file was made")
	}
}
