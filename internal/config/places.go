package config

import (
	"fishplate/internal/config/whole"
	"fishplate/internal/model"
)

// check looks at the whole.
func (l *loader) check() {
	if l.broken {
		return // what a broken file holds is unknown: every complaint here could be wrong
	}
	look := whole.Look{Text: l, Config: l.cfg, Policies: l.policies, FS: l.o.FS, Now: l.o.Now, Start: start(l.o.Path), Leaves: &l.memory.leaves}
	look.Check()
}

// Errorf adds an error.
func (l *loader) Errorf(at model.Range, summary, detail, suggestion string) {
	l.errorf(at, summary, detail, suggestion)
}

// Warnf adds a warning.
func (l *loader) Warnf(at model.Range, summary, detail, suggestion string) {
	l.warnf(at, summary, detail, suggestion)
}

// HasErrors reports whether the configuration is refused already.
func (l *loader) HasErrors() bool { return l.diags.HasErrors() }

// Clean is what is remembered of the routes of a vhost.
func (l *loader) Clean(v *model.VHost) *bool {
	if n := l.taken[v]; n != nil {
		return &n.kept.clean
	}
	return new(bool)
}

// At finds the place of an attribute, for complaints that come after the model
// is built; fallback is the noun's own place.
func (l *loader) At(kind, name string, fallback model.Range, path ...string) model.Range {
	if l.root == nil {
		return fallback
	}
	for _, n := range l.root.kids[kind] {
		if n.label == name {
			return n.place(fallback, path...)
		}
	}
	return fallback
}

func (n *node) place(fallback model.Range, path ...string) model.Range {
	for _, p := range path {
		if a, ok := n.attrs[p]; ok {
			return a.at
		}
		if n = n.find(p); n == nil {
			break
		}
	}
	return fallback
}

// RouteAt is the place of a route's attribute, or of the vhost's that it came from.
func (l *loader) RouteAt(v *model.VHost, r *model.Route, attr string) model.Range {
	if l.root == nil {
		return r.At
	}
	for _, n := range l.root.kids["vhost"] {
		if n.label != v.Name {
			continue
		}
		for _, k := range n.kids["route"] {
			if k.label == r.Name && k.has(attr) {
				return k.rangeOf(attr)
			}
		}
		return n.place(r.At, attr)
	}
	return r.At
}

// ServerAt is the place of a server's attribute.
func (l *loader) ServerAt(b *model.Backend, s *model.Server, attr string) model.Range {
	for _, n := range l.nodes("backend", b.Name) {
		for _, k := range n.kids["server"] {
			if k.label == s.Name {
				return k.place(s.At, attr)
			}
		}
	}
	return s.At
}

func (l *loader) nodes(kind, name string) []*node {
	var out []*node
	if l.root != nil {
		for _, n := range l.root.kids[kind] {
			if n.label == name {
				out = append(out, n)
			}
		}
	}
	return out
}

// given reports whether an attribute was written and could be read.
func (n *node) given(path ...string) bool {
	for _, block := range path[:len(path)-1] {
		if n = n.find(block); n == nil {
			return false
		}
	}
	name := path[len(path)-1]
	return n.has(name) && n.attrs[name].v != nil
}
