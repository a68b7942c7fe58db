//go:build unix

package claim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// name is the file in the folder that is locked. It stays: a lock on a file that
// others may have removed meanwhile protects nothing.
const name = "lock"

// Taken says that another process has the folder.
type Taken struct {
	Dir string
	PID int // as it wrote into the file; 0 is not known
}

// Error implements error.
func (t *Taken) Error() string {
	who := "another process"
	if t.PID != 0 {
		who = fmt.Sprintf("process %d", t.PID)
	}
	return fmt.Sprintf("claim state folder: %s is that of %s, which runs: give this one another state.dir, or end that one", t.Dir, who)
}

// Claim is the lock on one folder. A nil Claim is that on a folder to which this
// process cannot write, so that it can spoil nothing there.
type Claim struct{ f *os.File }

// Take claims a folder that exists. The error is a *Taken when another process
// has it.
func Take(dir string) (*Claim, error) {
	path := filepath.Join(dir, name)
	// What a link at that name leads to is not ours to write a number into.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) && unix.Access(dir, unix.W_OK) != nil {
			return nil, nil
		}
		return nil, fmt.Errorf("claim state folder: %w", err)
	}
	switch err := lock(f); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		defer f.Close()
		return nil, &Taken{dir, holder(f)}
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("claim state folder: lock %s: %w", path, err)
	}
	c := &Claim{f}
	c.Sign()
	return c, nil
}

// Inherit returns the claim that another process handed over as an open file.
func Inherit(f *os.File) *Claim { return &Claim{f} }

// File is what a successor is given; it stays the claim's. Nil is none.
func (c *Claim) File() *os.File {
	if c == nil {
		return nil
	}
	return c.f
}

// Sign writes into the file whose the folder is, for those who are refused. It
// is a help, and no part of the lock: it may fail on a full disk.
func (c *Claim) Sign() {
	if c == nil {
		return
	}
	text := fmt.Appendln(nil, os.Getpid())
	if _, err := c.f.WriteAt(text, 0); err == nil {
		_ = c.f.Truncate(int64(len(text)))
	}
}

// Close lets go of the folder, unless a successor holds the claim too.
func (c *Claim) Close() {
	if c != nil {
		_ = c.f.Close()
	}
}

// lock takes the lock, which belongs to the open file and its copies, not to the
// process.
func lock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var why error
	err = raw.Control(func(fd uintptr) {
		for {
			if why = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB); why != syscall.EINTR {
				return
			}
		}
	})
	return errors.Join(err, why)
}

func holder(f *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
