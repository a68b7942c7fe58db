//go:build !linux

package memory

// snapshot is a plain copy. Without memfd and private mappings each fork holds
// all pages of its image; it works the same but costs more.
type snapshot struct {
	bytes []byte
	parts []chunk
}

func reserve(n int) ([]byte, error) { return make([]byte, n), nil }

func release([]byte) {}

func newSnapshot(size int, chunks []chunk) (*snapshot, error) {
	s := &snapshot{bytes: make([]byte, size)}
	for _, c := range chunks {
		copy(s.bytes[c.off:], c.data)
		s.parts = append(s.parts, chunk{c.off, s.bytes[c.off : c.off+len(c.data)]})
	}
	return s, nil
}

func (s *snapshot) fork() ([]byte, error) {
	b := make([]byte, len(s.bytes))
	for _, c := range s.parts {
		copy(b[c.off:], c.data)
	}
	return b, nil
}

// rewind is not available here: Reset copies page by page.
func rewind([]byte) bool { return false }

func (s *snapshot) close() { s.bytes, s.parts = nil, nil }
