package proxy

import (
	"sync"

	"fishplate/internal/metrics"
	"fishplate/internal/tenant"
)

// refreshesAtOnce bounds the fetches behind stale answers. One more is left out;
// the next stale answer tries again.
const refreshesAtOnce = 256

// refreshes fetch what was just served stale, while nobody waits.
type refreshes struct {
	slots chan struct{}
	tasks sync.WaitGroup
}

func (r *refreshes) init() { r.slots = make(chan struct{}, refreshesAtOnce) }

// start renews the object that the exchange is about to answer with.
func (r *refreshes) start(x *exchange) {
	select {
	case r.slots <- struct{}{}:
	default:
		x.srv.causes.Add("refresh-busy")
		x.visit.Decline()
		return
	}
	y := x.inner(discard{})
	if string(y.req.Method) == "HEAD" {
		y.req.Method = []byte("GET") // the object is that of GET
	}
	y.plan, y.backend = x.plan, x.backend
	forged := x.decision.Kind == tenant.Forge
	y.decision, y.errand = x.decision, x.lend()
	if y.errand != nil {
		y.allies = x.keepAllies()
	}
	if !forged && y.backend == nil {
		y.backend = x.chooseBackend(uint32(x.srv.wheel.now()))
	}
	y.env.Req, y.env.VHost, y.env.Route, y.env.Now = &y.req, x.env.VHost, x.env.Route, x.env.Now
	x.visit.Delegate(&y.visit, &y.req)
	r.tasks.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				y.srv.process.Add(y.s.shard, metrics.ProcessPanics, 1)
				y.srv.logger.Error("panic in a refresh", "panic", p)
			}
			y.plan = nil
			y.srv.endInner(y)
			<-r.slots
		}()
		// Who made the object makes it again; no server has it.
		if y.enlist() != nil || y.onMiss(true) != fetch {
			return
		}
		if (y.decision.Kind == tenant.Forge || y.backend != nil) && stepFetch(y) == store {
			stepStore(y)
		}
	})
}
