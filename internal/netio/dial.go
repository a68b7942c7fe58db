package netio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"fishplate/internal/netio/names"
)

// interfaceIndex returns the number of a network interface.
func interfaceIndex(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return i.Index, nil
}

// resolve turns host:port into addresses, literals without a look-up.
func resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return []netip.AddrPort{ap}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	ips, err := names.LookUp(ctx, host)
	if err != nil {
		return nil, err
	}
	out := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		out[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return out, nil
}

// Dial connects to "tcp" host:port, a literal or a name whose addresses are
// tried in turn, or to the "unix" socket at a path. It ends with the context,
// after o.Timeout, or with the system's error (errors.Is syscall.ECONNREFUSED,
// os.ErrDeadlineExceeded).
func Dial(ctx context.Context, network, address string, o DialOptions) (*Conn, error) {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	switch network {
	case "unix":
		c, err := dialUnix(ctx, address, o)
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
		return c, nil
	case "tcp":
	default:
		return nil, fmt.Errorf("dial %s: network %q: %w", address, network, ErrUnsupported)
	}
	addresses, err := resolve(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	var errs []error
	for _, ap := range addresses {
		c, err := dialTCP(ctx, ap, o)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("dial %s: %w", address, errors.Join(errs...))
}
