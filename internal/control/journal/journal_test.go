package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func open(t *testing.T, dir string, keep int) (*Journal, []error) {
	t.Helper()
	j, broken, err := Open(dir, keep)
	if err != nil {
		t.Fatal(err)
	}
	return j, broken
}

func put(t *testing.T, j *Journal, id uint64, text string) {
	t.Helper()
	if err := j.Put(id, fmt.Appendf(nil, `{"comment":"of %d"}`, id), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func ids(j *Journal) (list []uint64) {
	for _, e := range j.Entries() {
		list = append(list, e.ID)
	}
	return list
}

func TestJournalOutlivesItsProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "journal")
	j, _ := open(t, dir, 3)
	for id := range uint64(5) {
		put(t, j, id+8, strings.Repeat(fmt.Sprintln("line of", id+8), 1000))
	}
	if err := j.Amend(11, []byte(`{"state":"committed"}`)); err != nil {
		t.Fatal(err)
	}
	j, broken := open(t, dir, 3)
	if got := fmt.Sprint(ids(j)); got != "[10 11 12]" || len(broken) > 0 {
		t.Fatalf("entries %s, %v", got, broken)
	}
	if head := string(j.Entries()[1].Head); head != `{"state":"committed"}` {
		t.Errorf("head %s", head)
	}
	for _, id := range ids(j) {
		if text, err := j.Text(id); err != nil || string(text) != strings.Repeat(fmt.Sprintln("line of", id), 1000) {
			t.Errorf("text of %d: %.40q, %v", id, text, err)
		}
	}
	if _, err := j.Text(8); !errors.Is(err, ErrNone) {
		t.Errorf("text of 8: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// TestCutFiles cuts the newest entry's file at every length, as no crash of ours does
// and a disk may, and puts a byte behind it: it is found, and the entries before it stay.
func TestCutFiles(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, 10)
	put(t, j, 1, "first")
	put(t, j, 2, "second, and longer than the first")
	name := filepath.Join(dir, "000000000002.commit")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	more := append(slices.Clone(whole), 'x')
	for n := range len(more) + 1 {
		if n == len(whole) {
			continue
		}
		if err := os.WriteFile(name, more[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, broken := open(t, dir, 10)
		if got := fmt.Sprint(ids(j)); got != "[1]" || len(broken) != 1 {
			t.Errorf("%d of %d bytes: entries %s, %v", n, len(whole), got, broken)
		}
		if text, err := j.Text(1); err != nil || string(text) != "first" {
			t.Errorf("the first: %q, %v", text, err)
		}
	}
}

func TestWhatIsNoEntry(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"000000000007.commit.new": "half", "x.commit": "{}", "000000000003.commit": `{"id":4,"head":{}}` + "\n", "notes": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, broken := open(t, dir, 10)
	if len(ids(j)) != 0 || len(broken) != 2 {
		t.Errorf("entries %v, %v", ids(j), broken)
	}
	put(t, j, 3, "anew")
	if text, err := j.Text(3); err != nil || string(text) != "anew" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "000000000007.commit.new")); err == nil {
		t.Error("a half-written file stays")
	}
}

func TestNoFolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(name, 1); err == nil {
		t.Error("a file is opened as a journal")
	}
}

// TestWhatIsNoFile: a pipe is set aside and not waited for, and a link is not
// written through.
func TestWhatIsNoFile(t *testing.T) {
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	if err := syscall.Mkfifo(filepath.Join(dir, "000000000001.commit"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(victim, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, broken, err := Open(dir, 10)
	if err != nil || len(broken) != 1 || len(j.Entries()) != 0 {
		t.Fatalf("open: %v, broken %v", err, broken)
	}
	if err := os.Symlink(victim, filepath.Join(dir, "000000000002.commit.new")); err != nil {
		t.Fatal(err)
	}
	if err := j.Put(2, []byte("{}"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "as it was" {
		t.Errorf("the file behind a link holds %q, %v", b, err)
	}
	if text, err := j.Text(2); err != nil || string(text) != "text" {
		t.Errorf("text: %q, %v", text, err)
	}
}

// TestFolderIsMoved: an entry is written to the folder that was opened, and to no
// other that has its name since; put back, it goes on.
func TestFolderIsMoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	j, _, err := Open(dir, 10)
	if err != nil {
		t.Fatal(err)
	}
	put := func(id uint64) error { return j.Put(id, []byte("{}"), []byte("text")) }
	if err := put(1); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := put(2); !errors.Is(err, ErrMoved) {
		t.Error("the folder is gone:", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := put(2); !errors.Is(err, ErrMoved) {
		t.Error("there is another one:", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("the other folder holds %v, %v", list, err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Fatal(err)
	}
	if err := put(2); err != nil {
		t.Error("put back:", err)
	}
}

// TestEntryWithoutEnd: a file that is no entry is set aside without being read whole,
// however large it says that it is.
func TestEntryWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir, 10)
	put(t, j, 1, "text")
	name := filepath.Join(dir, "000000000002.commit")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(8<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	j, broken := open(t, dir, 10)
	runtime.ReadMemStats(&after)
	if made := (after.TotalAlloc - before.TotalAlloc) >> 20; len(broken) != 1 || fmt.Sprint(ids(j)) != "[1]" || made > 512 {
		t.Errorf("entries %v, %v, %d MiB made", ids(j), broken, made)
	}
	if err := j.Put(3, make([]byte, maxHead), nil); err == nil {
		t.Error("a head that would not be read was written")
	}
}
