package encode

import "io"

// compressor is what the three codings' libraries have in common.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// A Writer compresses what is written into it. It writes to its destination in
// Write, Flush and Close, never later. The same bytes in the same coding and
// level give the same coded bytes however they are cut, unless Flush is called.
type Writer struct {
	codecs *Codecs
	coding Coding
	comp   compressor
	out    counter
	in     int64
}

// counter counts what reaches the destination.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Writer returns a compressor that writes to dst. The caller ends with Close or
// Abort, and does not use it afterwards. Identity has none: ErrCoding.
func (c *Codecs) Writer(coding Coding, dst io.Writer) (*Writer, error) {
	if coding == Identity || coding >= Other {
		return nil, ErrCoding
	}
	w, _ := c.writers[coding].Get().(*Writer)
	if w == nil {
		w = &Writer{codecs: c, coding: coding}
		comp, err := c.newCompressor(coding, &w.out)
		if err != nil {
			return nil, err
		}
		w.comp = comp
	} else {
		w.comp.Reset(&w.out)
	}
	w.out, w.in = counter{w: dst}, 0
	return w, nil
}

// Write compresses p.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.comp.Write(p)
	w.in += int64(n)
	return n, err
}

// Flush writes out everything so far, so that a client can decode it. It costs
// some of the compression.
func (w *Writer) Flush() error { return w.comp.Flush() }

// Sizes returns how many bytes went in and came out so far.
func (w *Writer) Sizes() (in, out int64) { return w.in, w.out.n }

// Close writes the end of the coded body and gives the compressor back.
func (w *Writer) Close() error {
	err := w.comp.Close()
	w.putBack()
	return err
}

// Abort gives the compressor back without an end: the coded body is of no use.
func (w *Writer) Abort() { w.putBack() }

// putBack lets go of the destination first, as the pool may keep w for long.
func (w *Writer) putBack() {
	w.out.w = io.Discard
	w.codecs.writers[w.coding].Put(w)
}
