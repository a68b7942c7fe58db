package claim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func take(t *testing.T, dir string) *Claim {
	t.Helper()
	c, err := Take(dir)
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	return c
}

// refused expects that a folder is ours.
func refused(t *testing.T, dir string) {
	t.Helper()
	_, err := Take(dir)
	taken, ok := errors.AsType[*Taken](err)
	if !ok || taken.Dir != dir || taken.PID != os.Getpid() {
		t.Fatalf("taken twice: %v", err)
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not name the folder: %v", err)
	}
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	c := take(t, dir)
	refused(t, dir)
	take(t, t.TempDir()).Close()
	c.Close()
	take(t, dir).Close()
}

// TestHandedOver: of two that hold the claim, either may end first.
func TestHandedOver(t *testing.T) {
	dir := t.TempDir()
	for _, first := range []string{"old", "new"} {
		older := take(t, dir)
		fd, err := syscall.Dup(int(older.File().Fd()))
		if err != nil {
			t.Fatal(err)
		}
		newer := Inherit(os.NewFile(uintptr(fd), "claim"))
		one, other := older, newer
		if first == "new" {
			one, other = newer, older
		}
		one.Close()
		refused(t, dir)
		other.Close()
	}
	take(t, dir).Close()
}

func TestWhoseIsUnknown(t *testing.T) {
	dir := t.TempDir()
	c := take(t, dir)
	defer c.Close()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Take(dir)
	if taken, ok := errors.AsType[*Taken](err); !ok || taken.PID != 0 || !strings.Contains(err.Error(), "another process") {
		t.Error(err)
	}
	c.Sign()
	refused(t, dir)
}

func TestNothingToWriteTo(t *testing.T) {
	if _, err := Take(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a folder that is missing was claimed")
	}
	var none *Claim
	none.Sign()
	none.Close()
	if none.File() != nil {
		t.Error("a claim on nothing has a file")
	}
	if os.Geteuid() == 0 {
		t.Skip("needs a user who is not root: root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if c, err := Take(dir); c != nil || err != nil {
		t.Error(c, err)
	}
}

// TestLink: what a link leads to is neither locked nor written to.
func TestLink(t *testing.T) {
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	if c, err := Take(dir); err == nil {
		c.Close()
		t.Error("a link was taken for the lock")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "as it was" {
		t.Errorf("the file behind the link holds %q, %v", b, err)
	}
}
