//go:build !linux

package memory

// snapshot is a plain copy. Without memfd and private mappings each fork holds
// all pages of its image; it works the same but costs more.
type snapshot struct {
	view    []byte
	extents []extent
	stored  int64 // bytes
}

// Backing is where images share a file, on Linux. Here it is nothing.
type Backing struct{ crowd crowd }

// NewBacking makes an empty one.
func NewBacking() (*Backing, error) { return &Backing{}, nil }

// Close gives the backing up; call it once.
func (b *Backing) Close() {}

func reserve(n int) ([]byte, error) { return make([]byte, n), nil }

func release([]byte) {}

func newSnapshot(_ *Backing, extents []extent, chunks []chunk) (*snapshot, error) {
	size := PageSize
	for _, e := range extents {
		size = max(size, e.off+e.n)
	}
	s := &snapshot{view: make([]byte, size), extents: extents, stored: int64(size)}
	for _, c := range chunks {
		copy(s.view[c.off:], c.data)
	}
	return s, nil
}

func (s *snapshot) fork(n int) ([]byte, error) {
	b := make([]byte, n)
	for _, e := range s.extents {
		copy(b[e.at:], s.view[e.off:e.off+e.n])
	}
	return b, nil
}

// rewind is not available here: Reset copies page by page.
func rewind([]byte) bool { return false }

func (s *snapshot) close() { s.view, s.extents = nil, nil }
