package encode

import (
	"errors"
	"fmt"
	"io"
)

// decompressor is what the three codings' libraries have in common.
type decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

// A Reader decompresses a coded body. It yields at most its limit, however small
// the body is that claims to be more.
type Reader struct {
	codecs  *Codecs
	coding  Coding
	dec     decompressor
	src     source
	left    int64
	started bool
	err     error
}

// source remembers the error of what is read, to tell it from the decoder's.
type source struct {
	r   io.Reader
	n   int64
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Reader returns a decompressor of src that yields at most limit bytes. The
// caller ends with Close.
func (c *Codecs) Reader(coding Coding, src io.Reader, limit int64) (*Reader, error) {
	if coding == Identity || coding >= Other {
		return nil, ErrCoding
	}
	r, _ := c.readers[coding].Get().(*Reader)
	if r == nil {
		dec, err := newDecompressor(coding)
		if err != nil {
			return nil, err
		}
		r = &Reader{codecs: c, coding: coding, dec: dec}
	}
	r.src, r.left, r.started, r.err = source{r: src}, limit, false, nil
	return r, nil
}

// Read implements io.Reader. Its errors are io.EOF, ErrTooLarge, the source's
// own, and what wraps ErrCorrupt.
func (r *Reader) Read(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !r.started {
		r.started = true
		if err := r.dec.Reset(&r.src); err != nil {
			return 0, r.fail(err)
		}
	}
	n, err = r.dec.Read(p)
	if int64(n) > r.left {
		n, r.err = int(r.left), ErrTooLarge
		return n, r.err
	}
	r.left -= int64(n)
	if err != nil {
		return n, r.fail(err)
	}
	return n, nil
}

// fail translates an error of the decompressor. An empty body is let pass as
// such: origins send it with a coding that it does not have.
func (r *Reader) fail(err error) error {
	switch {
	case err == io.EOF:
		r.err = io.EOF
	case r.src.err != nil:
		r.err = r.src.err
	case r.src.n == 0 && errors.Is(err, io.ErrUnexpectedEOF):
		r.err = io.EOF
	default:
		r.err = fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return r.err
}

// Close gives the decompressor back. It does not close the source.
func (r *Reader) Close() {
	r.src = source{}
	if r.err != io.EOF {
		// What failed in the middle, or was not read to its end, may hold
		// parts of the body: it is not used again.
		if d, ok := r.dec.(interface{ Close() }); ok {
			d.Close()
		}
		return
	}
	r.codecs.readers[r.coding].Put(r)
}
