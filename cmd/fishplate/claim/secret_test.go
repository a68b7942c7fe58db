package claim

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSecret: the secret stays as long as it is one; what lies at its name
// instead is replaced, never written to.
func TestSecret(t *testing.T) {
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(victim, []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	first, err := Secret(dir)
	if err != nil || len(first) != 32 {
		t.Fatalf("secret: %d bytes, %v", len(first), err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "as it was" {
		t.Errorf("the file behind a link holds %q, %v", b, err)
	}
	if i, err := os.Lstat(path); err != nil || i.Mode() != 0o600 {
		t.Errorf("secret: %v, %v", i.Mode(), err)
	}
	if again, err := Secret(dir); err != nil || !bytes.Equal(again, first) {
		t.Errorf("another secret the second time: %v", err)
	}
	if err := os.WriteFile(path, []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	if other, err := Secret(dir); err != nil || len(other) != 32 || bytes.Equal(other, first) {
		t.Errorf("after damage: %d bytes, %v", len(other), err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Secret(dir); err == nil {
		t.Error("a pipe was read")
	}
}
