package router

import (
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

type Route struct {
	ID    int
	Model *model.Route
	VHost *model.VHost
}

func (rt *Route) Backend(env *predicate.Env, rnd uint32) string { return rt.Model.Backend }

type Router struct{ routes []*Route }

func New(vhosts []*model.VHost, o predicate.Options) (*Router, error) {
	return NewFrom(nil, vhosts, o)
}
func NewFrom(old *Router, vhosts []*model.VHost, o predicate.Options) (*Router, error) {
	return &Router{}, nil
}
func (r *Router) Match(env *predicate.Env) (rt *Route, vh *model.VHost) { return nil, nil }
func (r *Router) MatchSNI(name string) *model.VHost                     { return nil }
func (r *Router) Routes() []*Route                                      { return r.routes }

type Explanation struct {
	VHost  string
	Route  *Route
	Routes []Tried
}
type Tried struct {
	Route   string
	Matched bool
	Why     string
	Parts   []predicate.Part
}

func (r *Router) Explain(env *predicate.Env) Explanation { return Explanation{} }

type Warning struct {
	Route, By string
	Text      string
	At        model.Range
}

func Shadowed(vh *model.VHost) []Warning { return nil }
