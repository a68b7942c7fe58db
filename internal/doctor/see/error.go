package see

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"fishplate/internal/file"
)

// Class is the reason why something could not be seen.
type Class string

// Classes.
const (
	Absent Class = "absent"              // the kernel has no such thing
	Denied Class = "permission denied"   // root would see it
	Hidden Class = "not visible here"    // nobody sees it on this side of the hypervisor or namespace
	Broken Class = "could not be parsed" // it was seen, and not understood, or is nothing to read
)

// Error says why something was not seen.
type Error struct {
	What  string // a path, or the name of a call
	Class Class
	Err   error // may be nil
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.What, e.Class)
	}
	return fmt.Sprintf("%s: %s (%v)", e.What, e.Class, reason(e.Err))
}

func (e *Error) Unwrap() error { return e.Err }

// reason is the innermost cause of err: the path stands in the Error already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// ClassOf returns the class of err, "" for nil.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ESRCH):
		return Absent
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case errors.Is(err, file.ErrNotRegular), errors.Is(err, file.ErrTooLarge):
		return Broken
	}
	return Hidden
}

// failed wraps err with its class.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{What: what, Class: ClassOf(err), Err: err}
}
