package proxy

import (
	"fishplate/internal/message"
	"fishplate/internal/predicate"
)

// stepRoute finds the virtual host and the route.
func stepRoute(x *exchange) step {
	env := &x.env
	*env = predicate.Env{Req: &x.req, Scratch: env.Scratch, Now: x.srv.wheel.time(x.begin), Guest: x}
	if x.req.Framing == message.Length {
		env.BodySize = x.req.Length
	}
	rt, vh := x.gen.Router.Match(env)
	if x.trouble != nil {
		return x.guestFault(route, x.trouble)
	}
	if rt == nil {
		if vh == nil {
			return x.refuse(route, 404, "no-vhost")
		}
		x.rec.VHost = vh.Name
		return x.refuse(route, 404, "no-route")
	}
	x.match, x.plan = rt, x.gen.Routes[rt.ID]
	x.rec.VHost, x.rec.Route = x.plan.VHost, x.plan.Name
	x.routeCounters, x.vhostCounters = x.plan.Counters, x.plan.VHostCounters
	env.VHost, env.Route = x.plan.VHost, x.plan.Name
	return admit
}
