package linux

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// tape is a recording that is written or read: for each call that asks the
// outside, its number, its result, and what it stored to the guest. All numbers
// are unsigned varints.
type tape struct {
	out    io.Writer
	in     *bufio.Reader
	open   bool // a call is being recorded
	stores []byte
	count  uint64
	before uint64 // the instruction counter when the call began
	err    error
}

const (
	tapeMagic = "fishplate run 1\n"
	tickEntry = 1 << 20 // stands for a read of the CSR time
	startCall = tickEntry + 1

	maxStores = 4 * maxVectors
)

var errTapeEnds = errors.New("play recording: it ends here, and the program goes on")

// start opens the recording and writes or checks its head, which says what must
// be the same when it is played.
func (t *tape) start(c Config) error {
	if c.Record == nil && c.Replay == nil {
		return nil
	}
	h := fnv.New64a()
	for _, list := range [][]string{c.Args, c.Env} {
		for _, s := range list {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(s), s) // a hash does not fail
		}
		_, _ = h.Write([]byte{'\n'})
	}
	head := h.Sum([]byte(tapeMagic))
	if c.Record != nil {
		t.out = c.Record
		_, err := t.out.Write(head)
		return err
	}
	t.in = bufio.NewReader(c.Replay)
	got := make([]byte, len(head))
	if _, err := io.ReadFull(t.in, got); err != nil || !bytes.Equal(got[:len(tapeMagic)], []byte(tapeMagic)) {
		return errors.New("read recording: this is none")
	}
	if !bytes.Equal(got, head) {
		return errors.New("read recording: it is of other arguments or another environment")
	}
	return nil
}

// begin starts to collect what a call stores; instret is the counter.
func (t *tape) begin(instret uint64) {
	t.open, t.stores, t.count, t.before = t.out != nil, t.stores[:0], 0, instret
}

// stored notes bytes that a call stored.
func (t *tape) stored(addr uint64, b []byte) {
	if !t.open {
		return
	}
	t.count++
	t.stores = binary.AppendUvarint(t.stores, addr)
	t.stores = binary.AppendUvarint(t.stores, uint64(len(b)))
	t.stores = append(t.stores, b...)
}

// end writes the entry of a call: what it was, what it answered, what the work
// was charged, how many stores follow.
func (t *tape) end(number, value uint64, e Errno, instret uint64) {
	if !t.open || t.err != nil {
		return
	}
	t.open = false
	var b []byte
	for _, v := range []uint64{number, value, uint64(e), instret - t.before, t.count} {
		b = binary.AppendUvarint(b, v)
	}
	if _, err := t.out.Write(append(b, t.stores...)); err != nil {
		t.err = fmt.Errorf("write recording: %w", err)
	}
}

// play does what the call of that number did when it was recorded.
func (t *tape) play(p *Process, number uint64) (uint64, Errno) {
	if t.err != nil {
		return 0, EIO
	}
	recorded := t.uvarint()
	value, e, charge, stores := t.uvarint(), Errno(t.uvarint()), t.uvarint(), t.uvarint()
	after := p.Machine.Instret + charge
	switch {
	case t.err != nil:
		return 0, EIO
	case recorded != number:
		t.err = fmt.Errorf("play recording: the program does call %d, the recording has %d", number, recorded)
		return 0, EIO
	case stores > maxStores:
		t.err = errors.New("play recording: it is damaged")
		return 0, EIO
	}
	for range stores {
		addr, n := t.uvarint(), t.uvarint()
		if t.err == nil && n > maxTransfer {
			t.err = errors.New("play recording: it is damaged")
		}
		if t.err != nil {
			return 0, EIO
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(t.in, b); err != nil {
			t.err = errTapeEnds
			return 0, EIO
		}
		if p.store(addr, b) != 0 {
			t.err = fmt.Errorf("play recording: it writes to address %#x, which this run cannot", addr)
			return 0, EIO
		}
	}
	p.Machine.Instret = after // storing was charged too
	return value, e
}

func (t *tape) uvarint() uint64 {
	if t.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(t.in)
	if err != nil {
		t.err = errTapeEnds
	}
	return v
}
