package debug

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// The framing of gdb's remote protocol: "$" data "#" checksum, where "}" makes
// the next byte of the data one with a bit flipped, "+" and "-" as receipts,
// and a byte 3 between packets that asks a running program to stop.

// maxPacket is the longest packet in either direction, as sent, without its
// frame.
const maxPacket = 0x4000

// received is what came from the debugger.
type received struct {
	packet    []byte // without frame and escapes
	damaged   bool   // its checksum is wrong
	interrupt bool   // byte 3
	resend    bool   // "-"
}

var errLongPacket = errors.New("packet is too long")

// readPacket reads up to the next thing that matters.
func readPacket(r *bufio.Reader) (received, error) {
	for {
		switch c, err := r.ReadByte(); {
		case err != nil:
			return received{}, err
		case c == 3:
			return received{interrupt: true}, nil
		case c == '-':
			return received{resend: true}, nil
		case c == '$':
			return readBody(r)
		}
	}
}

// readBody reads what follows the "$". Another one begins the packet anew.
func readBody(r *bufio.Reader) (received, error) {
	var body []byte
	sum := byte(0)
	escaped := false
	for n := 0; ; n++ {
		c, err := r.ReadByte()
		if err != nil {
			return received{}, unexpected(err)
		}
		if n > maxPacket {
			return received{}, errLongPacket
		}
		if c == '#' {
			break
		}
		sum += c
		switch {
		case c == '$':
			body, sum, escaped, n = nil, 0, false, 0
		case escaped:
			body, escaped = append(body, c^0x20), false
		case c == '}':
			escaped = true
		default:
			body = append(body, c)
		}
	}
	var digits [2]byte
	if _, err := io.ReadFull(r, digits[:]); err != nil {
		return received{}, unexpected(err)
	}
	high, ok1 := nibble(digits[0])
	low, ok2 := nibble(digits[1])
	return received{packet: body, damaged: !ok1 || !ok2 || escaped || high<<4|low != sum}, nil
}

// unexpected is the error of an end inside a packet.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendPacket appends data as a packet.
func appendPacket(b, data []byte) []byte {
	b = append(b, '$')
	sum := byte(0)
	put := func(c byte) {
		b = append(b, c)
		sum += c
	}
	for _, c := range data {
		if c == '$' || c == '#' || c == '}' || c == '*' {
			put('}')
			c ^= 0x20
		}
		put(c)
	}
	return fmt.Appendf(b, "#%02x", sum)
}

// nibble is the value of a hexadecimal digit.
func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
