package rules

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
)

// arrival is when answers of the tables arrive; they were asked for then, too.
var arrival = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fieldsOf fills h from "Name: value" parts; {+n} is arrival plus n seconds.
func fieldsOf(h *message.Header, parts []string) {
	h.Reset(nil)
	for _, part := range parts {
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			panic("no field: " + part)
		}
		h.Add(name, strings.Trim(expand(value), " "))
	}
}

// expand writes {+60} and {-60} as dates relative to arrival.
func expand(s string) string {
	for {
		before, rest, ok := strings.Cut(s, "{")
		if !ok {
			return s
		}
		inner, after, _ := strings.Cut(rest, "}")
		n, err := strconv.Atoi(inner)
		if err != nil {
			panic(err)
		}
		s = before + httpDate(arrival.Add(time.Duration(n)*time.Second)) + after
	}
}

// httpDate writes an IMF-fixdate.
func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func parts(s string) []string {
	if s == "" {
		return nil
	}
	list := strings.Split(s, "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// requestOf reads "GET | Name: value | …"; the method may be left out.
func requestOf(text string) *message.Request {
	r := &message.Request{Method: []byte("GET"), Scheme: "https", Host: []byte("a.test"), Path: []byte("/p"), Minor: 1}
	list := parts(text)
	if len(list) > 0 && !strings.Contains(list[0], ":") {
		r.Method, list = []byte(list[0]), list[1:]
	}
	fieldsOf(&r.Header, list)
	return r
}

// responseOf reads "200 | Name: value | …". Date is arrival unless one is said
// or "!Date" stands among the parts.
func responseOf(text string) *message.Response {
	list := parts(text)
	status, err := strconv.Atoi(list[0])
	if err != nil {
		panic(err)
	}
	r := &message.Response{Status: status, Minor: 1, Framing: message.Chunked}
	date := true
	var fields []string
	for _, part := range list[1:] {
		if part == "!Date" {
			date = false
			continue
		}
		date = date && !strings.HasPrefix(part, "Date:")
		fields = append(fields, part)
	}
	if date {
		fields = append(fields, "Date: {+0}")
	}
	fieldsOf(&r.Header, fields)
	return r
}

// render writes a verdict as the tables do: the reason; or the source and the
// seconds of freshness, and what else is not zero.
func render(v *Verdict) string {
	if !v.Store {
		return v.Reason.String()
	}
	var w strings.Builder
	secs := func(name string, d time.Duration) {
		if d != 0 {
			fmt.Fprintf(&w, " %s=%v", name, d.Seconds())
		}
	}
	fmt.Fprintf(&w, "%s %v", v.Source, v.Fresh.Seconds())
	secs("age", v.Age)
	secs("grace", v.Grace)
	secs("sie", v.StaleIfError)
	for _, word := range (v.Flags &^ (Validator | Heuristic | Operator | Stripped | Negative)).Words() {
		w.WriteString(" +" + word)
	}
	for _, name := range v.Omit {
		w.WriteString(" -" + name)
	}
	return w.String()
}

// judged is the verdict on a pair.
func judged(p *Policy, req, resp string) *Verdict {
	var v Verdict
	Judge(p, requestOf(req), responseOf(resp), arrival, arrival, &v)
	return &v
}

func TestWordTablesAreWhole(t *testing.T) {
	for what, table := range map[string][]Word{"reasons": Reasons(), "kinds": Kinds(), "whys": Whys(), "sources": Sources()} {
		seen := map[string]bool{}
		for i, w := range table {
			if w.Name == "" || w.Doc == "" || w.Source == "" || seen[w.Name] {
				t.Errorf("%s: row %d is incomplete or a name stands twice: %+v", what, i, w)
			}
			seen[w.Name] = true
		}
	}
	if n := len(Flags(OwnFlags).Words()); n != len(flagNames) {
		t.Errorf("%d flags have words, want %d", n, len(flagNames))
	}
}
