package process

import (
	"context"
	"time"

	"fishplate/internal/control"
	"fishplate/internal/proxy"
)

// try lets a generation serve a share of the clients.
func (e *estate) try(g *proxy.Generation, share float64) control.Tried {
	c := e.server.Try(g, share)
	return control.Tried{
		Outcomes: func() (next, running control.Outcomes) {
			a, b := c.Outcomes()
			return outcomes(a), outcomes(b)
		},
		End:  c.End,
		Gone: func(ctx context.Context) error { return e.server.Drained(ctx, g) },
	}
}

func outcomes(o proxy.Outcomes) control.Outcomes {
	return control.Outcomes{Requests: o.Requests, Errors: o.Errors, P99: float64(o.P99) / float64(time.Millisecond)}
}
