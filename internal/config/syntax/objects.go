package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Source is a text of JSON objects: a file's, or one that stands in another
// file, at.
type Source struct {
	Name string
	Text []byte
	At   hcl.Range // where the text begins; zero for a file of its own

	marks []mark // of the text, made when the first place is asked for
}

// markEvery is how many bytes of a text are looked at for one place, at most.
const markEvery = 1 << 10

// mark is the line and column of a byte, both from 0.
type mark struct{ line, column int }

// Place is the range of length bytes at an offset of the text.
func (s *Source) Place(offset, length int) hcl.Range {
	r := s.position(offset)
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
	seen := map[string]int{}
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
		if i, twice := seen[m.Key]; twice {
			return nil, &Placed{m.At, fmt.Errorf("%q is written twice, first on line %d", m.Key, list[i].At.Start.Line)}
		}
		seen[m.Key] = len(list)
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

// position finds the line and column of an offset. A file may have thousands of
// tenants on one line, so it remembers where every so many bytes are.
func (s *Source) position(offset int) hcl.Range {
	offset = min(max(0, offset), len(s.Text))
	if s.marks == nil {
		at := mark{}
		for from := 0; ; from += markEvery {
			s.marks = append(s.marks, at)
			if from+markEvery > len(s.Text) {
				break
			}
			at = at.after(s.Text[from : from+markEvery])
		}
	}
	near := offset / markEvery
	at := s.marks[near].after(s.Text[near*markEvery : offset])
	p := hcl.Pos{Line: at.line + 1, Column: at.column + 1, Byte: offset}
	return hcl.Range{Filename: s.Name, Start: p, End: p}
}

// after moves over some text. A column is a character, which begins with a byte
// that continues none.
func (m mark) after(text []byte) mark {
	for _, b := range text {
		switch {
		case b == '\n':
			m = mark{line: m.line + 1}
		case b&0xc0 != 0x80:
			m.column++
		}
	}
	return m
}
