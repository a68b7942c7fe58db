package filter

import (
	"fmt"
	"strings"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Redirect is a compiled redirect of a route.
type Redirect struct {
	Status int
	to     *predicate.Value
	// local is set when the text begins with a single slash by intent: then a
	// computed part must not turn it into "//host".
	local bool
}

// CompileRedirect compiles m. A Status of 0 is 302.
func CompileRedirect(m *model.Redirect, o predicate.Options) (*Redirect, error) {
	to, err := compileValue(m.To, o)
	if err != nil {
		return nil, fmt.Errorf("compile redirect: %w", err)
	}
	r := &Redirect{Status: m.Status, to: to}
	if r.Status == 0 {
		r.Status = 302
	}
	head := to.Head()
	r.local = strings.HasPrefix(head, "/") && !strings.HasPrefix(head, "//")
	if s, ok := to.Const(); ok {
		if _, ok := r.checked(nil, []byte(s)); !ok {
			return nil, fmt.Errorf("compile redirect: %q is neither a path nor an http or https URL", s)
		}
	}
	return r, nil
}

// Location appends the target to dst. ok is false when it comes to null, to a
// text with a control byte, or to neither a path nor an http or https URL; the
// exchange answers 500 then. Bytes that may not stand in a URL are escaped.
func (r *Redirect) Location(dst []byte, env *predicate.Env) (out []byte, ok bool) {
	var room [1024]byte
	raw, ok := r.to.Append(room[:0], env)
	if !ok {
		return dst, false
	}
	return r.checked(dst, raw)
}

func (r *Redirect) checked(dst, raw []byte) ([]byte, bool) {
	for _, c := range raw {
		if c < ' ' || c == 0x7f {
			return dst, false
		}
	}
	switch {
	case r.local:
		for len(raw) > 1 && (raw[1] == '/' || raw[1] == '\\') {
			raw = raw[1:]
		}
		raw[0] = '/'
	case len(raw) > 0 && raw[0] == '/':
	case !absolute(raw):
		return dst, false
	}
	const hex = "0123456789ABCDEF"
	for _, c := range raw {
		if c >= 0x7f || strings.IndexByte(" \"<>\\^`{|}", c) >= 0 {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
			continue
		}
		dst = append(dst, c)
	}
	return dst, true
}

// absolute reports whether raw is an http or https URL with a host.
func absolute(raw []byte) bool {
	s := message.View(raw)
	for _, scheme := range [...]string{"https://", "http://"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			c := s[len(scheme)]
			return c != '/' && c != '?' && c != '#' && c != '\\'
		}
	}
	return false
}
