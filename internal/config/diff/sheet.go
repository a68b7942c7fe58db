package diff

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// sheet holds the values of one noun by name. What is empty is left out, so that
// "not written" and "absent" are one.
type sheet map[string]string

func sheetOf(n noun) sheet {
	s := sheet{}
	if n.sheet != nil {
		n.sheet(&s)
	}
	return s
}

func (s *sheet) text(name, v string) {
	if v != "" {
		(*s)[name] = v
	}
}

func (s *sheet) int(name string, v int)           { s.text(name, strconv.Itoa(v)) }
func (s *sheet) expr(name string, x model.Expr)   { s.text(name, x.Text) }
func (s *sheet) words(name string, v []string)    { s.text(name, strings.Join(quoted(v), ", ")) }
func (s *sheet) order(name string, v []string)    { s.words(name, v) }
func (s *sheet) percent(name string, f float64)   { s.text(name, schema.FormatPercent(f)) }
func (s *sheet) dur(name string, d time.Duration) { s.text(name, unlessZero(d, schema.FormatDuration)) }
func (s *sheet) size(name string, n int64)        { s.text(name, unlessZero(n, schema.FormatSize)) }
func (s *sheet) flag(name string, b bool)         { s.text(name, unlessZero(b, strconv.FormatBool)) }
func (s *sheet) present(name string, is bool) bool {
	s.text(name, map[bool]string{true: "on"}[is])
	return is
}

func unlessZero[T comparable](v T, format func(T) string) string {
	var zero T
	if v == zero {
		return ""
	}
	return format(v)
}

func (s *sheet) nets(name string, v []netip.Prefix) {
	words := make([]string, len(v))
	for i, p := range v {
		words[i] = p.String()
	}
	s.words(name, words)
}

// quoted quotes the words without which a list could not be read back.
func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, ", \"") {
			out[i] = fmt.Sprintf("%q", w)
		}
	}
	return out
}

func (s *sheet) fields(name string, edits []model.FieldEdit) {
	words := make([]string, len(edits))
	for i, e := range edits {
		words[i] = e.Name + ": " + e.Value.Text
	}
	s.text(name, strings.Join(words, ", "))
}

func (s *sheet) edits(name string, e model.Edits) {
	s.fields(name+".set", e.Set)
	s.fields(name+".add", e.Add)
	s.words(name+".remove", e.Remove)
	s.expr(name+".rewrite", e.Rewrite)
}
