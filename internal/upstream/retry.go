package upstream

import (
	"slices"
	"strconv"
	"sync/atomic"

	"fishplate/internal/model"
)

// retryPolicy is model.Retry compiled.
type retryPolicy struct {
	attempts                int
	connect, reset, timeout bool
	statuses                []int
	budget                  float64
}

func newRetryPolicy(m model.Retry) retryPolicy {
	p := retryPolicy{attempts: m.Attempts, budget: m.Budget, connect: len(m.On) == 0}
	for _, word := range m.On {
		switch word {
		case "connect":
			p.connect = true
		case "reset":
			p.reset = true
		case "timeout":
			p.timeout = true
		default:
			if status, err := strconv.Atoi(word); err == nil {
				p.statuses = append(p.statuses, status)
			}
		}
	}
	return p
}

// covers reports whether the policy names the outcome.
func (r *retryPolicy) covers(o Outcome) bool {
	if o.Fault == nil {
		return slices.Contains(r.statuses, o.Status)
	}
	switch o.Fault.Cause {
	case causeRefused, causeConnect, causeConnectTime, causeTLS:
		return r.connect
	case causeReset, causeClosed:
		return r.reset && o.Fault.Retry
	case causeFirstByte:
		return r.timeout
	}
	return false
}

// MayRetry decides whether the request may be tried again, and prepares p for
// it; it may be called before or after the lease is released. Once Acquire gave
// a connection the request counts as sent, and then only idempotent methods are
// repeated (RFC 9110 §9.2.2). The caller must still be able to send the whole
// request, and no byte of a response may have gone to the client.
//
// A connection that the server closed while it was idle is replaced once, on
// the same server, without counting as a failure or a retry.
func (b *Backend) MayRetry(p *Pick, o Outcome) bool {
	if p.sent && !idempotent(p.Env.Req.Method) {
		return false
	}
	if p.reused && o.stale() && !p.stale {
		p.stale, p.again = true, p.last
		return true
	}
	if p.last == nil || p.attempts >= b.retry.attempts || !b.retry.covers(o) {
		return false
	}
	g := b.group
	// A server that took nothing was given no work twice: only requests that
	// were sent are charged to the budget.
	if p.sent && !g.budget.withdraw(b.retry.budget) {
		g.counters.Add(p.Shard, BackendRetriesRefused, 1)
		return false
	}
	p.avoid(p.last)
	p.attempts++
	g.counters.Add(p.Shard, BackendRetries, 1)
	p.last.counters.Add(p.Shard, ServerRetries, 1)
	return true
}

// Shun makes a server the last choice for the request: it is asked only when no
// other can be. A name that is none of the backend's servers is ignored.
func (b *Backend) Shun(p *Pick, server string) {
	if s := b.server(server); s != nil {
		p.avoid(s)
	}
}

// avoid notes a server that is to be chosen only when nothing else is left.
func (p *Pick) avoid(s *Server) {
	if n := len(p.query.Tried); n < len(p.tried) {
		p.tried[n] = &s.node
		p.query.Tried = p.tried[:n+1]
	}
}

// idempotent reports whether a request may be repeated (RFC 9110 §9.2.2).
func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// budget bounds retries to a share of the requests, so that a backend in
// trouble is not buried under repetitions: every request pays the share in,
// every retry takes one out. The account holds a few seconds' worth and begins
// with a reserve that lets a quiet backend retry at all.
type budget struct{ spent atomic.Int64 } // thousandths; negative is credit earned beyond the reserve

const (
	budgetUnit    = 1000
	budgetReserve = 10 * budgetUnit
	budgetCap     = 100 * budgetUnit
)

func (b *budget) deposit(share float64) {
	if share <= 0 {
		return
	}
	if b.spent.Load() > budgetReserve-budgetCap {
		b.spent.Add(-int64(share * budgetUnit))
	}
}

// withdraw takes one retry out; a share of 0 means that nothing bounds it.
func (b *budget) withdraw(share float64) bool {
	if share <= 0 {
		return true
	}
	if b.spent.Add(budgetUnit) > budgetReserve {
		b.spent.Add(-budgetUnit)
		return false
	}
	return true
}
