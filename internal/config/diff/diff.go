package diff

import (
	"sort"

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

// noun is anything that Diff compares by key.
type noun struct {
	kind, key string
	sheet     func(*sheet) // writes its values
}

// Diff lists what changed, in a stable order: by kind as in the reference, then
// by key. Where things were written, and in which file, is no change.
func Diff(old, new *model.Config) []Change {
	shared := sharedNouns(old, new)
	before, after := nouns(old, shared), nouns(new, shared)
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
	for i, k := range []string{"process", "state", "admin", "listener", "certificate", "vhost", "route", "backend", "server", "tenant", "cache", "log"} {
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

// shared are the vhosts, backends and tenants that two configurations both have,
// by pointer: nothing of them differs.
type shared struct {
	vhosts   map[*model.VHost]bool
	backends map[*model.Backend]bool
	tenants  map[*model.Tenant]bool
}

func sharedNouns(a, b *model.Config) (s shared) {
	if a != nil && b != nil {
		s.vhosts, s.backends, s.tenants = both(a.VHosts, b.VHosts), both(a.Backends, b.Backends), both(a.Tenants, b.Tenants)
	}
	return s
}

func both[T comparable](a, b []T) map[T]bool {
	in, out := make(map[T]bool, len(a)), make(map[T]bool, len(a))
	for _, x := range a {
		in[x] = true
	}
	for _, x := range b {
		if in[x] {
			out[x] = true
		}
	}
	return out
}

// nouns lists everything with a name, but for what to skip. A nil configuration
// has none.
func nouns(c *model.Config, skip shared) []noun {
	if c == nil {
		return nil
	}
	out := []noun{
		{"state", "state", func(s *sheet) { s.text("dir", c.State.Dir) }},
		{"admin", "admin", func(s *sheet) {
			s.text("socket", c.Admin.Socket)
			s.text("http.bind", c.Admin.HTTPBind)
			s.text("http.reads", c.Admin.HTTPReads)
		}},
	}
	if c.Process.User != "" {
		out = append(out, noun{"process", "process", func(s *sheet) {
			s.text("user", c.Process.User)
			s.text("group", c.Process.Group)
		}})
	}
	for _, x := range c.Listeners {
		out = append(out, noun{"listener", x.Name, func(s *sheet) { s.listener(x) }})
	}
	for _, x := range c.Certificates {
		out = append(out, noun{"certificate", x.Name, func(s *sheet) { s.certificate(x) }})
	}
	for _, x := range c.VHosts {
		if skip.vhosts[x] {
			continue
		}
		var order []string
		for _, r := range x.Routes {
			order = append(order, r.Name)
			out = append(out, noun{"route", x.Name + "/" + r.Name, func(s *sheet) { s.route(r) }})
		}
		out = append(out, noun{"vhost", x.Name, func(s *sheet) { s.vhost(x, order) }})
	}
	for _, x := range c.Backends {
		if skip.backends[x] {
			continue
		}
		var order []string
		for _, srv := range x.Servers {
			order = append(order, srv.Name)
			out = append(out, noun{"server", x.Name + "/" + srv.Name, func(s *sheet) { s.server(srv) }})
		}
		out = append(out, noun{"backend", x.Name, func(s *sheet) { s.backend(x, order) }})
	}
	for _, x := range c.Tenants {
		if skip.tenants[x] {
			continue
		}
		out = append(out, noun{"tenant", x.Name, func(s *sheet) { s.tenant(x) }})
	}
	for _, x := range c.Caches {
		out = append(out, noun{"cache", x.Name, func(s *sheet) { s.cache(x) }})
	}
	for _, x := range c.Logs {
		out = append(out, noun{"log", x.Name, func(s *sheet) { s.log(x) }})
	}
	return out
}

// fieldsOf lists the fields that differ; a missing side has none.
func fieldsOf(old, new noun) []Field {
	a, b := sheetOf(old), sheetOf(new)
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
