package proxy

import (
	"context"
	"errors"

	"fishplate/internal/cache"
	"fishplate/internal/message"
)

// BackendState implements tenant.Steering.
func (x *exchange) BackendState(backend string) (up, all int) {
	if x.gen == nil || x.gen.Backends[backend] == nil {
		return 0, 0
	}
	return x.gen.Backends[backend].Up()
}

// ServerState implements tenant.Steering.
func (x *exchange) ServerState(backend, server string) (up, known bool) {
	if x.gen == nil || x.gen.Backends[backend] == nil {
		return false, false
	}
	return x.gen.Backends[backend].Takes(server)
}

// own is the route's cache policy when its objects are the tenant's alone, else
// nil.
func (x *exchange) own() *cache.Policy {
	if x.plan == nil || x.plan.cache == nil || x.plan.tenant == nil || x.plan.cache.Tenant() != x.plan.tenant.Name() {
		return nil
	}
	return x.plan.cache
}

// PurgeURL implements tenant.Steering.
func (x *exchange) PurgeURL(ctx context.Context, req *message.Request) (objects int, ok bool) {
	p := x.own()
	if p == nil {
		return 0, false
	}
	done, err := p.PurgeURL(ctx, req, false)
	return done.Objects, err == nil
}

// PurgeTag implements tenant.Steering.
func (x *exchange) PurgeTag(ctx context.Context, tag []byte, soft bool) (objects int, ok bool) {
	p := x.own()
	if p == nil {
		return 0, false
	}
	done, err := p.PurgeTags(ctx, [][]byte{tag}, soft)
	return done.Objects, err == nil
}

// Ban implements tenant.Steering.
func (x *exchange) Ban(expression string) error {
	p := x.own()
	if p == nil {
		return errors.New("ban: no part of a cache is the tenant's own")
	}
	return p.Ban(expression, false)
}

// purgeOwn does what the decision "purge" says: what would answer the request
// goes out of the tenant's own part of the cache, and on_synth may make the
// answer.
func (x *exchange) purgeOwn() step {
	d := &x.decision
	d.Status, d.Body = 200, "purged\n"
	p := x.own()
	switch {
	case p == nil:
		d.Status, d.Body = 403, "purge-denied\n"
	case len(d.Key) > 0:
		if _, err := p.PurgeGiven(x.srv.ctx, d.Key, false); err != nil {
			d.Status, d.Body = 503, "purge-failed\n"
		}
	default:
		if _, err := p.PurgeURL(x.srv.ctx, &x.req, false); err != nil {
			d.Status, d.Body = 503, "purge-failed\n"
		}
	}
	return x.synth()
}
