package reel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	magic   = "fishplate calls 2\n"
	maxHead = 1 << 20
	parts   = 3 // start, events, program
)

// Head says what a recording is of, and under which terms it ran.
type Head struct {
	ID           string    `json:"id"` // the request's, as the access log has it
	Time         time.Time `json:"time"`
	Tenant       string    `json:"tenant"`
	Target       string    `json:"target"`          // method and target of the request
	Cause        string    `json:"cause,omitempty"` // of the fault that it ended in
	Hash         string    `json:"program"`         // SHA-256 of the program
	Retired      uint64    `json:"instructions"`    // by all its calls
	Arguments    []string  `json:"arguments,omitempty"`
	Memory       int64     `json:"memory"`
	Instructions uint64    `json:"budget"` // of a call
	Storage      int64     `json:"storage,omitempty"`
	Backends     []string  `json:"backends,omitempty"`
	OnFault      string    `json:"on_fault,omitempty"`
	JIT          string    `json:"jit,omitempty"`
	Tariff       uint64    `json:"tariff"` // version of the prices that Retired is counted by
}

// File is a recording with all that a repetition needs.
type File struct {
	Head    Head
	Start   []byte // stream of what main learned
	Events  []byte // stream of the request's calls
	Program []byte // the executable
}

// Append appends the file's bytes: a line that names the format, the head as
// JSON, and three parts, each behind its length; then the SHA-256 of all that.
func (f *File) Append(dst []byte) ([]byte, error) {
	head, err := json.Marshal(f.Head)
	if err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	at := len(dst)
	dst = append(dst, magic...)
	for _, part := range [...][]byte{head, f.Start, f.Events, f.Program} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	sum := sha256.Sum256(dst[at:])
	return append(dst, sum[:]...), nil
}

// Parse reads the bytes of a file. The parts lie in b. A file that is not what
// was written is refused: much of it is never compared, and a repetition could
// call it equal.
func Parse(b []byte) (*File, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return nil, errors.New("read recording: this is none, or of another version")
	}
	var part [1 + parts][]byte
	for i := range part {
		if len(rest) < 8 {
			return nil, errDamaged
		}
		n := binary.LittleEndian.Uint64(rest)
		if rest = rest[8:]; n > uint64(len(rest)) || i == 0 && n > maxHead {
			return nil, errDamaged
		}
		part[i], rest = rest[:n:n], rest[n:]
	}
	f := &File{Start: part[1], Events: part[2], Program: part[3]}
	if sum := sha256.Sum256(b[:len(b)-len(rest)]); !bytes.Equal(rest, sum[:]) {
		return nil, errDamaged
	}
	if err := json.Unmarshal(part[0], &f.Head); err != nil {
		return nil, errDamaged
	}
	return f, nil
}
