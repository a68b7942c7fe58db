package file

import (
	"io/fs"
	"os"
	"syscall"
)

// Within is the files below a folder, out of which no link leads. Regular files of
// at most that many bytes and folders are opened, and no others.
func Within(root *os.Root, most int64) fs.FS { return within{root, most} }

type within struct {
	root *os.Root
	most int64
}

// Open implements fs.FS.
func (w within) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	// Before it is opened: some devices do something when they are.
	info, err := w.root.Stat(name)
	if err == nil {
		err = w.judge(name, info)
	}
	if err != nil {
		return nil, err
	}
	// A pipe that somebody put there since then is not waited for.
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = w.judge(name, info)
	}
	if err != nil {
		_ = f.Close() // nothing was read or written
		return nil, err
	}
	return f, nil
}

// judge is that of a single file, but folders may be opened to be listed.
func (w within) judge(name string, info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return judge(name, info, w.most)
}

// Stat implements fs.StatFS.
func (w within) Stat(name string) (fs.FileInfo, error) { return fs.Stat(w.root.FS(), name) }

// Lstat and ReadLink implement fs.ReadLinkFS.
func (w within) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(w.root.FS(), name) }

// ReadLink returns where a link leads, which nothing follows.
func (w within) ReadLink(name string) (string, error) { return fs.ReadLink(w.root.FS(), name) }
