package segment

import (
	"fishplate/internal/cache/store"

	"github.com/zeebo/xxh3"
)

// A Walk goes through the records of a segment in order. It ends where no
// record is: at the end, or where a crash or the disk left something else.
type Walk struct {
	Place Place
	Texts Texts
	meta  store.Meta

	s      *Segment
	at     int64
	window []byte // what was read, from offset begin
	begin  int64
}

// walkWindow is how much is read at once: heads of small objects come together.
const walkWindow = 256 << 10

// NewWalk returns a walk before the first record. The caller holds a reference to
// the segment meanwhile.
func NewWalk(s *Segment) *Walk { return &Walk{s: s, at: StartSize} }

// bytes returns n bytes at offset at, or nil.
func (w *Walk) bytes(at, n int64) []byte {
	size := w.s.Size.Load()
	if at+n > size {
		return nil
	}
	if at < w.begin || at+n > w.begin+int64(len(w.window)) {
		length := min(max(n, walkWindow), size-at)
		// A new buffer each time, since texts of the last record refer to it.
		w.window, w.begin = make([]byte, length), at
		if w.s.ReadAt(w.window, at) != nil {
			w.window = nil
			return nil
		}
	}
	return w.window[at-w.begin : at-w.begin+n]
}

// Next moves to the next record and reports whether there is one.
func (w *Walk) Next() bool {
	start := w.bytes(w.at, RecordFixed+8)
	if start == nil {
		return false
	}
	n, ok := headLength(start)
	if !ok {
		return false
	}
	head := w.bytes(w.at, n)
	if head == nil {
		return false
	}
	p, m, x, err := ParseHead(head)
	if err != nil || p.Off != w.at || p.Seg != w.s.ID {
		return false
	}
	w.Place, w.meta, w.Texts = p, m, x
	w.at = p.End()
	return true
}

// Sound compares a whole body with its checksums.
func Sound(x *Texts, body []byte) bool {
	for i := int64(0); i < Blocks(int64(len(body))); i++ {
		block := body[i*BlockSize : min((i+1)*BlockSize, int64(len(body)))]
		if xxh3.Hash(block) != x.Sum(i) {
			return false
		}
	}
	return true
}
