package predicate

import "fishplate/internal/message"

// queryValue finds the first parameter whose decoded name is name, and returns
// its value still encoded. Names are decoded while they are compared, so that
// "%61=1" cannot hide a parameter that the server will read as "a".
func queryValue(q []byte, name string) (value []byte, ok bool) {
	for len(q) > 0 {
		end := 0
		for end < len(q) && q[end] != '&' {
			end++
		}
		pair := q[:end]
		q = q[min(end+1, len(q)):]
		eq := 0
		for eq < len(pair) && pair[eq] != '=' {
			eq++
		}
		if decodesTo(pair[:eq], name) {
			return pair[min(eq+1, len(pair)):], true
		}
	}
	return nil, false
}

func decodesTo(raw []byte, name string) bool {
	n := 0
	for i := 0; i < len(raw); n++ {
		c, width := decode(raw[i:])
		if n >= len(name) || name[n] != c {
			return false
		}
		i += width
	}
	return n == len(name)
}

// decode returns the first byte that s stands for, as forms are encoded: "+"
// is a space, "%41" is A, and a broken escape stands for itself.
func decode(s []byte) (c byte, width int) {
	switch {
	case s[0] == '+':
		return ' ', 1
	case s[0] == '%' && len(s) > 2 && isHex(s[1]) && isHex(s[2]):
		return unhex(s[1])<<4 | unhex(s[2]), 3
	}
	return s[0], 1
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// decoded returns the text that raw stands for, in Scratch when it differs.
func (e *Env) decoded(raw []byte) string {
	plain := true
	for _, c := range raw {
		plain = plain && c != '%' && c != '+'
	}
	if plain {
		return message.View(raw)
	}
	start := len(e.Scratch)
	for i := 0; i < len(raw); {
		c, width := decode(raw[i:])
		e.Scratch = append(e.Scratch, c)
		i += width
	}
	return e.since(start)
}
