package load

import (
	"bytes"
	"errors"
	"strconv"
)

// head is what a client needs to know of a response's head.
type head struct {
	size    int // of the head, with the empty line
	status  int
	length  int // of the body; -1 until the connection closes
	chunked bool
	close   bool // the server closes after it
}

var (
	errHead   = errors.New("no HTTP response")
	blankLine = []byte("\r\n\r\n")
)

// parseHead reads the head at the beginning of b; size is 0 when it is not
// complete.
func parseHead(b []byte) (h head, err error) {
	end := bytes.Index(b, blankLine)
	if end < 0 {
		if len(b) > 64<<10 || len(b) >= 7 && !bytes.HasPrefix(b, []byte("HTTP/1.")) {
			return head{}, errHead
		}
		return head{}, nil
	}
	h = head{size: end + len(blankLine), length: -1}
	line, rest, _ := bytes.Cut(b[:end], []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return head{}, errHead
	}
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return head{}, errHead
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if h.length, err = strconv.Atoi(string(value)); err != nil || h.length < 0 {
				return head{}, errHead
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			h.chunked = true
		case bytes.EqualFold(name, []byte("connection")):
			h.close = bytes.EqualFold(value, []byte("close"))
		}
	}
	if h.status == 204 || h.status == 304 || h.status/100 == 1 {
		h.length, h.chunked = 0, false
	}
	return h, nil
}

// response follows one HTTP response as its bytes come. Bodies are counted and
// thrown away. The zero value waits for a head.
type response struct {
	head   head
	known  bool   // the head is complete
	left   int    // of a body of known length
	prefix []byte // of a head that came in pieces
	chunks chunks
}

var errAfter = errors.New("bytes after the response")

// take consumes bytes and reports whether the response is complete.
func (r *response) take(b []byte) (done bool, err error) {
	for !r.known {
		whole := b
		if len(r.prefix) > 0 {
			r.prefix = append(r.prefix, b...)
			whole = r.prefix
		}
		if r.head, err = parseHead(whole); err != nil {
			return false, err
		}
		if r.head.size == 0 {
			if len(r.prefix) == 0 {
				r.prefix = append(r.prefix, b...)
			}
			return false, nil
		}
		b = whole[r.head.size:]
		r.prefix = r.prefix[:0]
		// An interim response is not the answer; 101 is the last that there will be.
		r.known = r.head.status/100 != 1 || r.head.status == 101
		r.left = r.head.length
		if !r.known && len(b) == 0 {
			return false, nil
		}
	}
	switch {
	case r.head.chunked:
		return r.chunks.take(b)
	case r.head.length < 0:
		return false, nil // until the connection closes
	}
	r.left -= len(b)
	if r.left < 0 {
		return false, errAfter
	}
	return r.left == 0, nil
}

// ended reports whether a response that lasts until the connection closes is
// complete now that it has.
func (r *response) ended() bool {
	return r.known && (r.head.chunked && r.chunks.at == over || !r.head.chunked && (r.head.length < 0 || r.left == 0))
}

func (r *response) reset() { *r = response{prefix: r.prefix[:0]} }
