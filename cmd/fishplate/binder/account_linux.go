package binder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"fishplate/internal/model"
)

// account is who the process becomes.
type account struct {
	name, home string
	uid, gid   int
	groups     []int // all that it is in
}

// find looks up a user and a group, by name or number; the group "" is the user's.
func find(name, group string) (*account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		byNumber, failed := user.LookupId(name)
		if failed != nil {
			return nil, fmt.Errorf("look up user %q: %w", name, err)
		}
		u = byNumber
	}
	a := &account{name: u.Username, home: u.HomeDir}
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			byNumber, failed := user.LookupGroupId(group)
			if failed != nil {
				return nil, fmt.Errorf("look up group %q: %w", group, err)
			}
			g = byNumber
		}
		gid = g.Gid
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up groups of %q: %w", name, err)
	}
	if a.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	if a.gid, err = strconv.Atoi(gid); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil && id != u.Gid {
			a.groups = append(a.groups, n)
		}
	}
	a.groups = append(a.groups, a.gid)
	return a, nil
}

// endow makes what the process writes to and is not there yet, and gives it to the
// user. What is there already stays whose it is: it may be somebody else's on
// purpose, and a folder that is not the user's to write to is told when it is used.
func (a *account) endow(c *model.Config) error {
	if err := a.folder(c.State.Dir, 0o700); err != nil {
		return err
	}
	if st, err := os.Stat(c.State.Dir); err == nil {
		if owner, ok := st.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != a.uid {
			return fmt.Errorf("the state folder %s belongs to user %d: chown -R %s %s", c.State.Dir, owner.Uid, a.name, c.State.Dir)
		}
	}
	if err := a.folder(filepath.Dir(c.Admin.Socket), 0o755); err != nil {
		return err
	}
	for _, log := range c.Logs {
		if filepath.IsAbs(log.Path) {
			if err := a.file(log.Path, 0o640); err != nil {
				return err
			}
		}
	}
	for _, store := range c.Caches {
		if store.Disk != nil {
			if err := a.folder(filepath.Dir(store.Disk.Path), 0o750); err != nil {
				return err
			}
		}
	}
	return nil
}

// folder makes a folder that is missing, and gives it to the user; those above it
// stay root's.
func (a *account) folder(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.Mkdir(path, mode); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return a.give(path, unix.O_DIRECTORY)
}

// file makes a file that is missing, and its folder, and gives them to the user.
func (a *account) file(path string, mode fs.FileMode) error {
	if err := a.folder(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer f.Close()
	return f.Chown(a.uid, a.gid)
}

// give changes the owner of what is there now, and follows no link.
func (a *account) give(path string, kind int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|kind, 0)
	if err != nil {
		return fmt.Errorf("give folder: %w", err)
	}
	defer f.Close()
	return f.Chown(a.uid, a.gid)
}
