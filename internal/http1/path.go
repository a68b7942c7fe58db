package http1

import "bytes"

// Policies for adjacent slashes in a path.
const (
	slashMerge  = "merge"
	slashKeep   = "keep"
	slashRefuse = "refuse"
)

// class sorts the bytes of a path.
type class uint8

const (
	refused    class = iota // controls, space, DEL, non-ASCII, # ? and backslash
	unreserved              // RFC 3986 §2.3
	pathChar                // the other bytes that pchar allows as they are
	encode                  // visible ASCII outside pchar: written as %XX
	slash
	percent
	dot
)

var pathClass = func() (t [256]class) {
	for c := 0x21; c < 0x7f; c++ {
		t[c] = encode
	}
	for _, c := range "!$&'()*+,;=:@" {
		t[c] = pathChar
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = unreserved
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = unreserved, unreserved
	}
	t['-'], t['_'], t['~'] = unreserved, unreserved, unreserved
	t['.'], t['/'], t['%'] = dot, slash, percent
	t['#'], t['?'], t['\\'] = refused, refused, refused
	return t
}()

// isNormal reports whether path is its own normal form under every policy;
// false only means that the long way must be taken.
func isNormal(path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	afterSlash := false
	for _, c := range path {
		switch pathClass[c] {
		case unreserved, pathChar:
			afterSlash = false
		case slash:
			if afterSlash {
				return false
			}
			afterSlash = true
		case dot:
			if afterSlash {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// NormalizePath appends the one normal form of an absolute path to dst:
// percent-encoded unreserved bytes are decoded, other escapes get upper-case
// digits, visible bytes that may not stand in a path are escaped, dot segments
// (also written %2e) are removed, adjacent slashes are merged, kept or refused.
// An encoded slash stays encoded; %00, a broken escape, a raw control or
// non-ASCII byte, a backslash, and a path that leads above the root are errors,
// whose text is the cause. The result is its own normal form, and is at most
// three times as long as path.
func NormalizePath(dst, path []byte, slashes string) ([]byte, error) {
	out, cause := normalize(dst, path, slashes)
	if cause != none {
		return nil, cause
	}
	return out, nil
}

func normalize(dst, path []byte, slashes string) ([]byte, Cause) {
	if len(path) == 0 || path[0] != '/' {
		return nil, badTarget
	}
	root := len(dst)
	out := append(dst, '/')
	segment := len(out)
	for i := 1; ; i++ {
		if i == len(path) || path[i] == '/' {
			var cause Cause
			if out, cause = endSegment(out, root, segment, i == len(path), slashes); cause != none {
				return nil, cause
			}
			if i == len(path) {
				return out, none
			}
			segment = len(out)
			continue
		}
		c := path[i]
		switch pathClass[c] {
		case unreserved, pathChar, dot:
			out = append(out, c)
		case encode:
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		case percent:
			if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
				return nil, badPercent
			}
			c = unhex(path[i+1])<<4 | unhex(path[i+2])
			i += 2
			switch cl := pathClass[c]; {
			case c == 0:
				return nil, nulInPath
			case cl == unreserved || cl == dot:
				out = append(out, c)
			default:
				out = append(out, '%', upperHex[c>>4], upperHex[c&15])
			}
		default:
			return nil, badTarget
		}
	}
}

// endSegment ends the segment that begins at out[segment:]; out then ends with
// a slash unless the path ends here.
func endSegment(out []byte, root, segment int, last bool, slashes string) ([]byte, Cause) {
	switch s := out[segment:]; {
	case len(s) == 0 && last:
		return out, none
	case len(s) == 0:
		switch slashes {
		case slashKeep:
			return append(out, '/'), none
		case slashRefuse:
			return nil, doubleSlash
		}
		return out, none
	case len(s) == 1 && s[0] == '.':
		return out[:segment], none
	case len(s) == 2 && s[0] == '.' && s[1] == '.':
		if segment == root+1 {
			return nil, pathAboveRoot
		}
		parent := bytes.LastIndexByte(out[root:segment-1], '/')
		return out[:root+parent+1], none
	case last:
		return out, none
	}
	return append(out, '/'), none
}

const upperHex = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
