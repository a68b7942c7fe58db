package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Sync puts on disk which names a folder has. A file that was written and
// synchronised may still be without a name after the machine went down, before.
func Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("synchronise folder: %w", err)
	}
	return nil
}

// Folder makes a folder and those above it that are missing, and puts their names
// on disk: also that of one which is there, since who made it may have been stopped
// before. A folder above that may not be read cannot be put on disk, and is left.
func Folder(dir string, mode os.FileMode) error {
	dir = filepath.Clean(dir)
	above := []string{filepath.Dir(dir)}
	for at := above[0]; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, os.ErrNotExist) {
			break
		}
		above = append(above, filepath.Dir(at))
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	for _, at := range above {
		if err := Sync(at); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return nil
}
