package file

import (
	"io/fs"
	"os"
)

// Tree is the machine's files from its root, of which regular ones and folders
// are opened and no others, and none above Most bytes.
func Tree() fs.FS { return tree{} }

type tree struct{}

// path turns the name of an fs.FS into one of the machine.
func path(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return "/" + name, nil
}

// Open implements fs.FS.
func (tree) Open(name string) (fs.File, error) {
	full, err := path("open", name)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(full); err == nil && info.IsDir() {
		return os.Open(full)
	}
	return Open(full, Most)
}

// ReadFile implements fs.ReadFileFS.
func (tree) ReadFile(name string) ([]byte, error) {
	full, err := path("open", name)
	if err != nil {
		return nil, err
	}
	return Read(full, Most)
}

// Stat implements fs.StatFS.
func (tree) Stat(name string) (fs.FileInfo, error) {
	full, err := path("stat", name)
	if err != nil {
		return nil, err
	}
	return os.Stat(full)
}

// ReadDir implements fs.ReadDirFS.
func (tree) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := path("open", name)
	if err != nil {
		return nil, err
	}
	return os.ReadDir(full)
}
