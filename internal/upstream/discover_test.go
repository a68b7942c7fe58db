package upstream

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/model"

	"github.com/miekg/dns"
)

// zone is a DNS server on loopback.
type zone struct {
	address string
	mu      sync.Mutex
	records map[string][]dns.RR // "name type"
	broken  bool
	tcp     int
}

func newZone(t *testing.T) *zone {
	t.Helper()
	z := &zone{records: map[string][]dns.RR{}}
	packets, stream := twin(t)
	z.address = packets.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: z}, {Listener: stream, Handler: z}} {
		ready, done := make(chan bool), make(chan bool)
		s.NotifyStartedFunc = func() { close(ready) }
		go func() {
			defer close(done)
			_ = s.ActivateAndServe() // ends with Shutdown
		}()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return z
}

// twin listens on one free port for UDP and TCP; a port that is free for one
// may be taken for the other.
func twin(t *testing.T) (packets net.PacketConn, stream net.Listener) {
	t.Helper()
	for {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stream, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, stream
		}
		_ = packets.Close()
	}
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	a := new(dns.Msg).SetReply(q)
	if w.LocalAddr().Network() == "tcp" {
		z.tcp++
	}
	question := q.Question[0]
	a.Answer = z.records[question.Name+" "+dns.TypeToString[question.Qtype]]
	switch {
	case z.broken:
		a.Answer, a.Rcode = nil, dns.RcodeServerFailure
	case len(a.Answer) > 20 && w.LocalAddr().Network() == "udp":
		a.Truncate(512)
	}
	_ = w.WriteMsg(a) // the client asks again when it hears nothing
}

// set replaces the records of a name and type.
func (z *zone) set(t *testing.T, key string, lines ...string) {
	t.Helper()
	var list []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rr)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[key] = list
}

func (z *zone) fail(broken bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken = broken
}

func addresses(b *Backend) string {
	var list []string
	for _, s := range b.Servers() {
		text := s.Address()
		if s.status().Backup {
			text += " backup"
		}
		list = append(list, fmt.Sprintf("%s×%d", text, s.Weight()))
	}
	return strings.Join(list, ", ")
}

// eventually polls until the state is there; discovery tells nobody.
func eventually(t *testing.T, what, want string, state func() string) {
	t.Helper()
	for start := time.Now(); state() != want; time.Sleep(2 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%s: %q, want %q", what, state(), want)
		}
	}
}

func TestDiscoverAddresses(t *testing.T) {
	z, s := newZone(t), newSet(t, Options{})
	z.set(t, "app.internal. A", "app.internal. 1 A 127.0.0.1", "app.internal. 1 A 127.0.0.2")
	m := backendOf("127.0.0.1:1")
	m.Discover = &model.Discover{Kind: "dns", Type: "a", Name: "app.internal", Port: 8080, Resolver: z.address, Min: 2}
	b := commit(t, s, m)
	both := "127.0.0.1:1×100, 127.0.0.1:8080×100, 127.0.0.2:8080×100"
	eventually(t, "first answer", both, func() string { return addresses(b) })
	kept := b.Servers()[1]

	z.fail(true)
	errors := func() string { return fmt.Sprint(b.Counters().Value(BackendDiscoveryErrors) > 0) }
	eventually(t, "failure", "true", errors)
	if got := addresses(b); got != both {
		t.Errorf("after a failure: %s", got)
	}
	z.fail(false)
	before := b.Counters().Value(BackendDiscoveryErrors)
	z.set(t, "app.internal. A", "app.internal. 1 A 127.0.0.9")
	eventually(t, "too few", "true", func() string { return fmt.Sprint(b.Counters().Value(BackendDiscoveryErrors) > before) })
	if got := addresses(b); got != both {
		t.Errorf("fewer than min are in force: %s", got)
	}
	z.set(t, "app.internal. A", "app.internal. 1 A 127.0.0.1", "app.internal. 1 A 127.0.0.3")
	z.set(t, "app.internal. AAAA", "app.internal. 1 AAAA ::1")
	eventually(t, "change", "127.0.0.1:1×100, 127.0.0.1:8080×100, 127.0.0.3:8080×100, [::1]:8080×100", func() string { return addresses(b) })
	if b.Servers()[1] != kept {
		t.Error("the server that stays is another object")
	}
	// A reload keeps what was found.
	b = commit(t, s, m)
	if len(b.Servers()) != 4 {
		t.Errorf("after a reload: %s", addresses(b))
	}
	m = backendOf("127.0.0.1:1")
	if b = commit(t, s, m); len(b.Servers()) != 1 {
		t.Errorf("without discover: %s", addresses(b))
	}
}

func TestDiscoverService(t *testing.T) {
	z, s := newZone(t), newSet(t, Options{})
	z.set(t, "_http._tcp.app.internal. SRV",
		"_http._tcp.app.internal. 60 SRV 10 60 8080 a.internal.", "_http._tcp.app.internal. 60 SRV 10 0 8081 a.internal.",
		"_http._tcp.app.internal. 60 SRV 20 5 8082 b.internal.")
	z.set(t, "a.internal. A", "a.internal. 60 A 127.0.0.1")
	z.set(t, "b.internal. A", "b.internal. 60 A 127.0.0.2")
	m := backendOf()
	m.Discover = &model.Discover{Kind: "dns", Type: "srv", Name: "_http._tcp.app.internal", Resolver: z.address}
	b := commit(t, s, m)
	eventually(t, "answer", "127.0.0.1:8080×60, 127.0.0.1:8081×1, 127.0.0.2:8082 backup×5", func() string { return addresses(b) })
}

// TestDiscoverLargeAnswer: an answer that does not fit UDP is asked for by TCP.
func TestDiscoverLargeAnswer(t *testing.T) {
	z, s := newZone(t), newSet(t, Options{})
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("big.internal. 60 A 127.0.1.%d", i))
	}
	z.set(t, "big.internal. A", lines...)
	m := backendOf()
	m.Discover = &model.Discover{Kind: "dns", Type: "a", Name: "big.internal", Port: 80, Resolver: z.address}
	b := commit(t, s, m)
	eventually(t, "answer", "100", func() string { return fmt.Sprint(len(b.Servers())) })
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.tcp == 0 {
		t.Error("nobody asked by TCP")
	}
}

// TestRequestAwaitsDiscovery: a request that comes before the first answer
// waits for it.
func TestRequestAwaitsDiscovery(t *testing.T) {
	o, z, s := newOrigin(t), newZone(t), newSet(t, Options{})
	_, port, err := net.SplitHostPort(o.address())
	if err != nil {
		t.Fatal(err)
	}
	z.set(t, "app.internal. A", "app.internal. 60 A 127.0.0.1")
	m := backendOf()
	m.Discover = &model.Discover{Kind: "dns", Type: "a", Name: "app.internal", Resolver: z.address}
	if _, err := fmt.Sscan(port, &m.Discover.Port); err != nil {
		t.Fatal(err)
	}
	b := commit(t, s, m)
	if name, _ := use(t, b, pick("GET", "/")); name != o.address() {
		t.Errorf("served by %s", name)
	}
}
