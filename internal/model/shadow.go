package model

import (
	"slices"
	"strings"
)

// fewMethods is up to how many methods, and sets of them, are compared.
const fewMethods = 32

// Shadowed calls found for every route of a vhost that no request can reach, with
// the first of those before it that take all of its requests. It knows paths,
// methods and equal predicates, and says nothing of what it cannot tell by them. The
// time that it takes grows with the routes: each looks at few before it.
func Shadowed(routes []*Route, found func(r, by *Route)) {
	s := shadows{at: map[spot][]int{}, routes: routes}
	for i, r := range routes {
		if by := s.before(i); by >= 0 {
			found(r, routes[by])
		}
	}
}

// shadows are the routes that were looked at and can be reached, by what they ask
// for beside the method.
type shadows struct {
	routes []*Route
	at     map[spot][]int
	heads  []int // lengths of the prefixes among them
	looks  int   // at routes before others
}

// spot is a path, or a prefix that ends in a slash, and a predicate. The value of a
// predicate may depend on the tenant, and on what follows the prefix.
type spot struct {
	path         string
	prefix       bool
	when, tenant string // "": no predicate
}

// before returns the place of the first route that takes all requests of one, or -1;
// then it is kept itself.
func (s *shadows) before(i int) int {
	r := s.routes[i]
	own := spot{path: r.Path}
	if head, ok := strings.CutSuffix(r.Path, "/*"); ok && r.Path[0] == '/' {
		own = spot{path: head + "/", prefix: true}
	}
	if len(r.Methods) > fewMethods || strings.Contains(r.Path, "/.") || strings.Contains(strings.ToLower(r.Path), "%2e") {
		return -1 // of a path with dots it takes the normal form to know what is below it
	}
	first := min(s.look(spot{}, i), s.look(own, i))
	if strings.HasPrefix(r.Path, "/") {
		for _, n := range s.heads {
			if n <= len(own.path) && own.path[n-1] == '/' {
				first = min(first, s.look(spot{path: own.path[:n], prefix: true}, i))
			}
		}
	}
	if r.When.Set() {
		own.when, own.tenant = r.When.Text, r.Tenant
		first = min(first, s.look(own, i))
	}
	if first < i {
		return first
	}
	if own.prefix && own.when == "" && !slices.Contains(s.heads, len(own.path)) {
		s.heads = append(s.heads, len(own.path))
	}
	if list := s.at[own]; len(list) < fewMethods || len(r.Methods) == 0 {
		s.at[own] = append(list, i)
	}
	return -1
}

// look returns the first route at a spot that takes all methods of one, or that one.
func (s *shadows) look(at spot, i int) int {
	mine := s.routes[i].Methods
	for _, before := range s.at[at] {
		s.looks++
		theirs := s.routes[before].Methods
		if len(theirs) == 0 || len(mine) > 0 && !slices.ContainsFunc(mine, func(m string) bool { return !slices.Contains(theirs, m) }) {
			return before
		}
	}
	return i
}
