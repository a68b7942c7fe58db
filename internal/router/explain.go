package router

import (
	"fmt"
	"strings"

	"fishplate/internal/predicate"
)

// Explanation says how a request finds its route.
type Explanation struct {
	VHost  string // "" when none answers for the host
	Route  *Route // nil when none matches
	Routes []Tried
}

// Tried is one route of the vhost, in file order.
type Tried struct {
	Route   string
	Matched bool
	Why     string
	Parts   []predicate.Part // of its predicate, when that was asked
}

// Explain does what Match does, slowly, asks every route without the index, and
// says why each matched or not.
func (r *Router) Explain(env *predicate.Env) Explanation {
	vh := r.find(env)
	env.PathTail = nil
	if vh == nil {
		return Explanation{}
	}
	x := Explanation{VHost: vh.model.Name}
	for _, rt := range vh.routes {
		if x.Route != nil {
			x.Routes = append(x.Routes, Tried{Route: rt.Model.Name,
				Why: fmt.Sprintf("not tried: route %q comes first", x.Route.Model.Name)})
			continue
		}
		tried := rt.try(env)
		if x.Routes = append(x.Routes, tried); tried.Matched {
			x.Route = rt
		}
	}
	if x.Route == nil {
		env.PathTail = nil
	}
	return x
}

func (rt *Route) try(env *predicate.Env) Tried {
	t, req := rt.matcher, env.Req
	tried := Tried{Route: rt.Model.Name}
	switch {
	case !t.matchPath(req.Path):
		tried.Why = fmt.Sprintf("path %s %s", req.Path, t.unlike())
		return tried
	case !t.matchMethod(req.Method):
		tried.Why = fmt.Sprintf("method %s not in %s", req.Method, strings.Join(t.methods, ","))
		return tried
	}
	if t.tail(env); t.when != nil {
		tried.Parts = t.when.Explain(env)
		if !t.when.Eval(env) {
			tried.Why = "predicate is false"
			return tried
		}
	}
	tried.Matched, tried.Why = true, t.because(req.Path)
	return tried
}

// unlike says what the path would have to be.
func (t *matcher) unlike() string {
	switch t.form {
	case prefixPath:
		return "does not begin with " + t.pattern
	case regexPath:
		return "does not match " + t.pattern
	}
	return "is not " + t.pattern
}

func (t *matcher) because(path []byte) string {
	var why []string
	switch t.form {
	case exactPath:
		why = append(why, fmt.Sprintf("path is %s", path))
	case prefixPath:
		why = append(why, "path begins with "+t.pattern)
	case regexPath:
		why = append(why, "path matches "+t.pattern)
	}
	if len(t.methods) > 0 {
		why = append(why, "method in "+strings.Join(t.methods, ","))
	}
	if t.when != nil {
		why = append(why, "predicate is true")
	}
	if len(why) == 0 {
		return "matches every request"
	}
	return strings.Join(why, ", ")
}
