package cache

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/zeebo/xxh3"
)

// A keyRule says which parts of a request make its key. The text of a key is
// scheme://host[:port]/path[?query], and behind it a line for each further part:
// no part can be mistaken for another, since none holds a line end.
type keyRule struct {
	scheme, host bool
	query        queryRule
	headers      []string
	cookies      []string
	value        *predicate.Value
	stamp        string // of the rules; "" for those that nobody changed
}

// stampOf names the rules by which answers are told apart, when they are not the
// plain ones. It is part of the key: what was stored by one set of rules must not
// answer by another, in which a line of the text means something else.
func stampOf(m *model.CachePolicy) string {
	k, keeps := &m.Key, m.SetCookie == "keep"
	plain := (k.Query == "" || k.Query == "all") && k.Drop == nil && k.Keep == nil && len(k.Headers)+len(k.Cookies)+len(m.Vary.Ignore) == 0
	if plain && !k.Value.Set() && !keeps {
		return ""
	}
	text := fmt.Sprintf("%q %q %q %t %q %q %q %q %t", k.Query, k.Drop, k.Keep, k.Keep != nil, k.Headers, k.Cookies, k.Value.Text, m.Vary.Ignore, keeps)
	return fmt.Sprintf("\nrules:%016x", xxh3.HashString(text))
}

// appendURL appends the part of a key's text that a URL decides.
func (k *keyRule) appendURL(dst []byte, req *message.Request) []byte {
	if k.scheme {
		dst = append(dst, req.Scheme...)
	}
	dst = append(dst, "://"...)
	if k.host {
		dst = append(dst, req.Host...)
		if req.Port != 0 && req.Port != defaultPort(req.Scheme) {
			dst = append(dst, ':')
			dst = strconv.AppendInt(dst, int64(req.Port), 10)
		}
	}
	dst = append(dst, req.Path...)
	if req.HasQuery {
		dst = k.query.append(dst, req.Query)
	}
	return dst
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// appendRest appends what else is in a request's key; env is what value sees.
func (k *keyRule) appendRest(dst []byte, req *message.Request, env *predicate.Env) []byte {
	dst = append(dst, k.stamp...)
	for _, name := range k.headers {
		dst = append(dst, '\n')
		for i := req.Find(name); i >= 0; i = req.FindFrom(name, i+1) {
			dst = append(append(dst, req.Value(i)...), ',')
		}
	}
	for _, name := range k.cookies {
		dst = append(dst, '\n')
		if v, ok := req.CookieValue(name); ok {
			dst = append(append(dst, '='), v...)
		}
	}
	if k.value != nil {
		dst = append(dst, '\n')
		start := len(dst)
		dst, _ = k.value.Append(dst, env)
		dst = escapeLines(dst, start)
	}
	return dst
}

// escapeLines makes the text from start on one line: query() decodes what a
// client sends, line ends too.
func escapeLines(text []byte, start int) []byte {
	if bytes.IndexByte(text[start:], '\n') < 0 && bytes.IndexByte(text[start:], '%') < 0 {
		return text
	}
	raw := bytes.Clone(text[start:])
	text = text[:start]
	for _, c := range raw {
		switch c {
		case '\n':
			text = append(text, "%0A"...)
		case '%':
			text = append(text, "%25"...)
		default:
			text = append(text, c)
		}
	}
	return text
}

// A queryRule says what of a query belongs to the key.
type queryRule struct {
	ignore bool
	sort   bool
	drop   []string // names; a "*" at the end stands for anything
	keep   []string // when not nil, all others are dropped
}

// append appends "?" and what is left of the query; nothing when nothing is.
func (r *queryRule) append(dst, query []byte) []byte {
	if r.ignore {
		return dst
	}
	if !r.sort && r.drop == nil && r.keep == nil {
		return append(append(dst, '?'), query...)
	}
	var room [32][]byte
	pairs := room[:0]
	for rest := query; len(rest) > 0; {
		pair, after, _ := bytes.Cut(rest, ampersand)
		rest = after
		if r.counts(pair) {
			pairs = append(pairs, pair)
		}
	}
	if r.sort {
		// Pairs of one name keep their order, which may mean something.
		slices.SortStableFunc(pairs, func(a, b []byte) int { return bytes.Compare(nameOf(a), nameOf(b)) })
	}
	for i, pair := range pairs {
		dst = append(dst, "?&"[min(i, 1)])
		dst = append(dst, pair...)
	}
	return dst
}

// counts reports whether a pair belongs to the key. Origins decode names before
// they compare them, so we do; and some end a pair at ";" too, so a pair with
// one in it may hold anything, and counts.
func (r *queryRule) counts(pair []byte) bool {
	if r.drop == nil && r.keep == nil || bytes.IndexByte(pair, ';') >= 0 {
		return true
	}
	name := nameOf(pair)
	if bytes.ContainsAny(name, "%+") {
		plain, err := url.QueryUnescape(string(name))
		if err != nil {
			return true
		}
		name = []byte(plain)
	}
	return (r.keep == nil || listed(r.keep, name)) && !listed(r.drop, name)
}

func nameOf(pair []byte) []byte {
	name, _, _ := bytes.Cut(pair, equals)
	return name
}

var (
	ampersand = []byte{'&'}
	equals    = []byte{'='}
)

func listed(names []string, name []byte) bool {
	for _, n := range names {
		if last := len(n) - 1; last >= 0 && n[last] == '*' {
			if len(name) >= last && string(name[:last]) == n[:last] {
				return true
			}
		} else if string(name) == n {
			return true
		}
	}
	return false
}
