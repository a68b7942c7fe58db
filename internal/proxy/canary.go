package proxy

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// A Canary is a generation that serves a share of the clients beside the
// current one. A client is an address, of IPv6 its first 64 bits, and stays on
// its side as long as the Canary lasts.
type Canary struct {
	srv     *Server
	next    *Generation
	current *Generation // that serves the others; it knows of the Canary
	below   uint64      // hashes below that are next's
	seed    [2]uint64
	sides   [2]*metrics.Set // metrics.VHost: of next, and of current
}

// Outcomes are what became of one side's exchanges.
type Outcomes struct {
	Requests int64
	Errors   int64         // statuses from 500 on, and answers that were broken off by other than the client
	P99      time.Duration // upper bound of the histogram's bucket that it lies in
}

// Try lets next serve that share of the clients, 0 to 1, until Swap or End. The
// current generation is replaced by a copy that knows of it: who reads it sees
// by one field, which it has at hand, that there is nothing to choose.
func (s *Server) Try(next *Generation, share float64) *Canary {
	current := *s.current.Load()
	c := &Canary{
		srv: s, next: next, current: &current, seed: [2]uint64{rand.Uint64(), rand.Uint64()},
		sides: [2]*metrics.Set{metrics.VHost.New(), metrics.VHost.New()},
	}
	if c.below = math.MaxUint64; share < 1 {
		c.below = uint64(share * (1 << 63) * 2)
	}
	current.canary = c
	s.current.Store(&current)
	return c
}

// Apart returns the cache policies of g whose routes may answer otherwise than
// in current: what they store while g is tried is for g's clients only, and what
// others stored is not for them.
func (g *Generation) Apart(current *Generation) (list []*cache.Policy) {
	plans := current.byVHost()
	for rest := g.Router.Routes(); len(rest) > 0; rest = rest[len(rest[0].VHost.Routes):] {
		v, first := rest[0].VHost, rest[0].ID
		old := plans[v]
		for i, plan := range g.Routes[first : first+len(v.Routes)] {
			if plan.cache != nil && (old == nil || !g.answersLike(current, v.Routes[i], plan, old[i])) {
				list = append(list, plan.cache)
			}
		}
	}
	return list
}

// answersLike reports whether the plans that two generations made of one route
// lead to the same backends and program.
func (g *Generation) answersLike(current *Generation, m *model.Route, p, old *RoutePlan) bool {
	if p.tenant != old.tenant || old.cache == nil {
		return false
	}
	names := named(m)
	if p.tenant != nil {
		names = append(names, p.tenant.Model().Backends...)
	}
	for _, name := range names {
		if g.Backends[name] != current.Backends[name] {
			return false
		}
	}
	return true
}

// End leaves all clients to the generation that was current, unless Swap has
// made another one so.
func (c *Canary) End() {
	plain := *c.current
	plain.canary = nil
	c.srv.current.CompareAndSwap(c.current, &plain)
}

// Outcomes returns what became of the exchanges of both sides.
func (c *Canary) Outcomes() (next, current Outcomes) {
	return outcomes(c.sides[0]), outcomes(c.sides[1])
}

func outcomes(s *metrics.Set) Outcomes {
	o := Outcomes{Requests: s.Value(metrics.VHostRequests), Errors: s.Value(metrics.VHostResponses + metrics.Class(500))}
	seen, bounds := int64(0), metrics.Durations()
	for i, bound := range bounds {
		seen += s.Value(metrics.VHostDuration + i)
		if o.P99 = bound; o.Requests > 0 && seen*100 >= o.Requests*99 {
			break
		}
	}
	if o.Requests == 0 {
		o.P99 = 0
	}
	return o
}

// side is 0 for a client of the next generation, and 1 for the others.
func (c *Canary) side(ip netip.Addr) int {
	a := ip.Unmap().As16()
	low := binary.BigEndian.Uint64(a[8:])
	if ip.Is6() && !ip.Is4In6() {
		low = 0
	}
	if mix(mix(binary.BigEndian.Uint64(a[:8])^c.seed[0])^low^c.seed[1]) < c.below {
		return 0
	}
	return 1
}

// mix spreads a number over all 64 bits (the finish of SplitMix64).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// generationFor returns the generation that serves a client.
func (s *Server) generationFor(ip netip.Addr) *Generation {
	g := s.current.Load()
	if c := g.canary; c != nil && c.side(ip) == 0 {
		return c.next
	}
	return g
}

// elect puts an exchange that pins the current generation on its client's side.
func (x *exchange) elect() {
	c := x.gen.canary
	at := c.side(x.req.ClientIP)
	if x.side = c.sides[at]; at != 0 {
		return
	}
	c.next.pin(x.s.shard)
	x.gen.unpin(x.s.shard)
	x.gen = c.next
	x.s.refresh(x.gen)
	x.rec.Generation = x.gen.ID
}

// countSide adds the exchange to the outcomes of its side.
func (x *exchange) countSide(r *Record, shard metrics.Shard) {
	x.side.Add(shard, metrics.VHostRequests, 1)
	x.side.Observe(shard, metrics.VHostDuration, r.Duration)
	if r.Status >= 500 || x.fault != nil && x.fault.Side != message.SideClient {
		x.side.Add(shard, metrics.VHostResponses+metrics.Class(500), 1)
	}
}
