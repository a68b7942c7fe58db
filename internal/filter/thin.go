package filter

import (
	"net/netip"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

type Edits struct{}

func CompileEdits(m model.Edits, o predicate.Options) (*Edits, error)                { return &Edits{}, nil }
func (e *Edits) ApplyRequest(req *message.Request, env *predicate.Env) (dropped int) { return 0 }
func (e *Edits) ApplyResponse(resp *message.Response, env *predicate.Env) (dropped int) {
	return 0
}

type RateLimit struct{}

func CompileRate(scope string, m model.RateLimit, o predicate.Options) (*RateLimit, error) {
	return &RateLimit{}, nil
}
func (l *RateLimit) Key(dst []byte, env *predicate.Env) []byte { return dst }

type Rates struct{}

func NewRates(keys int) *Rates { return &Rates{} }
func (r *Rates) Allow(l *RateLimit, key []byte, now time.Time) (ok bool, retryAfter time.Duration) {
	return true, 0
}

type Access struct{}

func CompileAccess(allow, deny []netip.Prefix) *Access { return nil }
func (a *Access) Allowed(ip netip.Addr) bool           { return true }

type ClientCounts struct{}

func NewClientCounts(limit int) *ClientCounts      { return &ClientCounts{} }
func (c *ClientCounts) SetLimit(limit int)         {}
func (c *ClientCounts) Acquire(ip netip.Addr) bool { return true }
func (c *ClientCounts) Release(ip netip.Addr)      {}

type ForwardPolicy struct{ Name string }

func NewForwardPolicy(m model.Forwarded, name string) ForwardPolicy { return ForwardPolicy{} }
func Forward(req *message.Request, p ForwardPolicy)                 {}
func Looped(req *message.Request, name string) bool                 { return false }

type Redirect struct{ Status int }

func CompileRedirect(m *model.Redirect, o predicate.Options) (*Redirect, error) {
	return &Redirect{Status: m.Status}, nil
}
func (r *Redirect) Location(dst []byte, env *predicate.Env) ([]byte, bool) { return dst, false }

func BodyTooLarge(req *message.Request, limit int64) *message.Fault { return nil }

type BodyMeter struct{ Limit, Seen int64 }

func (m *BodyMeter) Add(n int) *message.Fault { return nil }
func RetryAfterSeconds(d time.Duration) int   { return 1 }
