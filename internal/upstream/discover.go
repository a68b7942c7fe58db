package upstream

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

// Bounds of discovery.
const (
	leastTTL   = time.Second
	mostTTL    = 5 * time.Minute
	retryAfter = 2 * time.Second // after a look-up that failed
	askTimeout = 2 * time.Second // of one question to one server
)

// adoptDiscovery starts, restarts or ends the look-ups. It is called with the
// group's lock held.
func (g *group) adoptDiscovery(b *Backend) {
	want := b.model.Discover
	if want != nil && g.discover != nil && *want == *g.discover {
		return
	}
	g.endDiscovery()
	if want == nil {
		g.found = nil
		return
	}
	d := *want
	ctx, stop := context.WithCancel(g.set.life)
	g.discover, g.stopDNS = &d, stop
	g.looking.Store(len(g.found) == 0)
	g.set.start(func() { g.runDiscovery(ctx, d) })
}

// endDiscovery stops the look-ups; the group's lock is held.
func (g *group) endDiscovery() {
	if g.stopDNS != nil {
		g.stopDNS()
	}
	g.discover, g.stopDNS = nil, nil
	g.looking.Store(false)
}

// runDiscovery looks the name up whenever its records expire, until ctx ends. A
// look-up that fails, or finds fewer than min servers, leaves the last good
// answer in force.
func (g *group) runDiscovery(ctx context.Context, d model.Discover) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		list, ttl, err := g.set.lookUp(ctx, d)
		if ctx.Err() != nil {
			return
		}
		if err == nil && len(list) < d.Min {
			err = fmt.Errorf("look up %s: %d servers, min is %d", d.Name, len(list), d.Min)
		}
		if err != nil {
			g.counters.Add(0, BackendDiscoveryErrors, 1)
			g.set.log.Warn("discovery", "backend", g.name, "error", err)
			ttl = retryAfter
		} else {
			g.discovered(ctx, list)
		}
		if g.looking.Swap(false) {
			g.queue.stir()
		}
		timer.Reset(min(max(ttl, leastTTL), mostTTL))
	}
}

// discovered puts a new list of servers in force.
func (g *group) discovered(ctx context.Context, list []*model.Server) {
	g.mu.Lock()
	same := slices.EqualFunc(g.found, list, func(a, b *model.Server) bool { return *a == *b })
	if !same && ctx.Err() == nil {
		g.found = list
	}
	g.mu.Unlock()
	if !same {
		g.set.log.Info("discovery", "backend", g.name, "servers", len(list))
		g.rebuild()
	}
}

// lookUp asks for the servers of a name. The list is sorted, so that equal
// answers are equal lists.
func (s *Set) lookUp(ctx context.Context, d model.Discover) ([]*model.Server, time.Duration, error) {
	r, err := s.resolver(d)
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
			list = append(list, discoveredServer(ip, d.Port))
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("look up %s: %w", d.Name, err)
	}
	slices.SortFunc(list, func(a, b *model.Server) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b *model.Server) bool { return a.Name == b.Name }), ttl, nil
}

func discoveredServer(ip net.IP, port int) *model.Server {
	address := net.JoinHostPort(ip.String(), strconv.Itoa(port))
	return &model.Server{Name: address, Address: address, Weight: 100}
}

// resolver asks DNS servers in turn.
type resolver struct {
	servers []string
	names   func(string) []string
}

func (s *Set) resolver(d model.Discover) (*resolver, error) {
	for _, address := range []string{d.Resolver, s.options.Resolver} {
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
			s := discoveredServer(ip, int(srv.Port))
			s.Weight, s.Backup = max(1, int(srv.Weight)), srv.Priority != first
			list = append(list, s)
		}
	}
	return list, ttl, nil
}
