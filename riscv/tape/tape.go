package tape

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	magic = "fishplate run 1\n"

	// Bounds of an entry, against damaged recordings.
	maxStores = 4096
	maxStore  = 1 << 20 // bytes
)

var (
	errEnds    = errors.New("play recording: it ends here, and the program goes on")
	errDamaged = errors.New("play recording: it is damaged")
)

// Tape is a recording that is written or read. The zero value is neither: Begin,
// Stored and End then do nothing.
type Tape struct {
	out    io.Writer
	in     *bufio.Reader
	open   bool   // between Begin and End
	stores []byte // of the entry that is open
	count  uint64
	before uint64 // the instruction counter at Begin
	err    error
}

// Entry is one answer from outside.
type Entry struct {
	Number uint64 // which question; the caller's own numbering
	Value  uint64 // the answer
	Errno  uint64 // or why there is none
}

// Record begins a recording. head is what must be the same when it is played.
func Record(w io.Writer, head []byte) (*Tape, error) {
	if _, err := w.Write(append([]byte(magic), head...)); err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	return &Tape{out: w}, nil
}

// Play opens a recording that was made with the same head.
func Play(r io.Reader, head []byte) (*Tape, error) {
	t := &Tape{in: bufio.NewReader(r)}
	got := make([]byte, len(magic)+len(head))
	if _, err := io.ReadFull(t.in, got); err != nil || !bytes.HasPrefix(got, []byte(magic)) {
		return nil, errors.New("read recording: this is none")
	}
	if !bytes.Equal(got[len(magic):], head) {
		return nil, errors.New("read recording: it is of other arguments or another environment")
	}
	return t, nil
}

// Playing says whether answers come from Next.
func (t *Tape) Playing() bool { return t.in != nil }

// Err returns the first error of writing or reading; after it nothing is
// recorded, and Next gives nothing.
func (t *Tape) Err() error { return t.err }

// Begin starts an entry; instret is the instruction counter.
func (t *Tape) Begin(instret uint64) {
	t.open, t.stores, t.count, t.before = t.out != nil, t.stores[:0], 0, instret
}

// Stored notes bytes that were stored to the guest. Outside of an entry it does
// nothing.
func (t *Tape) Stored(addr uint64, b []byte) {
	if !t.open {
		return
	}
	t.count++
	t.stores = binary.AppendUvarint(t.stores, addr)
	t.stores = binary.AppendUvarint(t.stores, uint64(len(b)))
	t.stores = append(t.stores, b...)
}

// End writes the entry.
func (t *Tape) End(e Entry, instret uint64) {
	if !t.open || t.err != nil {
		return
	}
	t.open = false
	var b []byte
	for _, v := range []uint64{e.Number, e.Value, e.Errno, instret - t.before, t.count} {
		b = binary.AppendUvarint(b, v)
	}
	if _, err := t.out.Write(append(b, t.stores...)); err != nil {
		t.err = fmt.Errorf("write recording: %w", err)
	}
}

// Next reads the next entry, which must have that number, and repeats what it
// stored. charge is the instructions that it cost. false is an error; see Err.
func (t *Tape) Next(number uint64, store func(addr uint64, b []byte) bool) (e Entry, charge uint64, ok bool) {
	e = Entry{Number: t.uvarint(), Value: t.uvarint(), Errno: t.uvarint()}
	charge = t.uvarint()
	stores := t.uvarint()
	switch {
	case t.err != nil:
		return e, 0, false
	case e.Number != number:
		t.err = fmt.Errorf("play recording: the program does call %d, the recording has %d", number, e.Number)
		return e, 0, false
	case stores > maxStores:
		t.err = errDamaged
		return e, 0, false
	}
	for range stores {
		if !t.repeat(store) {
			return e, 0, false
		}
	}
	return e, charge, true
}

// repeat reads one store and does it.
func (t *Tape) repeat(store func(addr uint64, b []byte) bool) bool {
	addr, n := t.uvarint(), t.uvarint()
	if t.err == nil && n > maxStore {
		t.err = errDamaged
	}
	if t.err != nil {
		return false
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(t.in, b); err != nil {
		t.err = errEnds
		return false
	}
	if !store(addr, b) {
		t.err = fmt.Errorf("play recording: it writes to address %#x, which this run cannot", addr)
		return false
	}
	return true
}

func (t *Tape) uvarint() uint64 {
	if t.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(t.in)
	if err != nil {
		t.err = errEnds
	}
	return v
}
