package reel

import (
	"encoding/binary"
	"errors"
)

// Kind says what an Event is.
type Kind uint8

// The kinds. In a stream each is followed by as many numbers and texts as
// shapes says.
const (
	// Call is the beginning of one of the ways into the program. Numbers: which,
	// and four that it takes. Texts: two words, a body, a request, a response.
	Call Kind = iota + 1
	// Answer is what the program learned from outside. Numbers: the kind of the
	// question, and whether it is bytes, a trap or another error. Texts: the
	// bytes, a trap's cause, its text.
	Answer
	// Ran is one run of the machine. Numbers: which fork, the stage, the function,
	// a0-a2, the instruction counter before and after, pc, a digest of the
	// registers. Texts: why it was stopped.
	Ran
	// End is what came of a Call. Numbers: digest and length of the body. Texts:
	// what was decided, the cause of a fault, the request and the response as
	// they are now, the beginning of the body.
	End
	// Sent is a part of an answer that went out before the call's end. Numbers:
	// digest, length.
	Sent
	kinds
)

var shapes = [kinds]struct{ numbers, texts int }{
	Call: {5, 5}, Answer: {2, 3}, Ran: {10, 1}, End: {2, 5}, Sent: {2, 0},
}

// MaxNumbers and MaxTexts bound an event.
const (
	MaxNumbers = 10
	MaxTexts   = 5
)

// Event is one event, as Read gives it. The texts lie in the stream.
type Event struct {
	Kind    Kind
	Numbers [MaxNumbers]uint64
	Texts   [MaxTexts][]byte
}

// Writer makes a stream. Each event is begun by its kind; its numbers follow,
// then its texts, as many as it has. The zero value is ready.
type Writer struct {
	B     []byte
	Limit int  // bytes, beyond which nothing is written; 0 is no limit
	Full  bool // something was not written
	at    int  // of the text that is open
}

// Reset empties the writer.
func (w *Writer) Reset() { w.B, w.Full = w.B[:0], false }

// Begin begins an event.
func (w *Writer) Begin(k Kind, numbers ...uint64) {
	if w.Limit > 0 && len(w.B) > w.Limit {
		w.Full = true
	}
	w.B = append(w.B, byte(k))
	for _, n := range numbers {
		w.B = binary.AppendUvarint(w.B, n)
	}
}

// Text appends a text.
func (w *Writer) Text(b []byte) {
	w.Open()
	w.put(b)
	w.Close()
}

// String appends a text.
func (w *Writer) String(s string) {
	w.Open()
	w.B = append(w.B, s...)
	w.Close()
}

// Open begins a text that is put together in B.
func (w *Writer) Open() {
	w.B = append(w.B, 0, 0, 0, 0)
	w.at = len(w.B)
}

// Close ends it.
func (w *Writer) Close() {
	binary.LittleEndian.PutUint32(w.B[w.at-4:], uint32(len(w.B)-w.at))
}

func (w *Writer) put(b []byte) {
	if w.Limit > 0 && len(w.B)+len(b) > w.Limit {
		w.Full = true
		return
	}
	w.B = append(w.B, b...)
}

// part appends a text within a text.
func (w *Writer) part(b []byte) {
	w.B = binary.AppendUvarint(w.B, uint64(len(b)))
	w.put(b)
}

var errDamaged = errors.New("read recording: it is damaged")

// maxEvents bounds what a file can ask for: an event of three bytes takes two
// hundred once it is read.
const maxEvents = 4 << 20

// reader reads a stream, or what lies in one of its texts.
type reader struct {
	b   []byte
	bad bool
}

// Read returns every event of a stream.
func Read(stream []byte) ([]Event, error) {
	r := reader{b: stream}
	var list []Event
	for len(r.b) > 0 {
		k := Kind(r.b[0])
		if k == 0 || k >= kinds || len(list) == maxEvents {
			return nil, errDamaged
		}
		r.b = r.b[1:]
		e := Event{Kind: k}
		for i := range shapes[k].numbers {
			e.Numbers[i] = r.number()
		}
		for i := range shapes[k].texts {
			e.Texts[i] = r.text()
		}
		if r.bad {
			return nil, errDamaged
		}
		list = append(list, e)
	}
	return list, nil
}

// number reads a number; 0 when there is none.
func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) text() []byte {
	if len(r.b) < 4 {
		r.bad, r.b = true, nil
		return nil
	}
	n := binary.LittleEndian.Uint32(r.b)
	r.b = r.b[4:]
	return r.take(uint64(n))
}

// part reads a text within a text.
func (r *reader) part() []byte { return r.take(r.number()) }

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// Mix adds words to a digest that is the same everywhere. It finds accidents,
// not forgeries.
func Mix(h uint64, words ...uint64) uint64 {
	for _, w := range words {
		h = mix(h, w)
	}
	return h
}

func mix(h, w uint64) uint64 {
	h = (h ^ w) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// Digest is Mix of bytes.
func Digest(h uint64, b []byte) uint64 {
	h = mix(h, uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h, binary.LittleEndian.Uint64(b))
	}
	var rest [8]byte
	copy(rest[:], b)
	return mix(h, binary.LittleEndian.Uint64(rest[:]))
}
