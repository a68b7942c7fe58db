package process

import (
	"context"
	"errors"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/control"
	"fishplate/internal/proxy"
)

// a trial is what a Transaction may do with its generation before the commit.
type trial struct {
	e      *estate
	g      *proxy.Generation
	stored *cache.Trial // nil: it was not tried
}

// begin lets the generation serve a share of the clients.
func (t *trial) begin(share float64) control.Tried {
	t.stored = t.e.caches.Try(t.g.Apart(t.e.server.Current()))
	c := t.e.server.Try(t.g, share)
	return control.Tried{
		Outcomes: func() (next, running control.Outcomes) {
			a, b := c.Outcomes()
			return outcomes(a), outcomes(b)
		},
		End:  c.End,
		Gone: func(ctx context.Context) error { return errors.Join(t.e.server.Drained(ctx, t.g), t.forget(ctx)) },
	}
}

// join makes the generation, which serves all from now on, use what is stored
// for all.
func (t *trial) join() {
	if t.stored != nil {
		t.stored.Join()
	}
}

// forget removes what was stored for those who met the trial.
func (t *trial) forget(ctx context.Context) error {
	if t.stored == nil {
		return nil
	}
	return t.stored.Forget(ctx)
}

func outcomes(o proxy.Outcomes) control.Outcomes {
	return control.Outcomes{Requests: o.Requests, Errors: o.Errors, P99: float64(o.P99) / float64(time.Millisecond)}
}
