package memory

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guardBand is host memory around every reservation that cannot be accessed: a
// stray access of an engine ends the process instead of meeting a neighbour.
const guardBand = 16 * PageSize

// reserve maps n bytes of zeroes that cost nothing until they are touched,
// between two guard bands. Huge pages are refused, since an arena is sparse: one
// byte written would cost 2 MiB.
func reserve(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n+2*guardBand, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	inner := b[guardBand : guardBand+n : guardBand+n]
	if err := unix.Mprotect(inner, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		_ = unix.Munmap(b) // it was mapped just now
		return nil, err
	}
	// A kernel without huge pages refuses, and needs no telling.
	_ = unix.Madvise(inner, unix.MADV_NOHUGEPAGE)
	return inner, nil
}

// release unmaps what reserve returned, guard bands included.
func release(b []byte) {
	start := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), -guardBand)
	// It can fail only if b was never mapped.
	_ = unix.Munmap(unsafe.Slice((*byte)(start), len(b)+2*guardBand))
}

// Backing is a file in memory that many images share, each at its own offset,
// so that images cost no descriptors. Without one every image has a file of its
// own, which is sealed: not even the host process can change it. A shared file
// cannot be sealed, since images come and go. A Backing may be used
// concurrently. Close it when no more images will be made; it ends with the
// last of them.
type Backing struct {
	fd    int
	crowd crowd

	mu    sync.Mutex
	next  int64 // offset of the next image; never used twice, the file is sparse
	users int
}

// NewBacking makes an empty one.
func NewBacking() (*Backing, error) {
	fd, err := unix.MemfdCreate("riscv-images", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create memfd: %w", err)
	}
	return &Backing{fd: fd, users: 1}, nil
}

// Close gives the backing up; call it once.
func (b *Backing) Close() { b.drop() }

func (b *Backing) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users--; b.users == 0 {
		_ = unix.Close(b.fd)
	}
}

// claim makes room for n bytes and returns their offset.
func (b *Backing) claim(n int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == 0 {
		return 0, &Error{Closed, 0}
	}
	if err := unix.Ftruncate(b.fd, b.next+int64(n)); err != nil {
		return 0, fmt.Errorf("size memfd: %w", err)
	}
	off := b.next
	b.next += int64(n)
	b.users++
	return off, nil
}

// snapshot is a part of a memfd and a private read-only mapping of it.
type snapshot struct {
	fd      int
	base    int64    // where in the file
	shared  *Backing // nil when the file is the snapshot's own
	stored  int64    // bytes that are no holes
	view    []byte
	extents []extent
}

// newSnapshot writes chunks, which have no duplicates, to b or a new file.
func newSnapshot(b *Backing, extents []extent, chunks []chunk) (*snapshot, error) {
	size := PageSize
	for _, e := range extents {
		size = max(size, e.off+e.n)
	}
	s := &snapshot{shared: b, extents: extents}
	if err := s.open(size); err != nil {
		return nil, err
	}
	if err := s.fill(size, chunks); err != nil {
		s.discard(size)
		return nil, err
	}
	return s, nil
}

// open finds the snapshot's file and place.
func (s *snapshot) open(size int) (err error) {
	if s.shared != nil {
		s.fd = s.shared.fd
		s.base, err = s.shared.claim(size)
		return err
	}
	if s.fd, err = unix.MemfdCreate("riscv-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING); err != nil {
		return fmt.Errorf("create memfd: %w", err)
	}
	if err = unix.Ftruncate(s.fd, int64(size)); err != nil {
		_ = unix.Close(s.fd)
		return fmt.Errorf("size memfd: %w", err)
	}
	return nil
}

func (s *snapshot) fill(size int, chunks []chunk) error {
	for _, c := range chunks {
		if isBlank(c.data) {
			continue // a hole reads as zero
		}
		n, err := unix.Pwrite(s.fd, c.data, s.base+int64(c.off))
		if err != nil || n != len(c.data) {
			return fmt.Errorf("write memfd: %d of %d bytes: %v", n, len(c.data), err)
		}
		s.stored += int64(n)
	}
	if s.shared == nil {
		seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
		if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_ADD_SEALS, seals); err != nil {
			return fmt.Errorf("seal memfd: %w", err)
		}
	}
	view, err := unix.Mmap(s.fd, s.base, size, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("map memfd: %w", err)
	}
	s.view = view
	return nil
}

// fork reserves n bytes and maps the snapshot's extents privately where they
// belong: writes stay with the fork.
func (s *snapshot) fork(n int) ([]byte, error) {
	whole, err := reserve(n)
	if err != nil {
		return nil, err
	}
	for _, e := range s.extents {
		at := unsafe.Pointer(&whole[e.at])
		_, err := unix.MmapPtr(s.fd, s.base+int64(e.off), at, uintptr(e.n), unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_NORESERVE|unix.MAP_FIXED)
		if err != nil {
			release(whole)
			return nil, err
		}
	}
	return whole, nil
}

// rewind drops all private pages of a fork, which then shows the snapshot
// again, and says whether it did.
func rewind(whole []byte) bool {
	return unix.Madvise(whole, unix.MADV_DONTNEED) == nil
}

// close frees the snapshot. No fork has it mapped any more.
func (s *snapshot) close() {
	size := len(s.view)
	_ = unix.Munmap(s.view)
	s.discard(size)
}

// discard gives the file, or the part of it, back.
func (s *snapshot) discard(size int) {
	if s.shared == nil {
		_ = unix.Close(s.fd)
		return
	}
	// Should the host refuse, the pages stay until the last image goes.
	_ = unix.Fallocate(s.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, s.base, int64(size))
	s.shared.drop()
}
