package config

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"fishplate/internal/model"
)

// Change is one noun that two configurations disagree about.
type Change struct {
	Kind   string  `json:"kind"`   // "listener", "vhost", "route", "backend", "server", …
	Key    string  `json:"key"`    // its name; inner nouns as PARENT/NAME
	Action string  `json:"action"` // "add", "remove", "change"
	Fields []Field `json:"fields"`
}

// Field is one value that changed, named as in the configuration.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// noun is anything that Diff compares by key; value is a pointer to its struct.
type noun struct {
	kind, key string
	value     any
	order     string // order of inner nouns where it matters
}

// Diff lists what changed, in a stable order: by kind as in the reference, then
// by key. Where things were written, and in which file, is no change.
func Diff(old, new *model.Config) []Change {
	before, after := nouns(old), nouns(new)
	changes := []Change{}
	was, is := index(before), index(after)
	for _, n := range before {
		if _, ok := is[n.kind+" "+n.key]; !ok {
			changes = append(changes, Change{Kind: n.kind, Key: n.key, Action: "remove", Fields: fieldsOf(n, noun{})})
		}
	}
	for _, n := range after {
		o, ok := was[n.kind+" "+n.key]
		if !ok {
			changes = append(changes, Change{Kind: n.kind, Key: n.key, Action: "add", Fields: fieldsOf(noun{}, n)})
		} else if f := fieldsOf(o, n); len(f) > 0 {
			changes = append(changes, Change{Kind: n.kind, Key: n.key, Action: "change", Fields: f})
		}
	}
	rank := map[string]int{}
	for i, k := range []string{"state", "admin", "listener", "certificate", "vhost", "route", "backend", "server", "tenant", "cache", "log"} {
		rank[k] = i
	}
	sort.SliceStable(changes, func(i, j int) bool {
		if a, b := rank[changes[i].Kind], rank[changes[j].Kind]; a != b {
			return a < b
		}
		return changes[i].Key < changes[j].Key
	})
	return changes
}

func index(ns []noun) map[string]noun {
	out := map[string]noun{}
	for _, n := range ns {
		out[n.kind+" "+n.key] = n
	}
	return out
}

// nouns lists everything with a name. A nil configuration has none.
func nouns(c *model.Config) []noun {
	if c == nil {
		return nil
	}
	out := []noun{{"state", "state", &c.State, ""}, {"admin", "admin", &c.Admin, ""}}
	for _, x := range c.Listeners {
		out = append(out, noun{"listener", x.Name, x, ""})
	}
	for _, x := range c.Certificates {
		out = append(out, noun{"certificate", x.Name, x, ""})
	}
	for _, x := range c.VHosts {
		var order []string
		for _, r := range x.Routes {
			order = append(order, r.Name)
			out = append(out, noun{"route", x.Name + "/" + r.Name, r, ""})
		}
		out = append(out, noun{"vhost", x.Name, x, strings.Join(order, ", ")})
	}
	for _, x := range c.Backends {
		var order []string
		for _, s := range x.Servers {
			order = append(order, s.Name)
			out = append(out, noun{"server", x.Name + "/" + s.Name, s, ""})
		}
		out = append(out, noun{"backend", x.Name, x, strings.Join(order, ", ")})
	}
	for _, x := range c.Tenants {
		out = append(out, noun{"tenant", x.Name, x, ""})
	}
	for _, x := range c.Caches {
		out = append(out, noun{"cache", x.Name, x, ""})
	}
	for _, x := range c.Logs {
		out = append(out, noun{"log", x.Name, x, ""})
	}
	return out
}

// fieldsOf lists the fields that differ; a missing side has none.
func fieldsOf(old, new noun) []Field {
	a, b := map[string]string{}, map[string]string{}
	flatten(a, old)
	flatten(b, new)
	names := map[string]bool{}
	for k := range a {
		names[k] = true
	}
	for k := range b {
		names[k] = true
	}
	fields := []Field{}
	for k := range names {
		if a[k] != b[k] {
			fields = append(fields, Field{k, a[k], b[k]})
		}
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return fields
}

func flatten(out map[string]string, n noun) {
	if n.value == nil {
		return
	}
	walk(out, "", reflect.ValueOf(n.value).Elem())
	delete(out, "name")
	if n.order != "" {
		out[map[string]string{"vhost": "routes", "backend": "servers"}[n.kind]] = n.order
	}
}

// walk writes every field under its name in snake case. Values that are empty
// are left out, so that "not written" and "absent" are one.
func walk(out map[string]string, name string, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[hcl.Range](), reflect.TypeFor[[]*model.Route](), reflect.TypeFor[[]*model.Server]():
		return
	}
	if text, ok := valueText(name, v); ok {
		if text != "" {
			out[name] = text
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out[name] = "on"
			walk(out, name, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			element, before := fmt.Sprintf("%s[%d]", name, i), len(out)
			if walk(out, element, v.Index(i)); len(out) == before {
				out[element] = "empty" // it counts, though nothing in it is written
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			inner := snake(v.Type().Field(i).Name)
			if name != "" {
				inner = name + "." + inner
			}
			walk(out, inner, v.Field(i))
		}
	}
}

// valueText renders what stands in one line; ok is false for what has parts.
func valueText(name string, v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case model.Expr:
		return x.Text, true
	case time.Duration:
		if x == 0 {
			return "", true
		}
		return FormatDuration(x), true
	case []byte:
		return string(x), true
	case []string:
		return strings.Join(quoteAll(x), ", "), true
	case fmt.Stringer:
		if v.Kind() == reflect.Struct && model.Opaque(v.Type()) {
			return x.String(), true
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Struct:
		return "", false
	case reflect.Float64:
		switch leaf := name[strings.LastIndexByte(name, '.')+1:]; leaf {
		case "fraction", "max", "budget", "sample":
			return FormatPercent(v.Float()), true
		case "rate":
			return FormatRate(v.Float()), true
		}
	case reflect.Int64:
		if v.Int() != 0 {
			return FormatSize(v.Int()), true
		}
	}
	if v.IsZero() && v.Kind() != reflect.Int {
		return "", true
	}
	return fmt.Sprint(v.Interface()), true
}

// quoteAll quotes words that a list of words could not be read back with.
func quoteAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, ", \"") {
			out[i] = fmt.Sprintf("%q", w)
		}
	}
	return out
}

// snake turns a Go name into the configuration's: FirstByte is first_byte.
func snake(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) || next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
