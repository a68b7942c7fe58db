package records

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// magic begins every stream; its last byte is the version of the framing.
const magic = "fishplate records\x01"

// last stands in place of a length where the stream ends.
const last = 1<<32 - 1

// longestKind bounds the name of a kind, in bytes.
const longestKind = 64

// ErrFormat is what every stream is that was not written by Writer for this
// reader, or was damaged on the way.
var ErrFormat = errors.New("not well-formed")

// checksum is Castagnoli's, which processors compute.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// A Writer writes one stream. The first error stays.
type Writer struct {
	w   *bufio.Writer
	n   uint64
	err error
}

// NewWriter begins a stream. The version is that of the kind's records.
func NewWriter(w io.Writer, kind string, version uint16) *Writer {
	out := &Writer{w: bufio.NewWriterSize(w, 64<<10)}
	head := append([]byte(magic), byte(len(kind)))
	head = append(head, kind...)
	head = binary.BigEndian.AppendUint16(head, version)
	if len(kind) > longestKind {
		out.err = fmt.Errorf("write records: kind %q is too long", kind)
	}
	out.write(head)
	return out
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

// Put writes a record, which is the caller's again at once.
func (w *Writer) Put(record []byte) error {
	if uint64(len(record)) >= last {
		w.err = errors.New("write record: too long")
	}
	var head [8]byte
	binary.BigEndian.PutUint32(head[:4], uint32(len(record)))
	binary.BigEndian.PutUint32(head[4:], checksum(record))
	w.write(head[:])
	w.write(record)
	w.n++
	return w.err
}

// Flush hands on what was put so far.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// Close writes the end. Without it the reader takes the stream for broken.
func (w *Writer) Close() error {
	w.write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, last), w.n))
	return w.Flush()
}

// A Reader reads one stream.
type Reader struct {
	r       *bufio.Reader
	longest int
	n       uint64
	buf     bytes.Buffer
	err     error
}

// NewReader begins to read a stream, whose kind and version must be those given.
// No record may be longer than longest bytes.
func NewReader(r io.Reader, kind string, version uint16, longest int) (*Reader, error) {
	in := &Reader{r: bufio.NewReaderSize(r, 64<<10), longest: longest}
	want := append([]byte(magic), byte(len(kind)))
	want = append(want, kind...)
	head := make([]byte, len(want)+2)
	if _, err := io.ReadFull(in.r, head); err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, unended(err))
	}
	if !bytes.HasPrefix(head, want) {
		return nil, fmt.Errorf("read %s: %w: another kind of stream", kind, ErrFormat)
	}
	if got := binary.BigEndian.Uint16(head[len(want):]); got != version {
		return nil, fmt.Errorf("read %s: its format is version %d, this binary reads %d", kind, got, version)
	}
	return in, nil
}

// unended makes an end where there must not be one an error.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Next returns the next record, which is valid until the next call, and io.EOF
// behind the last one if the stream is whole.
func (r *Reader) Next() ([]byte, error) {
	if r.err == nil {
		r.err = r.next()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.buf.Bytes(), nil
}

func (r *Reader) next() error {
	var head [8]byte
	if _, err := io.ReadFull(r.r, head[:4]); err != nil {
		return unended(err)
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size == last {
		var count [8]byte
		if _, err := io.ReadFull(r.r, count[:]); err != nil {
			return unended(err)
		}
		if binary.BigEndian.Uint64(count[:]) != r.n {
			return fmt.Errorf("%w: records are missing", ErrFormat)
		}
		return io.EOF
	}
	if int64(size) > int64(r.longest) {
		return fmt.Errorf("%w: a record of %d bytes", ErrFormat, size)
	}
	if _, err := io.ReadFull(r.r, head[4:]); err != nil {
		return unended(err)
	}
	r.buf.Reset()
	if _, err := io.CopyN(&r.buf, r.r, int64(size)); err != nil {
		return unended(err)
	}
	if checksum(r.buf.Bytes()) != binary.BigEndian.Uint32(head[4:]) {
		return fmt.Errorf("%w: record %d has another checksum", ErrFormat, r.n)
	}
	r.n++
	return nil
}
