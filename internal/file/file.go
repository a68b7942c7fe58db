package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Most bounds, in bytes, what Tree reads of one file: lists, certificates, pieces
// of a configuration.
const Most = 32 << 20

// ErrNotRegular is why a pipe, a socket, a device or a folder is not read.
var ErrNotRegular = errors.New("it is not a regular file")

// ErrTooLarge is why a file above its reader's bound is not read.
var ErrTooLarge = errors.New("too large")

// Open opens a regular file of at most that many bytes for reading. Its errors are
// of the kind *fs.PathError.
func Open(path string, most int64) (*os.File, error) {
	// Before it is opened: some devices do something when they are.
	info, err := os.Stat(path)
	if err == nil {
		err = judge(path, info, most)
	}
	if err != nil {
		return nil, err
	}
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := judge(path, info, most); err != nil {
		_ = f.Close() // nothing was read or written
		return nil, err
	}
	return f, nil
}

// open does not wait for the other end of a pipe that somebody put there since it
// was looked at.
func open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// judge says why a file is not read, or nil.
func judge(path string, info fs.FileInfo, most int64) error {
	switch {
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "read", Path: path, Err: ErrNotRegular}
	case info.Size() > most:
		return tooLarge(path, info.Size(), most)
	}
	return nil
}

func tooLarge(path string, size, most int64) error {
	return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it has %d bytes or more, and at most %d are read", ErrTooLarge, size, most)}
}

// Read returns the bytes of a regular file of at most that many.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path, most)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return all(f, path, most)
}

// all reads a file that may grow meanwhile, or whose size says nothing, as in /proc.
func all(f *os.File, path string, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, info.Size()+512)
	for {
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case int64(len(text)) > most:
			return nil, tooLarge(path, int64(len(text)), most)
		case err == io.EOF:
			return text, nil
		case err != nil:
			return nil, err
		}
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
	}
}
