package disk

import (
	"fishplate/internal/cache/store"

	"github.com/zeebo/xxh3"
)

// A walk goes through the records of a segment in order. It ends where no
// record is: at the end, or where a crash or the disk left something else.
type walk struct {
	place place
	texts texts
	meta  store.Meta

	s      *segment
	at     int64
	window []byte // what was read, from offset begin
	begin  int64
}

// walkWindow is how much is read at once: heads of small objects come together.
const walkWindow = 256 << 10

func newWalk(s *segment) *walk { return &walk{s: s, at: segmentHead} }

// bytes returns n bytes at offset at, or nil.
func (w *walk) bytes(at, n int64) []byte {
	size := w.s.size.Load()
	if at+n > size {
		return nil
	}
	if at < w.begin || at+n > w.begin+int64(len(w.window)) {
		length := min(max(n, walkWindow), size-at)
		// A new buffer each time, since texts of the last record refer to it.
		w.window, w.begin = make([]byte, length), at
		if w.s.readAt(w.window, at) != nil {
			w.window = nil
			return nil
		}
	}
	return w.window[at-w.begin : at-w.begin+n]
}

// next moves to the next record and reports whether there is one.
func (w *walk) next() bool {
	start := w.bytes(w.at, recordFixed+8)
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
	p, m, x, err := parseHead(head)
	if err != nil || p.off != w.at || p.seg != w.s.id {
		return false
	}
	w.place, w.meta, w.texts = p, m, x
	w.at = p.end()
	return true
}

// sound compares a whole body with its checksums.
func sound(x *texts, body []byte) bool {
	for i := int64(0); i < blocks(int64(len(body))); i++ {
		block := body[i*blockSize : min((i+1)*blockSize, int64(len(body)))]
		if xxh3.Hash(block) != x.sum(i) {
			return false
		}
	}
	return true
}
