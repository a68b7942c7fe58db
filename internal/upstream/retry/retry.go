package retry

import (
	"slices"
	"strconv"
	"sync/atomic"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/cause"
)

// Policy is model.Retry compiled.
type Policy struct {
	Attempts                int // after the first
	connect, reset, timeout bool
	statuses                []int
	Share                   float64 // of the requests, that may be sent again; 0 = nothing bounds it
}

// New compiles a policy.
func New(m model.Retry) Policy {
	p := Policy{Attempts: m.Attempts, Share: m.Budget, connect: len(m.On) == 0}
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

// Covers reports whether the policy names how a try ended: a fault, or else a
// status.
func (r *Policy) Covers(status int, fault *message.Fault) bool {
	if fault == nil {
		return slices.Contains(r.statuses, status)
	}
	switch fault.Cause {
	case cause.Refused, cause.Connect, cause.ConnectTime, cause.TLS:
		return r.connect
	case cause.Reset, cause.Closed:
		return r.reset && fault.Retry
	case cause.FirstByte:
		return r.timeout
	}
	return false
}

// Idempotent reports whether a request may be repeated (RFC 9110 §9.2.2).
func Idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// Budget bounds retries to a share of the requests, so that a backend in
// trouble is not buried under repetitions: every request pays the share in,
// every retry takes one out. The account holds a few seconds' worth and begins
// with a reserve that lets a quiet backend retry at all.
type Budget struct{ spent atomic.Int64 } // thousandths; negative is credit earned beyond the reserve

const (
	budgetUnit    = 1000
	budgetReserve = 10 * budgetUnit
	budgetCap     = 100 * budgetUnit
)

// Deposit pays a request's share in.
func (b *Budget) Deposit(share float64) {
	if share <= 0 {
		return
	}
	if b.spent.Load() > budgetReserve-budgetCap {
		b.spent.Add(-int64(share * budgetUnit))
	}
}

// Withdraw takes one retry out; a share of 0 means that nothing bounds it.
func (b *Budget) Withdraw(share float64) bool {
	if share <= 0 {
		return true
	}
	if b.spent.Add(budgetUnit) > budgetReserve {
		b.spent.Add(-budgetUnit)
		return false
	}
	return true
}
