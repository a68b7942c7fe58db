package bench

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"fishplate/internal/bench/load"
)

// Workload is one kind of transaction.
type Workload struct {
	Name     string
	Does     string // a line for people
	Protocol string // of the built-in server; empty = Options.Serve must know
	TLS      bool
	plan     func(p *load.Plan, o *Options)
}

// Workloads returns the table, in the order of help.
func Workloads() []Workload {
	return []Workload{
		{"crr", "connect, a byte each way, close: netperf's TCP_CRR", "echo", false, func(p *load.Plan, _ *Options) {
			p.Request, p.Ending, p.Size = []byte("x"), load.AtSize, 1
		}},
		{"cc", "connect and close", "echo", false, func(p *load.Plan, _ *Options) { p.Ending = load.AtConnect }},
		{"rr", "a byte each way on connections that stay open", "echo", false, func(p *load.Plan, _ *Options) {
			p.Request, p.Ending, p.Size, p.Persist = []byte("x"), load.AtSize, 1, true
		}},
		{"accept", "connect, and the server closes at once", "close", false, func(p *load.Plan, _ *Options) { p.Ending = load.AtClose }},
		{"http-close", "one GET a connection, which the server closes", "http", false, func(p *load.Plan, o *Options) {
			p.Request, p.Ending, p.HTTP = o.get(true), load.AtClose, true
		}},
		{"http-keepalive", "GET after GET on connections that stay open", "http", false, func(p *load.Plan, o *Options) {
			p.Request, p.Ending, p.Persist = o.get(false), load.AtHTTP, true
		}},
		{"tls", "a full TLS handshake and one GET a connection", "http", true, func(p *load.Plan, o *Options) {
			p.Request, p.Ending, p.HTTP, p.TLS = o.get(true), load.AtClose, true, o.secure()
		}},
		{"tls-resumed", "a resumed TLS handshake and one GET a connection", "http", true, func(p *load.Plan, o *Options) {
			p.Request, p.Ending, p.HTTP, p.TLS, p.Resume = o.get(true), load.AtClose, true, o.secure(), true
		}},
		{"tenant", "GET after GET, answered by a tenant's program", "", false, func(p *load.Plan, o *Options) {
			p.Request, p.Ending, p.Persist = o.get(false), load.AtHTTP, true
		}},
		{"ws", "a message of 32 bytes to and fro on WebSockets", "ws", false, func(p *load.Plan, o *Options) {
			p.Opening = o.upgrade()
			p.Request, p.Ending, p.Persist = message(), load.AtSize, true
			p.Size = len(p.Request) - maskBytes
		}},
	}
}

// find returns the workload of that name.
func find(name string) (Workload, error) {
	list := Workloads()
	i := slices.IndexFunc(list, func(w Workload) bool { return w.Name == name })
	if i < 0 {
		names := make([]string, len(list))
		for i, w := range list {
			names[i] = w.Name
		}
		return Workload{}, fmt.Errorf("unknown workload %q: %s", name, strings.Join(names, ", "))
	}
	return list[i], nil
}

// Known returns an error that lists the workloads unless name is one of them.
func Known(name string) error {
	_, err := find(name)
	return err
}

func (o *Options) get(closing bool) []byte {
	connection := ""
	if closing {
		connection = "Connection: close\r\n"
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", o.Params.Path, o.Params.Host, connection)
}

func (o *Options) upgrade() []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", o.Params.Path, o.Params.Host)
}

// secure does not look at the server's certificate: it is measured, not trusted.
func (o *Options) secure() *tls.Config {
	return &tls.Config{ServerName: o.Params.Host, InsecureSkipVerify: true}
}

const maskBytes = 4

// message is one masked text frame; the mask is zero, which is as good as any
// when nobody but a benchmark listens.
func message() []byte {
	const text = "0123456789abcdef0123456789abcdef"
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// planOf makes the plan of one run against that address.
func (o *Options) planOf(w Workload, target netip.AddrPort) load.Plan {
	p := load.Plan{
		Target: target, Connections: o.Params.Connections, Rate: o.Params.Rate, Threads: o.Params.Threads,
		Timeout: o.Timeout, Reset: o.Params.Reset, Sources: sources(target.Addr(), o.Params.Sources),
	}
	w.plan(&p, o)
	return p
}

// sources returns loopback addresses to connect from: each has its own ports,
// of which one address has but 28,232 towards one server.
func sources(target netip.Addr, n int) (list []netip.Addr) {
	if !target.Unmap().Is4() || !target.IsLoopback() {
		return nil
	}
	for i := range n {
		list = append(list, netip.AddrFrom4([4]byte{127, 0, byte(1 + i/250), byte(1 + i%250)}))
	}
	return list
}
