package router

import (
	"fmt"
	"slices"

	"fishplate/internal/model"
)

// Warning tells of a route that no request can reach.
type Warning struct {
	Route, By string // the route, and the earlier one that takes everything
	Text      string
	At        model.Range
}

// Shadowed finds the routes of a vhost that never match because one earlier
// route matches all that they do. It knows no more than paths, methods and
// equal predicates, so it never warns wrongly but may miss a case.
func Shadowed(vh *model.VHost) []Warning {
	var warnings []Warning
	matchers := make([]*matcher, len(vh.Routes))
	for i, m := range vh.Routes {
		t := &matcher{methods: m.Methods, from: m}
		if t.compilePath(m.Path) != nil {
			continue
		}
		matchers[i] = t
		for _, e := range matchers[:i] {
			if e != nil && e.covers(t) {
				warnings = append(warnings, Warning{Route: m.Name, By: e.from.Name, At: m.At,
					Text: fmt.Sprintf("route %q is never reached: route %q matches all of its requests first", m.Name, e.from.Name)})
				break
			}
		}
	}
	return warnings
}

// covers reports whether t matches everything that o matches.
func (t *matcher) covers(o *matcher) bool {
	if t.from.When.Set() && (!o.from.When.Set() || t.from.When.Text != o.from.When.Text || t.form != o.form || t.pattern != o.pattern) {
		return false
	}
	if len(t.methods) > 0 && (len(o.methods) == 0 || slices.ContainsFunc(o.methods, func(m string) bool { return !slices.Contains(t.methods, m) })) {
		return false
	}
	switch {
	case t.form == anyPath:
		return true
	case o.form == exactPath:
		return t.matchPath([]byte(o.pattern))
	case t.form == prefixPath && o.form == prefixPath:
		return t.matchPath([]byte(o.pattern))
	case t.form == prefixPath && t.pattern == "/" && o.form == regexPath:
		return false // OPTIONS * has no slash, and a regex may match it
	}
	return t.form == o.form && t.pattern == o.pattern
}
