package syntax

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Resolve makes a path relative to the file that names it.
func Resolve(from, name string) string {
	if name == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(from), name)
}

// FSName turns a path into the name that an fs.FS rooted at "/" knows.
func FSName(name string) string {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if name == "" {
		return "."
	}
	return name
}

// Remedy is what to do about a file error, or "".
func Remedy(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "the user that fishplate runs as must be able to read it: chown or chmod it, and the folders above"
	}
	return ""
}

// Reason is the cause of a file error without the path, which the caller names.
func Reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
