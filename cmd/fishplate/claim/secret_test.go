package claim

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	first, _, err := Secret(dir)
	if err != nil || len(first) != 32 {
		t.Fatalf("secret: %d bytes, %v", len(first), err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "as it was" {
		t.Errorf("the file behind a link holds %q, %v", b, err)
	}
	if i, err := os.Lstat(path); err != nil || i.Mode() != 0o600 {
		t.Errorf("secret: %v, %v", i.Mode(), err)
	}
	if again, odd, err := Secret(dir); err != nil || !bytes.Equal(again, first) || len(odd) != 0 {
		t.Errorf("another secret the second time: %v, %v", err, odd)
	}
	for _, damaged := range []string{"", "cut", string(first) + "\n"} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		other, odd, err := Secret(dir)
		if err != nil || len(other) != 32 || bytes.Equal(other, first) {
			t.Errorf("after %q: %d bytes, %v", damaged, len(other), err)
		}
		if len(odd) != 1 || !strings.Contains(odd[0], fmt.Sprintf("%s held %d bytes", path, len(damaged))) {
			t.Errorf("after %q nothing was said: %q", damaged, odd)
		}
	}
	if err := os.WriteFile(path, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if other, odd, err := Secret(dir); err != nil || bytes.Equal(other, make([]byte, 32)) || len(odd) != 1 || !strings.Contains(odd[0], path+" held zeros alone") {
		t.Errorf("zeros are a secret: %x, %q, %v", other, odd, err)
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
	if _, _, err := Secret(dir); err == nil {
		t.Error("a pipe was read")
	}
}

// TestTrust: what others may write to is said, and a secret that they may have
// chosen is not used.
func TestTrust(t *testing.T) {
	const nobody = 65534
	for _, tc := range []struct {
		name           string
		folder, secret os.FileMode
		owner          int
		odd, refused   string
	}{
		{name: "ours", folder: 0o700, secret: 0o600},
		{name: "a group's", folder: 0o770, secret: 0o640},
		{name: "open folder", folder: 0o777, secret: 0o600, odd: "chmod 700"},
		{name: "folder like /tmp", folder: 0o777 | os.ModeSticky, secret: 0o600, odd: "chmod 700"},
		{name: "readable", folder: 0o700, secret: 0o644, odd: "everybody may read"},
		{name: "writable", folder: 0o700, secret: 0o602, refused: "everybody may write"},
		{name: "somebody's", folder: 0o777, secret: 0o600, owner: nobody, odd: "chmod 700", refused: "belongs to user 65534"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.owner != 0 && os.Geteuid() != 0 {
				t.Skip("only root gives files away")
			}
			dir := filepath.Join(t.TempDir(), "state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			want, _, err := Secret(dir)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "secret")
			err = errors.Join(os.Chmod(path, tc.secret), os.Chmod(dir, tc.folder))
			if tc.owner != 0 {
				err = errors.Join(err, os.Chown(path, tc.owner, tc.owner))
			}
			if err != nil {
				t.Fatal(err)
			}
			got, odd, err := Secret(dir)
			if said := strings.Join(odd, "\n"); (tc.odd == "") != (said == "") || !strings.Contains(said, tc.odd) {
				t.Errorf("said %q, not %q", said, tc.odd)
			}
			switch {
			case tc.refused == "" && (err != nil || !bytes.Equal(got, want)):
				t.Errorf("not used: %v", err)
			case tc.refused != "" && (err == nil || got != nil || !strings.Contains(err.Error(), tc.refused) || !strings.Contains(err.Error(), "remove it")):
				t.Errorf("used: %x, %v", got, err)
			}
		})
	}
}
