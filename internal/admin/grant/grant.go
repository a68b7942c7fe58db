package grant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"fishplate/internal/tenant"
)

// ErrToken is the answer to whoever holds no token of a tenant. An unknown name and
// a wrong token are one answer.
var ErrToken = errors.New("there is no such tenant, or the token is not one of it")

// A Grant is one call of somebody who held a token of a tenant when it began.
type Grant struct {
	Token  string // its name
	set    *tenant.Set
	tenant *tenant.Tenant
	sum    [sha256.Size]byte
	end    context.CancelFunc
}

// Look returns the grant of who gives that token. Hashes are compared, all of the
// tenant's and each in constant time.
func Look(set *tenant.Set, name, given string) (*Grant, error) {
	g := &Grant{set: set, sum: sha256.Sum256([]byte(given))} // for unknown names too, which take as long
	if set == nil {
		return nil, ErrToken
	}
	if g.tenant = set.Tenant(name); g.tenant == nil {
		return nil, ErrToken
	}
	var ok bool
	if g.Token, ok = g.named(g.tenant); !ok {
		return nil, ErrToken
	}
	return g, nil
}

// named returns the name that the token has in a tenant.
func (g *Grant) named(t *tenant.Tenant) (name string, ok bool) {
	for _, k := range t.Model().Tokens {
		want, err := hex.DecodeString(k.Hash)
		if err != nil {
			continue // the configuration was checked: it cannot be
		}
		if subtle.ConstantTimeCompare(g.sum[:], want) == 1 {
			name, ok = k.Name, true
		}
	}
	return name, ok
}

// Holds is ErrToken when the tenant has gone, has not that token any more, or is
// another one by the same name. That is so of what somebody found by its name before.
// Where there is no Grant the caller is the operator.
func (g *Grant) Holds() error {
	if g == nil {
		return nil
	}
	t := g.set.Tenant(g.tenant.Name())
	if t == nil || !t.Same(g.tenant) {
		return ErrToken
	}
	if _, ok := g.named(t); !ok {
		return ErrToken
	}
	return nil
}

type key struct{}

// Of returns the grant that a call is made by, nil when it needs none.
func Of(ctx context.Context) *Grant {
	g, _ := ctx.Value(key{}).(*Grant)
	return g
}

// With is a context of a call that is made by g.
func With(ctx context.Context, g *Grant) context.Context { return context.WithValue(ctx, key{}, g) }

// Open are the calls under way. The zero value has none.
type Open struct {
	mu     sync.Mutex
	grants map[*Grant]bool
}

// Begin returns the context of a call, which ends when the grant does not hold any
// more. The caller calls done.
func (o *Open) Begin(ctx context.Context, g *Grant) (_ context.Context, done func()) {
	ctx, g.end = context.WithCancel(With(ctx, g))
	o.mu.Lock()
	if o.grants == nil {
		o.grants = map[*Grant]bool{}
	}
	o.grants[g] = true
	o.mu.Unlock()
	if g.Holds() != nil { // a change may have come in between
		g.end()
	}
	return ctx, func() {
		o.mu.Lock()
		delete(o.grants, g)
		o.mu.Unlock()
		g.end()
	}
}

// Check ends the calls whose grants do not hold any more. It is called behind every
// change of tenants, before the next one.
func (o *Open) Check() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for g := range o.grants {
		if g.Holds() != nil {
			g.end()
		}
	}
}

// Peer is the address at the other end: of IPv6 the network, which one host has to
// itself.
func Peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return network(host)
}

// Client is the address that wrong tokens are counted by: the peer, or whom a front
// on this host names last.
func Client(r *http.Request) netip.Addr {
	peer := Peer(r)
	if fields := r.Header.Values("X-Forwarded-For"); peer.IsLoopback() && len(fields) > 0 {
		last := fields[len(fields)-1]
		if a := network(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); a.IsValid() {
			return a
		}
	}
	return peer
}

func network(host string) netip.Addr {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	if a = a.Unmap().WithZone(""); a.Is6() && !a.IsLoopback() {
		p, err := a.Prefix(64)
		if err == nil {
			a = p.Addr()
		}
	}
	return a
}
