package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"fishplate/internal/netio/share"
)

// LookUp returns the addresses of a host, of both families. The library's resolver
// keeps the text of an error alone: that there was no descriptor to ask a server with
// is noted where it happens, so that the error is one of share.Exhausted.
func LookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	var scarce atomic.Pointer[error]
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if share.Exhausted(err) {
			scarce.Store(&err)
		}
		return c, err
	}}
	ips, err := r.LookupNetIP(ctx, "ip", host)
	if want := scarce.Load(); err != nil && want != nil {
		return nil, fmt.Errorf("look up %s: %w", host, *want)
	}
	return ips, err
}
