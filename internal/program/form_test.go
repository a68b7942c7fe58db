package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is no file and no folder is refused before it is opened: reading a pipe
// would keep every later change waiting, and a device has no end.
func TestOnlyFilesAndFoldersArePrograms(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.elf")
	write(t, huge, "x")
	if err := os.Truncate(huge, maxProgram+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		os.DevNull: "neither a file nor a folder", huge: "a program has at most", dir: "a folder without Cargo.toml or go.mod",
	} {
		b := New(filepath.Join(dir, "made"), kit, nil)
		if _, err := b.Read(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("read %s: %v, want %q", path, err, want)
		}
	}
}
