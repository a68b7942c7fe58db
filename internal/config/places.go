package config

import (
	"slices"

	"fishplate/internal/config/whole"
	"fishplate/internal/model"
)

// check looks at the whole.
func (l *loader) check() {
	if l.broken {
		return // what a broken file holds is unknown: every complaint here could be wrong
	}
	look := whole.Look{Text: l, Config: l.cfg, Policies: l.policies, FS: l.o.FS, Lists: &l.lists, Now: l.o.Now, Start: start(l.o.Path), Leaves: &l.memory.leaves}
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
	return l.named(kind, name).place(fallback, path...)
}

// named is the block of a name, which is unique among those of its kind; nil: there
// is none.
func (l *loader) named(kind, name string) *node {
	if l.byName == nil && l.root != nil {
		l.byName = map[[2]string]*node{}
		for kind, list := range l.root.kids {
			for _, n := range list {
				l.byName[[2]string{kind, n.label}] = n
			}
		}
	}
	return l.byName[[2]string{kind, name}]
}

func (n *node) place(fallback model.Range, path ...string) model.Range {
	for _, p := range path {
		if n == nil {
			break
		}
		if a, ok := n.attrs[p]; ok {
			return a.at
		}
		n = n.find(p)
	}
	return fallback
}

// RouteAt is the place of a route's attribute, or of the vhost's that it came from.
func (l *loader) RouteAt(v *model.VHost, r *model.Route, attr string) model.Range {
	n := l.named("vhost", v.Name)
	if k := n.inner("route", r.Name); k != nil && k.has(attr) {
		return k.rangeOf(attr)
	}
	return n.place(r.At, attr)
}

// ServerAt is the place of a server's attribute.
func (l *loader) ServerAt(b *model.Backend, s *model.Server, attr string) model.Range {
	return l.named("backend", b.Name).inner("server", s.Name).place(s.At, attr)
}

// inner is the inner block of a name; nil: there is none.
func (n *node) inner(kind, name string) *node {
	if n != nil {
		if at := slices.IndexFunc(n.kids[kind], func(k *node) bool { return k.label == name }); at >= 0 {
			return n.kids[kind][at]
		}
	}
	return nil
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
