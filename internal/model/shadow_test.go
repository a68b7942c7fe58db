package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// routeOf reads "NAME PATH METHODS WHEN"; "-" is nothing.
func routeOf(text string) *Route {
	f := append(strings.Fields(text), "-", "-", "-")
	r := &Route{Name: f[0], Path: strings.TrimPrefix(f[1], "-")}
	if f[2] != "-" {
		r.Methods = strings.Split(f[2], ",")
	}
	if f[3] != "-" {
		r.When = Expr{Text: f[3], Node: &hclsyntax.LiteralValueExpr{}}
	}
	return r
}

func TestShadowed(t *testing.T) {
	for want, texts := range map[string][]string{
		"b<a d<a":         {"a /a/* GET,HEAD", "b /a/b GET", "c /a/b", "d /a/b/* HEAD", "e /a"},
		"h<g i<g":         {"g - - x", "h - - x", "i - POST x", "j /a - x", "k"},
		"c<a d<b e<a h<g": {"a /* GET", "b /*", "c /x GET", "d /x/* POST", "e /* GET", "f *", "g -", "h ~^/x"},
		"c<b":             {"a *", "b /a", "c /a", "d /b"},
		"d<b e<a":         {"a /x/* - tail", "b /y/*", "c /x/y/* - tail", "d /y/z - tail", "e /x/* GET tail"},
		"c<a":             {"a ~^/a", "b ~^/a/b", "c ~^/a GET"},
		"b<a c<a d<a e<a": {"a", "b *", "c ~.", "d /", "e -"},
		"":                {"a /a/*", "b /a/../b", "c /a/%2E%2e/c", "d /ab", "e /"},
		"e<c":             {"a /a GET", "b /a POST", "c /a GET,POST", "d /a GET,PUT", "e /a POST,GET"},
	} {
		var routes []*Route
		for _, text := range texts {
			routes = append(routes, routeOf(text))
		}
		var got []string
		Shadowed(routes, func(r, by *Route) { got = append(got, r.Name+"<"+by.Name) })
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%q: %s", texts, d)
		}
	}
}

// TestShadowedGrowsWithRoutes: however routes differ, each is compared with few.
func TestShadowedGrowsWithRoutes(t *testing.T) {
	for _, form := range []string{"r /p%d/* GET,POST", "r /p%d GET", "r /a M%d", "r /a GET when%d", "r /a/*", "r - A%d,B", "r ~%d GET when", "r /a/%d/* - when"} {
		const n = 5000
		var s shadows
		s.at = map[spot][]int{}
		for i := range n {
			s.routes = append(s.routes, routeOf(strings.ReplaceAll(form, "%d", fmt.Sprint(i))))
			s.before(i)
		}
		if s.looks > 2*fewMethods*n || len(s.heads) > 10 {
			t.Errorf("%s: %d looks at others for %d routes, %d lengths", form, s.looks, n, len(s.heads))
		}
	}
}
