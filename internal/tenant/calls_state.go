package tenant

import (
	"encoding/binary"
)

// bench is what the calls of a fork keep between one another.
type bench struct {
	code  int64  // the last negative result
	text  string // more about it, when the call that gave it said so
	out   []byte // where answers are put together
	notes *Notes // of the request at hand; nil where nobody logs it
}

const keptOut = 64 << 10 // bytes of an answer's room that a pooled fork keeps

// reset forgets the request.
func (b *bench) reset() {
	if cap(b.out) > keptOut {
		b.out = nil
	}
	clear(b.out[:cap(b.out)])
	*b = bench{out: b.out[:0]}
}

// wrong sets a0 to a negative result and keeps a text for ERROR_TEXT.
func (v *vm) wrong(code int64, text string) {
	v.bench.code, v.bench.text = code, text
	v.code(code)
}

// errorTexts say what a negative result means when no call said more.
var errorTexts = [...]string{"", "there is no such thing", "an argument, or a text, is not well-formed", "a limit of the tenant is reached",
	"the time that was given is over", "it was tried and failed", "the tenant may not", "somebody else was first", "not in this callback"}

func sysErrorText(v *vm, _ *pacer) error {
	text := v.bench.text
	if n := -v.bench.code; text == "" && n > 0 && n < int64(len(errorTexts)) {
		text = errorTexts[n]
	}
	v.bench.out = append(v.bench.out[:0], text...)
	return v.give(v.bench.out, v.arg(0), v.arg(1))
}

// given returns the bytes that registers i and i+1 point at.
func (v *vm) given(i int) ([]byte, error) { return v.buffer(v.arg(i), v.arg(i+1)) }

// record reads the 64-bit words that a0 points at.
func (v *vm) record(words []uint64) error {
	b, err := v.buffer(v.arg(0), uint64(8*len(words)))
	if err != nil {
		return err
	}
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return nil
}

// buffers reads a record of pairs (pointer, length) and the bytes that they
// point at.
func (v *vm) buffers(words []uint64, texts ...*[]byte) (err error) {
	if err := v.record(words); err != nil {
		return err
	}
	for i, t := range texts {
		if *t, err = v.buffer(words[2*i], words[2*i+1]); err != nil {
			return err
		}
	}
	return nil
}
