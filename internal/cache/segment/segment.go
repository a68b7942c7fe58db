package segment

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"
)

// A segment file begins with 64 bytes, little-endian: magic, version, number,
// chain, zeroes, and a checksum of those. Records follow without gaps.
const (
	segmentMagic   = "FPSEG\r\n\x1a"
	segmentVersion = 1

	Suffix    = ".seg" // of file names
	StartSize = 64     // bytes before the first record
)

// Name returns the file name of a segment: names come from numbers only,
// so nothing that a client sends can become part of a path.
func Name(id uint64) string { return fmt.Sprintf("%016x%s", id, Suffix) }

// ID is the reverse of Name; ok is false for foreign files.
func ID(name string) (id uint64, ok bool) {
	digits, found := strings.CutSuffix(name, Suffix)
	if !found || len(digits) != 16 {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 16, 64)
	return id, err == nil && Name(id) == name
}

// AppendStart appends the start of a segment file of that number and chain.
func AppendStart(dst []byte, id, chain uint64) []byte {
	start := len(dst)
	le := binary.LittleEndian
	dst = append(dst, segmentMagic...)
	dst = le.AppendUint64(dst, segmentVersion)
	dst = le.AppendUint64(dst, id)
	dst = le.AppendUint64(dst, chain)
	dst = append(dst, make([]byte, StartSize-8-(len(dst)-start))...)
	return le.AppendUint64(dst, xxh3.Hash(dst[start:]))
}

// ParseStart reads the start of the segment file with that number and returns its
// chain. Its errors are ErrCorrupt, or say what is not as it should be.
func ParseStart(b []byte, id uint64) (chain uint64, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < StartSize || string(b[:8]) != segmentMagic:
		return 0, fmt.Errorf("no segment of a cache")
	case le.Uint64(b[8:]) != segmentVersion:
		return 0, fmt.Errorf("version %d, not %d", le.Uint64(b[8:]), segmentVersion)
	case xxh3.Hash(b[:StartSize-8]) != le.Uint64(b[StartSize-8:]):
		return 0, ErrCorrupt
	case le.Uint64(b[16:]) != id:
		return 0, fmt.Errorf("holds number %x", le.Uint64(b[16:]))
	}
	return le.Uint64(b[24:]), nil
}

// A segment is a file of records. The table of segments and each Found hold a
// reference; the last one closes the files. A dropped segment's file is gone
// from the directory while readers go on.
type Segment struct {
	fs    vfs.FS
	ID    uint64
	chain uint64
	Path  string
	saved bool         // durable; the writer's
	Size  atomic.Int64 // bytes written
	Live  atomic.Int64 // variants that the index has in it
	refs  atomic.Int64

	mu       sync.Mutex
	file     vfs.File           // for reading, opened when first needed
	raw      *os.File           // the same for sendfile
	asked    map[int64]struct{} // offsets of records that were asked for
	verified map[int64]struct{} // offsets of records whose body was compared whole
}

// New returns the segment of a file in dir, with one reference. The file is opened
// when it is first read.
func New(fs vfs.FS, dir string, id, chain uint64) *Segment {
	s := &Segment{fs: fs, ID: id, chain: chain, Path: fs.PathJoin(dir, Name(id)),
		asked: map[int64]struct{}{}, verified: map[int64]struct{}{}}
	s.refs.Store(1)
	return s
}

// open returns the file for reading. The caller holds a reference.
func (s *Segment) open() (vfs.File, error) {
	s.mu.Lock()
	f := s.file
	s.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := s.fs.Open(s.Path)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		defer f.Close()
		return s.file, nil
	}
	s.file = f
	return f, nil
}

// ReadAt fills p from offset at.
func (s *Segment) ReadAt(p []byte, at int64) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	if n, err := f.ReadAt(p, at); n < len(p) {
		return err
	}
	return nil
}

// Sync makes a sealed segment durable. It is the writer's.
func (s *Segment) Sync() error {
	if s.saved {
		return nil
	}
	f, err := s.open()
	if err != nil {
		return err
	}
	if err := f.SyncData(); err != nil {
		return err
	}
	s.saved = true
	return nil
}

// OSFile returns the file of the operating system, or nil where files are not
// the operating system's, or gone already.
func (s *Segment) OSFile() *os.File {
	s.mu.Lock()
	f := s.raw
	s.mu.Unlock()
	if f != nil || vfs.Root(s.fs) != vfs.Default {
		return f
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw != nil {
		defer f.Close()
		return s.raw
	}
	s.raw = f
	return f
}

// Ask notes that a record was asked for, which spares it once when its segment
// is dropped.
func (s *Segment) Ask(off int64) {
	s.mu.Lock()
	s.asked[off] = struct{}{}
	s.mu.Unlock()
}

// WasAsked reports whether the record at off was asked for.
func (s *Segment) WasAsked(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.asked[off]
	return ok
}

// Verify notes that the whole body of the record at off was compared with its
// checksums.
func (s *Segment) Verify(off int64) {
	s.mu.Lock()
	s.verified[off] = struct{}{}
	s.mu.Unlock()
}

// IsVerified reports whether Verify was called for the record at off.
func (s *Segment) IsVerified(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.verified[off]
	return ok
}

func (s *Segment) pin() { s.refs.Add(1) }

// Unpin gives a reference back. The last one closes the files.
func (s *Segment) Unpin() {
	if s.refs.Add(-1) > 0 {
		return
	}
	s.mu.Lock()
	file, raw := s.file, s.raw
	s.file, s.raw = nil, nil
	s.mu.Unlock()
	if file != nil {
		file.Close()
	}
	if raw != nil {
		raw.Close()
	}
}

// A Shelf is the table of segments that can be read.
type Shelf struct {
	mu   sync.RWMutex
	ByID map[uint64]*Segment
}

// Take returns the segment with one more reference, or nil.
func (h *Shelf) Take(id uint64) *Segment {
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := h.ByID[id]
	if s != nil {
		s.pin()
	}
	return s
}

// Find returns the segment without a reference, or nil.
func (h *Shelf) Find(id uint64) *Segment {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.ByID[id]
}

// Count returns how many segments there are.
func (h *Shelf) Count() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.ByID)
}

// Put adds the segment; the caller's reference becomes the table's.
func (h *Shelf) Put(s *Segment) {
	h.mu.Lock()
	h.ByID[s.ID] = s
	h.mu.Unlock()
}

// Remove takes the segment out; the table's reference becomes the caller's.
func (h *Shelf) Remove(id uint64) {
	h.mu.Lock()
	delete(h.ByID, id)
	h.mu.Unlock()
}

// Clear empties the table and lets the files go.
func (h *Shelf) Clear() {
	h.mu.Lock()
	all := h.ByID
	h.ByID = map[uint64]*Segment{}
	h.mu.Unlock()
	for _, s := range all {
		s.Unpin()
	}
}
