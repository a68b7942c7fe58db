package http1

import (
	"encoding/binary"

	"fishplate/internal/message"
)

// fields parses field lines into h until the empty line, and returns the
// offset behind it. Offsets count from r.r, where the head begins; h is rebased
// by the caller once the head is complete.
func (r *Reader) fields(h *message.Header, at int) (end int, cause Cause) {
	for {
		end, cause = r.line(at, r.limits.HeadBytes, headTooLarge)
		if cause != none {
			return 0, cause
		}
		line, cause := trim(r.buf[r.r+at : r.r+end])
		if cause != none {
			return 0, cause
		}
		if len(line) == 0 {
			return end, none
		}
		if h.Len() == r.limits.Fields {
			return 0, tooManyFields
		}
		f, cause := parseField(line)
		if cause != none {
			return 0, cause
		}
		h.ParsedField(message.LookupName(line[:f.name]), at, f.name, at+f.value, f.end-f.value)
		at = end
	}
}

// fieldLine tells where the parts of a field line are: line[:name] is the
// name, line[value:end] the value without surrounding white space.
type fieldLine struct{ name, value, end int }

func parseField(line []byte) (f fieldLine, cause Cause) {
	i := 0
	for i < len(line) && message.IsTokenByte(line[i]) {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ':' {
		return f, badLine(line, i)
	}
	f.name = i
	value, end := i+1, len(line)
	for value < end && isSpace(line[value]) {
		value++
	}
	for end > value && isSpace(line[end-1]) {
		end--
	}
	f.value, f.end = value, end
	return f, checkValue(line[value:end])
}

// badLine names what is wrong with a line whose token of length i is not
// followed by a colon.
func badLine(line []byte, i int) Cause {
	switch {
	case i == len(line):
		return missingColon
	case line[i] == '\r':
		return bareCR
	case i == 0 && isSpace(line[0]):
		return obsFold
	case i > 0 && isSpace(line[i]):
		for ; i < len(line); i++ {
			if line[i] == ':' {
				return spaceBeforeColon
			}
			if !isSpace(line[i]) {
				break
			}
		}
		return badFieldName
	}
	return badFieldName
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

const (
	lanes = 0x0101010101010101
	highs = 0x8080808080808080
)

// checkValue reports a control byte in a field value (RFC 9110 §5.5), eight
// bytes at a time. The first test has false alarms, the second none.
func checkValue(v []byte) Cause {
	i := 0
	for ; i+8 <= len(v); i += 8 {
		x := binary.LittleEndian.Uint64(v[i:])
		del := x ^ 0x7f*lanes
		if ((x-0x20*lanes)&^x|(del-lanes)&^del)&highs != 0 {
			if cause := checkBytes(v[i : i+8]); cause != none {
				return cause
			}
		}
	}
	return checkBytes(v[i:])
}

func checkBytes(v []byte) Cause {
	for _, c := range v {
		if c < 0x20 && c != '\t' || c == 0x7f {
			if c == '\r' {
				return bareCR
			}
			return controlByte
		}
	}
	return none
}
