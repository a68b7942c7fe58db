package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Source is a text of JSON objects: a file's, or one that stands in another
// file, at.
type Source struct {
	Name string
	Text []byte
	At   hcl.Range // where the text begins; zero for a file of its own
}

// Place is the range of length bytes at an offset of the text.
func (s *Source) Place(offset, length int) hcl.Range {
	r := offsetRange(s.Name, s.Text, offset)
	r.End.Column, r.End.Byte = r.Start.Column+length, r.Start.Byte+length
	if s.At.Filename != "" {
		first := s.At.Start.Line
		if s.At.End.Line-first > bytes.Count(s.Text, []byte{'\n'}) {
			first++ // the text of a heredoc begins below its mark
		}
		r.Start.Line, r.End.Line = r.Start.Line+first-1, r.End.Line+first-1
		r.Start.Byte, r.End.Byte = s.At.Start.Byte, s.At.End.Byte
	}
	return r
}

// Member is one key of an object with its value.
type Member struct {
	Key    string
	At     hcl.Range
	Raw    json.RawMessage
	Offset int // of Raw in the text
}

// Members reads one object of the text, which begins at offset base.
func (s *Source) Members(raw []byte, base int) ([]Member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil {
		return nil, s.broken(base+int(d.InputOffset()), err)
	} else if t != json.Delim('{') {
		return nil, s.broken(base, fmt.Errorf("want an object in braces"))
	}
	var list []Member
	for d.More() {
		from := int(d.InputOffset())
		t, err := d.Token()
		if err != nil {
			return nil, s.broken(base+int(d.InputOffset()), err)
		}
		m := Member{Key: t.(string)}
		from += max(0, bytes.IndexByte(raw[from:], '"'))
		m.At = s.Place(base+from, int(d.InputOffset())-from)
		if err := d.Decode(&m.Raw); err != nil {
			return nil, s.broken(base+int(d.InputOffset()), err)
		}
		m.Offset = base + int(d.InputOffset()) - len(m.Raw)
		if i := slices.IndexFunc(list, func(o Member) bool { return o.Key == m.Key }); i >= 0 {
			return nil, &Placed{m.At, fmt.Errorf("%q is written twice, first on line %d", m.Key, list[i].At.Start.Line)}
		}
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, s.broken(base+int(d.InputOffset()), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, s.broken(base+int(d.InputOffset()), fmt.Errorf("there is text after the object"))
	}
	return list, nil
}

// Placed is an error with its place.
type Placed struct {
	At  hcl.Range
	Err error
}

func (p *Placed) Error() string { return p.Err.Error() }

func (s *Source) broken(offset int, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Placed{s.Place(offset, 1), fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))}
}

func offsetRange(name string, src []byte, offset int) hcl.Range {
	offset = min(max(0, offset), len(src))
	before := src[:offset]
	line := bytes.Count(before, []byte{'\n'})
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	p := hcl.Pos{Line: line + 1, Column: column + 1, Byte: offset}
	return hcl.Range{Filename: name, Start: p, End: p}
}
