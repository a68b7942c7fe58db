package proxy

import (
	"bufio"
	"net/netip"
	"time"

	"fishplate/internal/metrics"

	"github.com/pires/go-proxyproto"
)

// stepAccept begins a session: it counts the connection against the listener's
// limits and reads the PROXY header where one is required.
func stepAccept(x *exchange) step {
	s := x.s
	g := x.srv.current.Load()
	if g == nil {
		return finished
	}
	s.refresh(g)
	if s.plan == nil { // no generation of late knows the listener
		return finished
	}
	s.counters = s.plan.Counters
	s.conn.Start = time.Now()
	s.conn.Local, s.conn.Client = s.net.AddrPorts()
	s.counters.Add(s.shard, metrics.ListenerAccepted, 1)
	s.counters.Add(s.shard, metrics.ListenerConnections, 1)
	s.admitted = true
	limit := s.plan.Model.Limits.Connections
	if limit > 0 && s.counters.Value(metrics.ListenerConnections) > int64(limit) {
		s.counters.Add(s.shard, metrics.ListenerRefused, 1)
		x.srv.causes.Add("connection-limit")
		return finished
	}
	if !s.proxyHeader() {
		s.counters.Add(s.shard, metrics.ListenerRefused+2, 1)
		x.srv.causes.Add("bad-proxy-header")
		return finished
	}
	if ip := s.conn.Client.Addr(); ip.IsValid() {
		if !s.plan.Clients.Acquire(ip) {
			s.counters.Add(s.shard, metrics.ListenerRefused+1, 1)
			x.srv.causes.Add("client-connection-limit")
			return finished
		}
		s.client = ip
	}
	s.idleDue = x.srv.wheel.now() + s.plan.idle
	x.reader.Init(s.stream, s.plan.Limits)
	return sniff
}

// proxyHeader reads the PROXY header (version 1 or 2) of a peer that must send
// one, and takes the client's address from it.
func (s *session) proxyHeader() bool {
	from := s.plan.Model.ProxyFrom
	if len(from) == 0 || !trusted(from, s.conn.Client.Addr()) {
		return true
	}
	s.watch.arm(s.net, nil, s.srv.wheel.now()+s.plan.head)
	in := bufio.NewReaderSize(s.net, 512)
	h, err := proxyproto.Read(in)
	if s.watch.disarm() || err != nil {
		return false
	}
	if n := in.Buffered(); n > 0 {
		first, err := in.Peek(n)
		if err != nil {
			return false
		}
		s.stream, s.plain = &replay{Conn: s.net, first: first}, nil
	}
	if source, ok := addrPort(h.SourceAddr); ok && h.Command.IsProxy() {
		s.conn.Client = source
		if local, ok := addrPort(h.DestinationAddr); ok {
			s.conn.Local = local
		}
	}
	return true
}

func trusted(networks []netip.Prefix, ip netip.Addr) bool {
	ip = ip.Unmap()
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

func addrPort(a interface{ String() string }) (netip.AddrPort, bool) {
	if a == nil {
		return netip.AddrPort{}, false
	}
	ap, err := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), err == nil
}
