package upstream

import "fishplate/internal/upstream/retry"

// MayRetry decides whether the request may be tried again, and prepares p for
// it; it may be called before or after the lease is released. Once Acquire gave
// a connection the request counts as sent, and then only idempotent methods are
// repeated (RFC 9110 §9.2.2). The caller must still be able to send the whole
// request, and no byte of a response may have gone to the client.
//
// A connection that the server closed while it was idle is replaced once, on
// the same server, without counting as a failure or a retry.
func (b *Backend) MayRetry(p *Pick, o Outcome) bool {
	if p.sent && !retry.Idempotent(p.Env.Req.Method) {
		return false
	}
	if p.reused && o.stale() && !p.stale {
		p.stale, p.again = true, p.last
		return true
	}
	if p.last == nil || p.attempts >= b.retry.Attempts || !b.retry.Covers(o.Status, o.Fault) {
		return false
	}
	g := b.group
	// A server that took nothing was given no work twice: only requests that
	// were sent are charged to the budget.
	if p.sent && !g.budget.Withdraw(b.retry.Share) {
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
