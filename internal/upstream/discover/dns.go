package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"fishplate/internal/model"

	"github.com/miekg/dns"
)

const (
	mostTTL    = 5 * time.Minute
	askTimeout = 2 * time.Second // of one question to one server
)

// LookUp asks for the servers of a name: of d.Resolver, else of the resolver
// given ("host:port"), else of the machine's. It returns them sorted, so that
// equal answers are equal lists, with the time for which the answer holds, five
// minutes at most.
func LookUp(ctx context.Context, d model.Discover, given string) ([]*model.Server, time.Duration, error) {
	r, err := newResolver(d.Resolver, given)
	if err != nil {
		return nil, 0, err
	}
	var list []*model.Server
	var ttl time.Duration
	if d.Type == "srv" || d.Type == "" && d.Port == 0 {
		list, ttl, err = r.service(ctx, d.Name)
	} else {
		var ips []net.IP
		ips, ttl, err = r.addresses(ctx, d.Name)
		for _, ip := range ips {
			list = append(list, serverAt(ip, d.Port))
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("look up %s: %w", d.Name, err)
	}
	slices.SortFunc(list, func(a, b *model.Server) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b *model.Server) bool { return a.Name == b.Name }), ttl, nil
}

func serverAt(ip net.IP, port int) *model.Server {
	address := net.JoinHostPort(ip.String(), strconv.Itoa(port))
	return &model.Server{Name: address, Address: address, Weight: 100}
}

// resolver asks DNS servers in turn.
type resolver struct {
	servers []string
	names   func(string) []string
}

// newResolver returns a resolver for the first address written, or for those of
// the machine.
func newResolver(written ...string) (*resolver, error) {
	for _, address := range written {
		if address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(address, "53")
		}
		return &resolver{[]string{address}, func(name string) []string { return []string{dns.Fqdn(name)} }}, nil
	}
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	r := &resolver{names: c.NameList}
	for _, server := range c.Servers {
		r.servers = append(r.servers, net.JoinHostPort(server, c.Port))
	}
	return r, nil
}

// ask returns the answer to one question, over TCP when it does not fit UDP.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	err := errors.New("no DNS server is configured")
	for _, full := range r.names(name) {
		for _, server := range r.servers {
			q := new(dns.Msg).SetQuestion(full, kind)
			q.SetEdns0(1232, false)
			client := &dns.Client{Timeout: askTimeout}
			var answer *dns.Msg
			answer, _, err = client.ExchangeContext(ctx, q, server)
			if err == nil && answer.Truncated {
				client.Net = "tcp"
				answer, _, err = client.ExchangeContext(ctx, q, server)
			}
			if err != nil {
				continue
			}
			if answer.Rcode == dns.RcodeSuccess {
				return answer, nil
			}
			err = fmt.Errorf("%s from %s", dns.RcodeToString[answer.Rcode], server)
			if answer.Rcode == dns.RcodeNameError {
				break // the other servers would say the same; another name may not
			}
		}
	}
	return nil, err
}

// addresses returns the A and AAAA records of a name and their lowest TTL. One
// family may fail or be absent; both may not.
func (r *resolver) addresses(ctx context.Context, name string) (ips []net.IP, ttl time.Duration, err error) {
	ttl = mostTTL
	var errs []error
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := r.ask(ctx, name, kind)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got, lowest := addressRecords(answer.Answer, "")
		ips, ttl = append(ips, got...), min(ttl, lowest)
	}
	if len(ips) == 0 {
		return nil, 0, errors.Join(append(errs, errors.New("no address"))...)
	}
	return ips, ttl, nil
}

// addressRecords collects A and AAAA records, of one owner if it is given.
func addressRecords(list []dns.RR, owner string) (ips []net.IP, ttl time.Duration) {
	ttl = mostTTL
	for _, rr := range list {
		h := rr.Header()
		if owner != "" && dns.CanonicalName(h.Name) != dns.CanonicalName(owner) {
			continue
		}
		switch a := rr.(type) {
		case *dns.A:
			ips = append(ips, a.A)
		case *dns.AAAA:
			ips = append(ips, a.AAAA)
		}
		ttl = min(ttl, time.Duration(h.Ttl)*time.Second)
	}
	return ips, ttl
}

// service returns the servers of SRV records (RFC 2782): those of the lowest
// priority number, and the others as backups.
func (r *resolver) service(ctx context.Context, name string) (list []*model.Server, ttl time.Duration, err error) {
	answer, err := r.ask(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	ttl = mostTTL
	var records []*dns.SRV
	for _, rr := range answer.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if srv, ok := rr.(*dns.SRV); ok && srv.Target != "." {
			records = append(records, srv)
		}
	}
	if len(records) == 0 {
		return nil, 0, errors.New("no SRV record")
	}
	first := slices.MinFunc(records, func(a, b *dns.SRV) int { return cmp.Compare(a.Priority, b.Priority) }).Priority
	for _, srv := range records {
		ips, lowest := addressRecords(answer.Extra, srv.Target)
		if len(ips) == 0 {
			if ips, lowest, err = r.addresses(ctx, srv.Target); err != nil {
				return nil, 0, err
			}
		}
		ttl = min(ttl, lowest)
		for _, ip := range ips {
			s := serverAt(ip, int(srv.Port))
			s.Weight, s.Backup = max(1, int(srv.Weight)), srv.Priority != first
			list = append(list, s)
		}
	}
	return list, ttl, nil
}
