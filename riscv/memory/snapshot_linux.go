package memory

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// snapshot is a sealed memfd and a private read-only mapping of it.
type snapshot struct {
	fd    int
	bytes []byte
}

// reserve maps n bytes of zeroes that cost nothing until they are touched.
func reserve(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
}

func release(b []byte) {
	// It can fail only if b was never mapped.
	_ = unix.Munmap(b)
}

func newSnapshot(size int, chunks []chunk) (*snapshot, error) {
	fd, err := unix.MemfdCreate("riscv-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("create memfd: %w", err)
	}
	s := &snapshot{fd: fd}
	if err := s.fill(size, chunks); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func (s *snapshot) fill(size int, chunks []chunk) error {
	if err := unix.Ftruncate(s.fd, int64(size)); err != nil {
		return fmt.Errorf("size memfd: %w", err)
	}
	for _, c := range chunks {
		if allZero(c.data) {
			continue // a hole reads as zero
		}
		n, err := unix.Pwrite(s.fd, c.data, int64(c.off))
		if err != nil || n != len(c.data) {
			return fmt.Errorf("write memfd: %d of %d bytes: %v", n, len(c.data), err)
		}
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal memfd: %w", err)
	}
	b, err := unix.Mmap(s.fd, 0, size, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("map memfd: %w", err)
	}
	s.bytes = b
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// fork maps the snapshot privately: writes stay with the fork.
func (s *snapshot) fork() ([]byte, error) {
	return unix.Mmap(s.fd, 0, len(s.bytes), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_NORESERVE)
}

// rewind drops all private pages of a fork, which then shows the snapshot
// again, and says whether it did.
func rewind(whole []byte) bool {
	return unix.Madvise(whole, unix.MADV_DONTNEED) == nil
}

func (s *snapshot) close() {
	release(s.bytes)
	_ = unix.Close(s.fd)
}
