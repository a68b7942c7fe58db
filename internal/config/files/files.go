package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"fishplate/internal/config/syntax"
)

// What one configuration may consist of.
const (
	MaxFile     = 32 << 20  // bytes of a file
	MaxText     = 256 << 20 // bytes of all files
	MaxParsed   = 64 << 20  // bytes of those that are parsed as configuration
	MaxDepth    = 32        // files of which each includes the next
	MaxIncluded = 10_000    // files that others include
	MaxListed   = 500_000   // names in the folders that patterns of includes look into
)

// Reader reads the files of one configuration.
type Reader struct {
	fs    fs.FS
	ctx   context.Context
	texts map[string][]byte
	size  int // bytes of all texts,
	code  int // and of what is parsed

	chain    []link // of the file that is read now, the outermost first
	included int
	listed   int
	over     error // what has too much of something: nothing more is included
}

// link is one file of a chain of includes.
type link struct {
	name string
	info fs.FileInfo
}

// New returns a Reader of a file system that is rooted at "/". When ctx ends, so does
// what it reads.
func New(ctx context.Context, files fs.FS) *Reader {
	return &Reader{fs: files, ctx: ctx, texts: map[string][]byte{}}
}

// Read returns a file's bytes, which nobody writes to; first says that they are read
// for the first time.
func (r *Reader) Read(name string) (text []byte, first bool, err error) {
	if text, ok := r.texts[name]; ok {
		return text, false, nil
	}
	if err := r.Left(); err != nil {
		return nil, false, err
	}
	info, err := fs.Stat(r.fs, syntax.FSName(name))
	switch {
	case err != nil:
		return nil, false, err
	case !info.Mode().IsRegular():
		return nil, false, errors.New("it is not a regular file")
	case info.Size() > MaxFile:
		return nil, false, fmt.Errorf("it has %d bytes, more than the %d that a source may have", info.Size(), MaxFile)
	case int64(r.size)+info.Size() > MaxText:
		return nil, false, fmt.Errorf("the files of this configuration have more than %d bytes together", MaxText)
	}
	if text, err = fs.ReadFile(r.fs, syntax.FSName(name)); err != nil {
		return nil, false, err
	}
	r.size += len(text)
	r.texts[name] = text
	return text, true, nil
}

// Parse counts a text that is parsed. The error says that it is too much.
func (r *Reader) Parse(text []byte) error {
	if r.code += len(text); r.code > MaxParsed {
		return r.enough(fmt.Errorf("the texts of this configuration have more than %d bytes together, without what file and file_set read", MaxParsed))
	}
	return nil
}

// Left says why nobody waits for what is read; nil: somebody does.
func (r *Reader) Left() error { return context.Cause(r.ctx) }

// Texts returns what was read, by name.
func (r *Reader) Texts() map[string][]byte { return r.texts }

// Over says that there was too much of something, which was said.
func (r *Reader) Over() bool { return r.over != nil }

func (r *Reader) enough(err error) error {
	r.over = err
	return err
}

// Enter begins a file that the one which was entered before includes, or that nobody
// does; Leave ends it. The error says why it must not be read: nothing was entered then.
func (r *Reader) Enter(name string) error {
	if err := r.Left(); err != nil {
		return r.enough(err)
	}
	info, err := fs.Stat(r.fs, syntax.FSName(name))
	if err != nil {
		info = nil // who reads it says so
	}
	for _, outer := range r.chain {
		if info != nil && outer.info != nil && os.SameFile(outer.info, info) {
			return fmt.Errorf("%s is the same file as %s, by a link, and would include itself without end", name, outer.name)
		}
	}
	if len(r.chain) == MaxDepth {
		return fmt.Errorf("files include files more than %d deep", MaxDepth)
	}
	if len(r.chain) > 0 {
		if r.included++; r.included > MaxIncluded {
			return r.enough(fmt.Errorf("more than %d files are included", MaxIncluded))
		}
	}
	r.chain = append(r.chain, link{name, info})
	return nil
}

// Leave ends the file that was entered last.
func (r *Reader) Leave() { r.chain = r.chain[:len(r.chain)-1] }

// Glob returns the names that a pattern matches. fs.ErrInvalid is a pattern that cannot
// be read.
func (r *Reader) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(listing{r}, syntax.FSName(pattern))
	switch {
	case r.over != nil:
		return nil, r.over
	case err != nil:
		return nil, fs.ErrInvalid
	}
	return names, nil
}

// listing is the file system for patterns, which have no end where folders lead to
// themselves by links.
type listing struct{ r *Reader }

// Open implements fs.FS.
func (l listing) Open(name string) (fs.File, error) { return l.r.fs.Open(name) }

// Stat implements fs.StatFS.
func (l listing) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.r.fs, name) }

// ReadDir implements fs.ReadDirFS.
func (l listing) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := l.r.Left(); err != nil {
		return nil, l.r.enough(err)
	}
	if l.r.over != nil {
		return nil, l.r.over
	}
	list, err := fs.ReadDir(l.r.fs, name)
	if l.r.listed += len(list) + 1; l.r.listed > MaxListed {
		return nil, l.r.enough(fmt.Errorf("the patterns of includes look at more than %d names", MaxListed))
	}
	return list, err
}

// Show is a file's name for people who work in the folder base: what lies in it is
// named from there. The root is nobody's folder to work in, though a service's.
func Show(base, name string) string {
	base = strings.TrimSuffix(base, "/")
	if base == "" {
		return name
	}
	return strings.TrimPrefix(name, base+"/")
}
