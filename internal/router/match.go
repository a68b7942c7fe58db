package router

import (
	"fishplate/internal/invariant"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Match returns the route of env.Req and its vhost, and sets env.PathTail. It
// returns nil, nil when no vhost answers for the host, and nil with the vhost
// when none of its routes matches; both are 404. A method that a route does not
// list is no match like any other.
func (r *Router) Match(env *predicate.Env) (*Route, *model.VHost) {
	vh := r.find(env)
	if vh == nil {
		env.PathTail = nil
		return nil, nil
	}
	for _, i := range vh.index.find(env.Req.Path) {
		rt := vh.routes[i]
		t := rt.matcher
		if !t.matchMethod(env.Req.Method) || t.form == regexPath && !t.re.Match(env.Req.Path) {
			continue
		}
		if invariant.On && !t.matchPath(env.Req.Path) {
			invariant.Check(false, "route %q is no candidate for %q", rt.Model.Name, env.Req.Path)
		}
		t.tail(env)
		if t.when == nil || t.when.Eval(env) {
			return rt, vh.model
		}
	}
	env.PathTail = nil
	return nil, vh.model
}
