package esi

import (
	"bytes"
	"errors"
)

// The refusals of Resolve, each a sentence for the log.
var (
	ErrScheme   = errors.New("resolve esi: scheme is not http or https")
	ErrUserInfo = errors.New("resolve esi: user information in the reference")
	ErrHost     = errors.New("resolve esi: host is not of the page's virtual host")
	ErrByte     = errors.New("resolve esi: control character in the reference")
	ErrLength   = errors.New("resolve esi: reference too long")
	ErrSyntax   = errors.New("resolve esi: not a reference to a resource")
)

// A Base is the page that holds the reference.
type Base struct {
	Host []byte // of the request for the page: lower case, without port
	Path []byte // its path in the normal form; begins with '/'
	// Same reports whether a host (lower case, without port) leads to the
	// page's own virtual host. Nil allows the page's host alone.
	Same func(host []byte) bool
}

// MaxTarget bounds what Resolve makes, in bytes.
const MaxTarget = 8 << 10

// Resolve writes into dst's memory the request target (path and query, in origin
// form) that the reference src stands for in the page base, and returns the host to
// ask, which is base.Host or lies in src. It follows RFC 3986 §5.2, with these
// limits: the scheme is http or https and the host one of the page's own
// virtual host, so that a page cannot make the proxy call elsewhere; there is no
// user information; a byte below 0x20 or 0x7f, which could end a line of a
// request, is refused. Bytes that may not stand in a target (RFC 3986 §2) are
// percent-encoded, a fragment is dropped. Scheme and port of the inner request
// are those of the page, whatever src says: one listener serves both.
func Resolve(dst []byte, base *Base, src []byte) (target, host []byte, err error) {
	dst = dst[:0]
	if len(src) > MaxTarget {
		return dst, nil, ErrLength
	}
	for _, c := range src {
		if c < ' ' || c == 0x7f {
			return dst, nil, ErrByte
		}
	}
	if i := bytes.IndexByte(src, '#'); i >= 0 {
		src = src[:i]
	}
	rest, hasScheme, err := cutScheme(src)
	if err != nil {
		return dst, nil, err
	}
	host = base.Host
	if bytes.HasPrefix(rest, []byte("//")) {
		if host, rest, err = cutAuthority(rest[2:], base); err != nil {
			return dst, nil, err
		}
		if len(rest) == 0 || rest[0] != '/' {
			dst = append(dst, '/') // http://host and http://host?query
		}
	} else if hasScheme || len(rest) == 0 {
		// "http:path" is not taken for a relative reference (§5.2.2), and a
		// page that includes itself under its own URL is no use to anybody.
		return dst, nil, ErrSyntax
	}
	dst = join(dst, base.Path, rest)
	if len(dst) > MaxTarget {
		return dst, nil, ErrLength
	}
	return dst, host, nil
}

// cutScheme takes the scheme off a reference.
func cutScheme(src []byte) (rest []byte, has bool, err error) {
	for i, c := range src {
		switch {
		case c == ':':
			if i == 0 {
				return nil, false, ErrSyntax
			}
			scheme := string(bytes.ToLower(src[:i]))
			if scheme != "http" && scheme != "https" {
				return nil, false, ErrScheme
			}
			return src[i+1:], true, nil
		case c == '/' || c == '?':
			return src, false, nil
		}
	}
	return src, false, nil
}

// cutAuthority takes the authority off what follows "//" and judges it.
func cutAuthority(b []byte, base *Base) (host, rest []byte, err error) {
	n := bytes.IndexAny(b, `/?\`)
	if n < 0 {
		n = len(b)
	}
	authority, rest := b[:n], b[n:]
	if bytes.IndexByte(authority, '@') >= 0 {
		return nil, nil, ErrUserInfo
	}
	host = authority
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		for _, c := range host[i+1:] {
			if c < '0' || c > '9' {
				return nil, nil, ErrSyntax
			}
		}
		host = host[:i]
	}
	if len(host) == 0 {
		return nil, nil, ErrSyntax
	}
	for _, c := range host {
		if !isNameByte(c) && c != '[' && c != ']' {
			return nil, nil, ErrHost
		}
	}
	host = bytes.ToLower(host)
	if !bytes.Equal(host, base.Host) && (base.Same == nil || !base.Same(host)) {
		return nil, nil, ErrHost
	}
	return host, rest, nil
}

// join appends the target of a reference without scheme and authority: an
// absolute path, one relative to the directory of path, or a query alone. Dot
// segments are removed (RFC 3986 §5.2.4); none leads above the root.
func join(dst, path, ref []byte) []byte {
	query := bytes.IndexByte(ref, '?')
	if query < 0 {
		query = len(ref)
	}
	switch {
	case len(dst) > 0 || query > 0 && ref[0] == '/':
		dst = escape(dst, ref[:query])
	case query == 0:
		dst = escape(dst, path)
	default:
		dst = escape(dst, path[:bytes.LastIndexByte(path, '/')+1])
		dst = escape(dst, ref[:query])
	}
	dst = dst[:removeDots(dst)]
	return escape(dst, ref[query:])
}

// removeDots removes the dot segments of a path in place and returns the new
// length. Percent-encoded dots are dots.
func removeDots(path []byte) int {
	out, i := 0, 0
	for i < len(path) {
		// path[i] is '/'.
		end := i + 1
		for end < len(path) && path[end] != '/' {
			end++
		}
		dots := dotSegment(path[i+1 : end])
		switch dots {
		case 0:
			out += copy(path[out:], path[i:end])
		case 2:
			for out > 0 {
				out--
				if path[out] == '/' {
					break
				}
			}
		}
		if dots > 0 && end == len(path) {
			path[out] = '/'
			out++
		}
		i = end
	}
	return out
}

// dotSegment returns 1 for ".", 2 for "..", else 0.
func dotSegment(s []byte) int {
	n := 0
	for len(s) > 0 {
		switch {
		case s[0] == '.':
			s = s[1:]
		case len(s) >= 3 && s[0] == '%' && s[1] == '2' && s[2]|0x20 == 'e':
			s = s[3:]
		default:
			return 0
		}
		n++
	}
	if n > 2 {
		return 0
	}
	return n
}

// escape appends a part of a reference, percent-encoding what may not stand in a
// request target. What is encoded already stays.
func escape(dst, part []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range part {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte("\"<>\\^`{|}"), c) >= 0 {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
