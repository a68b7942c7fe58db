package esi

import "bytes"

// A Finder looks through a page in pieces for anything that could be an opening
// of ESI. A page in which it finds nothing passes through a Parser unchanged.
// The zero value is ready.
type Finder struct {
	tail [6]byte // the last bytes of earlier pieces
	n    int
}

// Find looks through the next piece and reports whether there is an opening in
// it, or across its begin.
func (f *Finder) Find(piece []byte) bool {
	var seam [12]byte
	n := copy(seam[:], f.tail[:f.n])
	n += copy(seam[n:], piece[:min(len(piece), 6)])
	if opens(seam[:n]) || opens(piece) {
		return true
	}
	if len(piece) >= 6 {
		f.n = copy(f.tail[:], piece[len(piece)-6:])
	} else {
		keep := seam[max(0, n-6):n]
		f.n = copy(f.tail[:], keep)
	}
	return false
}

// opens reports whether a piece holds an opening.
func opens(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return false
		}
		b = b[i:]
		if len(b) > 1 && (b[1] == 'e' || b[1] == '/' || b[1] == '!') &&
			(bytes.HasPrefix(b, []byte(startTag)) || bytes.HasPrefix(b, []byte(endTag)) || bytes.HasPrefix(b, []byte(commentBegin))) {
			return true
		}
		b = b[1:]
	}
}
