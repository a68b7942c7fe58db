package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"fishplate/internal/cache/segment"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A directory holds
//
//	FISHPLATE-CACHE    "fishplate cache 1\n": whose it is, and the format
//	index/             pebble's
//	segments/ID.seg    the objects
//
// and nothing else is touched. The lock is on the directory itself.
const (
	markerName  = "FISHPLATE-CACHE"
	markerText  = "fishplate cache "
	markerDraft = markerName + ".new"
	format      = 1

	indexDir   = "index"
	wornIndex  = "index.off" // an index that must not be believed any more
	segmentDir = "segments"
)

// Errors of Open.
var (
	ErrLocked  = errors.New("another process uses it")
	ErrForeign = errors.New("it is not empty and not a cache's")
	ErrNewer   = errors.New("a newer version wrote it")
)

// A directory is a locked one.
type directory struct {
	fs   vfs.FS
	path string
	log  *slog.Logger
}

func (d *directory) join(parts ...string) string {
	return d.fs.PathJoin(append([]string{d.path}, parts...)...)
}

// prepare checks that the directory is ours, or makes it so. A format that is
// not ours any more is emptied: a cache can be filled again.
func (d *directory) prepare() error {
	info, err := d.fs.Stat(d.path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to it (mode %04o); chmod 0700 it", info.Mode().Perm())
	}
	version, err := d.version()
	switch {
	case err != nil:
		return err
	case version > format:
		return fmt.Errorf("%w: format %d, this one knows %d", ErrNewer, version, format)
	case version < format:
		if version > 0 {
			d.log.Warn("cache directory of an older format is emptied", "path", d.path, "format", version)
		}
		if err := d.empty(); err != nil {
			return err
		}
		if err := d.mark(); err != nil {
			return err
		}
	}
	if d.retired() {
		if err := d.empty(); err != nil {
			return err
		}
	}
	for _, sub := range []string{indexDir, segmentDir} {
		if err := d.fs.MkdirAll(d.join(sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// version reads the marker. 0 means that there is none and that the directory
// is empty.
func (d *directory) version() (int, error) {
	f, err := d.fs.Open(d.join(markerName))
	if errors.Is(err, fs.ErrNotExist) {
		names, err := d.fs.List(d.path)
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			if name != markerDraft && name != "lost+found" {
				return 0, fmt.Errorf("%w (%q is in it)", ErrForeign, name)
			}
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text := make([]byte, 64)
	n, err := f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	number, ok := strings.CutPrefix(strings.TrimSpace(string(text[:n])), markerText)
	version, err := strconv.Atoi(number)
	if !ok || err != nil || version < 1 {
		return 0, fmt.Errorf("%w (%s says %q)", ErrForeign, markerName, text[:n])
	}
	return version, nil
}

// mark writes the marker, whole or not at all.
func (d *directory) mark() error {
	f, err := d.fs.Create(d.join(markerDraft), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(markerText + strconv.Itoa(format) + "\n"))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.fs.Rename(d.join(markerDraft), d.join(markerName))
	}
	return errors.Join(err, d.sync(d.path))
}

func (d *directory) sync(path string) error {
	f, err := d.fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// empty removes index and segments, and no other file. The index goes first:
// segments without one are nothing.
func (d *directory) empty() error {
	for _, name := range []string{indexDir, wornIndex} {
		if err := d.fs.RemoveAll(d.join(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	ids, err := d.segments()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.fs.Remove(d.join(segmentDir, segment.Name(id))); err != nil {
			return err
		}
	}
	return nil
}

// segments lists the numbers of segment files, oldest first.
func (d *directory) segments() ([]uint64, error) {
	names, err := d.fs.List(d.join(segmentDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for _, name := range names {
		if id, ok := segment.ID(name); ok {
			ids = append(ids, id)
		} else {
			d.log.Warn("foreign file in the cache directory is left alone", "path", d.join(segmentDir), "file", name)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// retire makes sure that the next start does not believe the index, which
// missed what was purged since the disk failed. Renaming works on a full disk.
func (d *directory) retire() error {
	d.fs.RemoveAll(d.join(wornIndex))
	if err := d.fs.Rename(d.join(indexDir), d.join(wornIndex)); err != nil {
		return err
	}
	return errors.Join(d.sync(d.path), d.fs.RemoveAll(d.join(wornIndex)))
}

// retired reports that the last process could not trust its index any more:
// it has taken it away.
func (d *directory) retired() bool {
	if _, err := d.fs.Stat(d.join(wornIndex)); err == nil {
		return true
	}
	_, err := d.fs.Stat(d.join(indexDir))
	return errors.Is(err, fs.ErrNotExist)
}

// readHead checks a segment's first bytes and returns its chain and length.
func (d *directory) readHead(id uint64) (chain uint64, size int64, err error) {
	f, err := d.fs.Open(d.join(segmentDir, segment.Name(id)))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	if info.Size() < segment.StartSize {
		return 0, 0, fmt.Errorf("%d bytes long", info.Size())
	}
	head := make([]byte, segment.StartSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return 0, 0, err
	}
	chain, err = segment.ParseStart(head, id)
	return chain, info.Size(), err
}
