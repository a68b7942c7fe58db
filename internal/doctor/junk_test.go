package doctor

import (
	"io/fs"
	"testing/fstest"
)

// junkFS has every file that is asked for, with the same text, and no folders.
type junkFS string

func (j junkFS) Open(name string) (fs.File, error) {
	return fstest.MapFS{name: {Data: []byte(j)}}.Open(name)
}

// ReadLink leads everywhere to the same text.
func (j junkFS) ReadLink(string) (string, error) { return string(j), nil }

// Lstat is that of the file.
func (j junkFS) Lstat(name string) (fs.FileInfo, error) { return fs.Stat(j, name) }
