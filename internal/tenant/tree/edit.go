package tree

import (
	"github.com/tidwall/gjson"

	"fishplate/internal/message"
)

// Set appends doc with a JSON value at a path. A name that an object does not
// have is added, with objects for what of the path is behind it; so is the place
// behind an array's last. An empty value removes what is there, if anything.
func Set(dst, doc, path, value []byte, work Work) ([]byte, error) {
	list, err := parts(path)
	if err != nil {
		return dst, err
	}
	if !ValidJSON(doc) || len(value) > 0 && !ValidJSON(value) {
		return dst, ErrMalformed
	}
	v := Value{r: gjson.Parse(message.View(doc)), doc: message.View(doc)}
	if len(list) == 0 {
		if len(value) == 0 {
			return dst, ErrNone
		}
		return append(dst, value...), nil
	}
	for i, part := range list {
		if err := work(len(v.r.Raw)); err != nil {
			return dst, err
		}
		key, next, ok := v.member(part)
		last := i == len(list)-1
		switch {
		case !ok && len(value) == 0:
			return append(dst, doc...), nil
		case !ok:
			return v.add(dst, list[i:], value)
		case !last:
			v = next
			continue
		case len(value) == 0:
			return v.remove(dst, key, next), nil
		}
		from, to := next.span()
		return splice(dst, v.doc, from, to, value), nil
	}
	return dst, ErrNone
}

func splice(dst []byte, doc string, from, to int, by []byte) []byte {
	return append(append(append(dst, doc[:from]...), by...), doc[to:]...)
}

// add puts a new member at the end of v.
func (v Value) add(dst []byte, list []string, value []byte) ([]byte, error) {
	count, ok := v.Count()
	if !ok {
		return dst, ErrNone
	}
	from, _ := v.span()
	raw := v.r.Raw
	end := from + len(raw) - 1
	for v.doc[end] != '}' && v.doc[end] != ']' {
		end-- // white space that belongs to the document
	}
	dst = append(dst, v.doc[:end]...)
	if count > 0 {
		dst = append(dst, ',')
	}
	if v.r.IsArray() {
		if index(list[0]) != count {
			return dst[:0], ErrNone
		}
	} else {
		dst = append(AppendQuoted(dst, []byte(list[0])), ':')
	}
	for _, part := range list[1:] {
		dst = append(AppendQuoted(append(dst, '{'), []byte(part)), ':')
	}
	dst = append(dst, value...)
	for range list[1:] {
		dst = append(dst, '}')
	}
	return append(dst, v.doc[end:]...), nil
}

// remove takes a member out, with the comma that goes with it.
func (v Value) remove(dst []byte, key gjson.Result, member Value) []byte {
	from, to := member.span()
	if v.r.IsObject() {
		from, _ = Value{r: key, doc: v.doc}.span()
	}
	next := to
	for space(v.doc[next]) {
		next++
	}
	if v.doc[next] == ',' {
		return splice(dst, v.doc, from, next+1, nil)
	}
	prev := from - 1
	for space(v.doc[prev]) {
		prev--
	}
	if v.doc[prev] == ',' {
		from = prev
	}
	return splice(dst, v.doc, from, to, nil)
}
