package tenant

import "bytes"

// splitTarget checks a target that a guest set and cuts it at its query. Only
// the normal form of a path is accepted: it begins with '/', has no dot segment
// and no escape of a byte that needs none (RFC 3986 §6.2.2), so that what was
// routed and what is forwarded cannot be read in two ways. The results are
// copies.
func splitTarget(url []byte) (path, query []byte, hasQuery, ok bool) {
	if len(url) == 0 || len(url) > maxLine || url[0] != '/' {
		return nil, nil, false, false
	}
	for _, c := range url {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return nil, nil, false, false
		}
	}
	path, query, hasQuery = bytes.Cut(append([]byte(nil), url...), []byte{'?'})
	return path, query, hasQuery, normalPath(path)
}

func normalPath(path []byte) bool {
	for i, c := range path {
		if c != '%' {
			continue
		}
		if i+2 >= len(path) {
			return false
		}
		hi, ok1 := hexDigit(path[i+1])
		lo, ok2 := hexDigit(path[i+2])
		if b := hi<<4 | lo; !ok1 || !ok2 || b < ' ' || b == 0x7f || unreserved(b) {
			return false
		}
	}
	for rest := path; len(rest) > 0; {
		rest = rest[1:]
		end := bytes.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if s := string(rest[:end]); s == "." || s == ".." {
			return false
		}
		rest = rest[end:]
	}
	return true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func unreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '.' || c == '_' || c == '~'
}
