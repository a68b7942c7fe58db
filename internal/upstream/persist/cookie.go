package persist

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// EditCookies passes every cookie of the request through edit, which returns
// the pair's new name and value, or keep false to leave it out. Fields that
// nothing is left of go; fields without a change are not touched.
func EditCookies(req *message.Request, edit func(name, value []byte) (newName, newValue []byte, keep bool)) {
	for i := req.Index(message.Cookie, 0); i >= 0; i = req.Index(message.Cookie, i) {
		line, changed := editLine(req.Value(i), edit)
		switch {
		case changed && len(line) == 0:
			req.RemoveAt(i)
			continue
		case changed:
			req.SetValue(i, string(line))
		}
		i++
	}
}

func editLine(line []byte, edit func(name, value []byte) (newName, newValue []byte, keep bool)) (out []byte, changed bool) {
	for pair := range bytes.SplitSeq(line, []byte{';'}) {
		pair = bytes.Trim(pair, " \t")
		name, value, found := bytes.Cut(pair, []byte{'='})
		newName, newValue, keep := name, value, true
		if found {
			newName, newValue, keep = edit(name, value)
		}
		if !keep {
			changed = true
			continue
		}
		if len(out) > 0 {
			out = append(out, "; "...)
		}
		out = append(out, newName...)
		if found {
			out = append(append(out, '='), newValue...)
		}
		changed = changed || !bytes.Equal(newName, name) || !bytes.Equal(newValue, value)
	}
	return out, changed
}

// EditSetCookies passes name and value of every Set-Cookie field of the
// response through edit. Attributes stay as they are. With change false the
// field is not touched.
func EditSetCookies(resp *message.Response, edit func(name, value []byte) (newName, newValue []byte, change bool)) {
	for i := resp.Index(message.SetCookie, 0); i >= 0; i = resp.Index(message.SetCookie, i+1) {
		line := resp.Value(i)
		pair, attributes := line, []byte(nil)
		if end := bytes.IndexByte(line, ';'); end >= 0 {
			pair, attributes = line[:end], line[end:]
		}
		name, value, found := bytes.Cut(bytes.Trim(pair, " \t"), []byte{'='})
		if !found {
			continue
		}
		if newName, newValue, change := edit(bytes.TrimRight(name, " \t"), value); change {
			resp.SetValue(i, string(newName)+"="+string(newValue)+string(attributes))
		}
	}
}

// SetCookie renders the Set-Cookie value of a pin (RFC 6265 §4.1).
func SetCookie(p *model.Persist, value string) string {
	var b strings.Builder
	b.WriteString(p.Name + "=" + value + "; Path=")
	if p.Path != "" {
		b.WriteString(p.Path)
	} else {
		b.WriteString("/")
	}
	if p.MaxAge > 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(int64(p.MaxAge/time.Second), 10))
	}
	if p.Domain != "" {
		b.WriteString("; Domain=" + p.Domain)
	}
	if p.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if p.Secure {
		b.WriteString("; Secure")
	}
	if p.SameSite != "" {
		b.WriteString("; SameSite=" + p.SameSite)
	}
	return b.String()
}
