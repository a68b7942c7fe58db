package linux

import (
	"errors"
	"fmt"
	"hash/fnv"

	"fishplate/riscv/tape"
)

// Questions to the outside that are no system calls, in a recording.
const (
	tickEntry  = 1 << 20       // a read of the CSR time
	startEntry = tickEntry + 1 // the random bytes of the auxiliary vector
)

// openTape begins the recording, or opens the one to be played. Its head is a
// hash of the arguments and the environment, with which the run must agree.
func (p *Process) openTape(c Config) (err error) {
	p.tape = new(tape.Tape)
	h := fnv.New64a()
	for _, list := range [][]string{c.Args, c.Env} {
		for _, s := range list {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(s), s) // a hash does not fail
		}
		_, _ = h.Write([]byte{'\n'})
	}
	switch head := h.Sum(nil); {
	case c.Record != nil && c.Replay != nil:
		return errors.New("both Record and Replay are set")
	case c.Record != nil:
		p.tape, err = tape.Record(c.Record, head)
	case c.Replay != nil:
		p.tape, err = tape.Play(c.Replay, head)
	}
	return err
}

// play takes an answer from the recording, with what it stored and what it was
// charged. When the recording has none, Run reports why.
func (p *Process) play(number uint64) (uint64, Errno) {
	m := p.Machine
	before := m.Instret
	e, charge, ok := p.tape.Next(number, func(addr uint64, b []byte) bool { return p.store(addr, b) == 0 })
	m.Instret = before + charge // what storing was charged is part of it
	if !ok {
		return 0, EIO
	}
	return e.Value, Errno(e.Errno)
}
