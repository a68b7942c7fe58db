// Package conform holds tables of messages as raw bytes with what must become
// of each. The codec's own tests and the end-to-end test of the real proxy
// replay the same tables.
package conform

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// Row is one message. Method is that of the request which a response answers,
// "" in the table of requests. Cause "ok" marks a good message.
type Row struct {
	Name   string
	Method string
	Status int
	Cause  string
	Raw    []byte
}

//go:embed requests.txt
var requests string

//go:embed responses.txt
var responses string

// Requests returns the rows of requests.txt.
func Requests() ([]Row, error) { return parse("requests.txt", requests, false) }

// Responses returns the rows of responses.txt.
func Responses() ([]Row, error) { return parse("responses.txt", responses, true) }

func parse(file, text string, method bool) (rows []Row, err error) {
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		row, err := parseRow(line, method)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func parseRow(line string, method bool) (row Row, err error) {
	columns := 4
	if method {
		columns++
	}
	c := strings.SplitN(line, " ", columns)
	if len(c) < columns {
		return row, fmt.Errorf("want %d columns", columns)
	}
	row.Name = c[0]
	if method {
		row.Method = c[1]
		c = c[1:]
	}
	if row.Status, err = strconv.Atoi(c[1]); err != nil {
		return row, err
	}
	row.Cause = c[2]
	row.Raw, err = parseBytes(c[3])
	return row, err
}

// parseBytes reads literals joined by +, each optionally followed by *count.
func parseBytes(s string) (out []byte, err error) {
	for {
		literal, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%.20s: %w", s, err)
		}
		s = s[len(literal):]
		text, err := strconv.Unquote(literal)
		if err != nil {
			return nil, err
		}
		times := 1
		if strings.HasPrefix(s, "*") {
			number, _, _ := strings.Cut(s[1:], " ")
			if times, err = strconv.Atoi(number); err != nil {
				return nil, err
			}
			s = s[1+len(number):]
		}
		out = append(out, strings.Repeat(text, times)...)
		if s == "" {
			return out, nil
		}
		if !strings.HasPrefix(s, " + ") {
			return nil, fmt.Errorf("%.20q: want \" + \"", s)
		}
		s = s[3:]
	}
}
