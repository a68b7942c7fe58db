package load

import "errors"

// place is where in a chunked body the next byte stands (RFC 9112, section 7.1).
type place uint8

const (
	size      place = iota // in the digits of a chunk's size
	extension              // behind them
	data
	dataEnd // in the end of line behind the data
	trailer // at the beginning of a line behind the last chunk
	field   // in such a line
	blank   // in the line that ends all
	over
)

// chunks follows a chunked body as its bytes come. The zero value waits for the
// first chunk.
type chunks struct {
	at     place
	left   int // of the data of a chunk, or its size as far as it was read
	digits int
}

var errChunk = errors.New("no chunk where one should be")

// take consumes bytes and reports whether the body is complete.
func (c *chunks) take(b []byte) (done bool, err error) {
	for len(b) > 0 {
		if c.at == data {
			n := min(c.left, len(b))
			b = b[n:]
			if c.left -= n; c.left == 0 {
				c.at = dataEnd
			}
			continue
		}
		if err := c.next(b[0]); err != nil {
			return false, err
		}
		b = b[1:]
	}
	return c.at == over, nil
}

// next takes a byte that is not data. A line ends with a line feed; the carriage
// return before it is not asked for.
func (c *chunks) next(b byte) error {
	switch c.at {
	case size:
		return c.digit(b)
	case extension:
		if b == '\n' {
			c.begin()
		}
	case dataEnd:
		switch b {
		case '\r':
		case '\n':
			*c = chunks{}
		default:
			return errChunk
		}
	case trailer:
		switch b {
		case '\r':
			c.at = blank
		case '\n':
			c.at = over
		default:
			c.at = field
		}
	case field:
		if b == '\n' {
			c.at = trailer
		}
	case blank:
		if b != '\n' {
			return errChunk
		}
		c.at = over
	default:
		return errAfter
	}
	return nil
}

// digit takes a byte of a line with a size. Of 16 digits some are beyond what a
// machine can hold.
func (c *chunks) digit(b byte) error {
	v := 0
	switch {
	case b >= '0' && b <= '9':
		v = int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		v = int(b|0x20-'a') + 10
	case c.digits == 0:
		return errChunk
	case b == '\n':
		c.begin()
		return nil
	case b == '\r' || b == ';' || b == ' ' || b == '\t':
		c.at = extension
		return nil
	default:
		return errChunk
	}
	if c.digits++; c.digits > 15 {
		return errChunk
	}
	c.left = c.left<<4 | v
	return nil
}

// begin goes behind the line of a size.
func (c *chunks) begin() {
	c.at = data
	if c.left == 0 {
		c.at = trailer
	}
}
