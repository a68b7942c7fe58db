package apply

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// hold makes the folder of the record ours alone until free is called.
func (o Options) hold() (free func(), err error) {
	h, ok := o.Hand.(hand)
	if !ok {
		return func() {}, nil
	}
	dir := h.at(o.State)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the record: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "doctor.lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600) // the folder may be the service's
	if err != nil {
		return nil, fmt.Errorf("lock the record: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close() // the lock is what matters
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another doctor --fix or --undo is at work")
		}
		return nil, fmt.Errorf("lock the record: %w", err)
	}
	if err := sweep(dir); err != nil {
		f.Close() // nothing was done
		return nil, fmt.Errorf("remove what was half saved: %w", err)
	}
	return func() { f.Close() }, nil // closing frees it
}

// sweep removes what somebody who was killed had begun to save in a folder that is
// ours alone.
func sweep(dir string) error {
	names, err := os.ReadDir(dir)
	for _, d := range names {
		if ours, _ := path.Match(half, d.Name()); ours && d.Type().IsRegular() { // the pattern is well formed
			err = errors.Join(err, os.Remove(filepath.Join(dir, d.Name())))
		}
	}
	return err
}
