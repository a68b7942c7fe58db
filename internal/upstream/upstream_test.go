package upstream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/cause"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// origin is a server on loopback that answers every request with its name.
type origin struct {
	listener net.Listener
	accepted atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool
	tasks    sync.WaitGroup
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOrigin(t, l)
}

func serveOrigin(t testing.TB, l net.Listener) *origin {
	o := &origin{listener: l, conns: map[net.Conn]bool{}}
	o.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.accepted.Add(1)
			o.mu.Lock()
			o.conns[c] = true
			o.mu.Unlock()
			o.tasks.Go(func() { o.answer(c) })
		}
	})
	t.Cleanup(o.close)
	return o
}

func (o *origin) answer(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
	}
}

const reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func (o *origin) address() string { return o.listener.Addr().String() }

// hangUp closes every connection; reset makes it abrupt.
func (o *origin) hangUp(reset bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.conns {
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
		delete(o.conns, c)
	}
}

func (o *origin) close() {
	_ = o.listener.Close()
	o.hangUp(false)
	o.tasks.Wait()
}

// backendOf makes a configuration with a server per address, named s0, s1, ….
func backendOf(addresses ...string) *model.Backend {
	b := &model.Backend{
		Name: "app", Balance: model.Balance{Text: "roundrobin", Steps: []model.BalanceStep{{Name: "roundrobin"}}},
		Timeouts: model.BackendTimeouts{Connect: 3 * time.Second, FirstByte: time.Minute, Idle: time.Minute},
		Retry:    model.Retry{Attempts: 2, On: []string{"connect"}},
		Pool:     model.Pool{Idle: 256},
	}
	for i, a := range addresses {
		b.Servers = append(b.Servers, &model.Server{Name: fmt.Sprintf("s%d", i), Address: a, Weight: 100})
	}
	return b
}

// commit prepares and commits backends, and returns the first one's view.
func commit(t testing.TB, s *Set, list ...*model.Backend) *Backend {
	t.Helper()
	u, err := s.Prepare(list)
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	s.LetGo()
	return u.Backends()[list[0].Name]
}

func newSet(t testing.TB, o Options) *Set {
	s := NewSet(o)
	t.Cleanup(s.Close)
	return s
}

// pick makes the search of a request.
func pick(method, path string) *Pick {
	req := &message.Request{
		Method: []byte(method), Scheme: "http", Host: []byte("app.test"), Path: []byte(path), Target: []byte(path),
		ClientIP: netip.MustParseAddr("192.0.2.1"),
	}
	p := &Pick{}
	p.Reset(&predicate.Env{Req: req}, 0)
	return p
}

// must acquires or ends the test.
func must(t testing.TB, b *Backend, p *Pick) Lease {
	t.Helper()
	l, f := b.Acquire(context.Background(), p)
	if f != nil {
		t.Fatalf("acquire: %v", f)
	}
	return l
}

// exchange sends a request on the lease and reads the whole answer.
func exchange(l *Lease) error {
	if _, err := io.WriteString(l.Conn.Stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"); err != nil {
		return err
	}
	buf := make([]byte, len(reply))
	_, err := io.ReadFull(l.Conn.Stream, buf)
	return err
}

// use makes one whole exchange and returns the server's name.
func use(t testing.TB, b *Backend, p *Pick) (server string, reused bool) {
	t.Helper()
	l := must(t, b, p)
	if err := exchange(&l); err != nil {
		t.Fatalf("exchange with %s: %v", l.Server.Name(), err)
	}
	server, reused = l.Server.Name(), l.Reused
	l.Report(Outcome{Status: 200}, time.Millisecond)
	l.Release(true)
	return server, reused
}

func counters(b *Backend, server int, want map[int]int64) string {
	s, problems := b.Servers()[server], ""
	for i, w := range want {
		if got := s.Counters().Value(i); got != w {
			problems += fmt.Sprintf("%s %s is %d, want %d; ", s.Name(), ServerCounters()[i], got, w)
		}
	}
	return problems
}

func TestRoundAndReuse(t *testing.T) {
	a, c := newOrigin(t), newOrigin(t)
	b := commit(t, newSet(t, Options{}), backendOf(a.address(), c.address()))
	var got []string
	for range 6 {
		s, reused := use(t, b, pick("GET", "/"))
		got = append(got, fmt.Sprint(s, reused))
	}
	if want := "s0false s1false s0true s1true s0true s1true"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if problems := counters(b, 0, map[int]int64{ServerRequests: 3, ServerConnections: 1, ServerReused: 2, Server2xx: 3}); problems != "" {
		t.Error(problems)
	}
	if n := a.accepted.Load(); n != 1 {
		t.Errorf("%d connections to s0, want 1", n)
	}
}

func TestLIFO(t *testing.T) {
	o := newOrigin(t)
	b := commit(t, newSet(t, Options{}), backendOf(o.address()))
	first, second := must(t, b, pick("GET", "/")), must(t, b, pick("GET", "/"))
	last := second.Conn
	first.Release(true)
	second.Release(true)
	l := must(t, b, pick("GET", "/"))
	if l.Conn != last {
		t.Error("the connection used last is not taken first")
	}
	l.Release(false)
	if n := b.Servers()[0].pool.Len(); n != 1 {
		t.Errorf("%d idle connections, want 1", n)
	}
}

// TestStaleSeen: the server closes the idle connection; the next request finds
// out before it sends anything.
func TestStaleSeen(t *testing.T) {
	o := newOrigin(t)
	b := commit(t, newSet(t, Options{}), backendOf(o.address()))
	use(t, b, pick("GET", "/"))
	c := b.Servers()[0].pool.Take()
	o.hangUp(false)
	for !c.stale() {
		time.Sleep(time.Millisecond) // the FIN is on its way through the kernel
	}
	b.Servers()[0].pool.Put(c, 1)
	if _, reused := use(t, b, pick("POST", "/")); reused {
		t.Error("a closed connection was reused")
	}
	if problems := counters(b, 0, map[int]int64{ServerStale: 1, ServerResets: 0, ServerRetries: 0, ServerConnections: 2}); problems != "" {
		t.Error(problems)
	}
}

// TestStaleUnseen: the connection breaks after the request was sent, before any
// response byte. A GET is repeated once, on a new connection to the same
// server, and nobody counts a failure; a POST is not.
func TestStaleUnseen(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		o := newOrigin(t)
		m := backendOf(o.address(), o.address())
		m.Retry.Attempts = 0
		m.Eject = &model.Eject{Errors: 1, Window: time.Minute, For: time.Minute, Max: 1}
		b := commit(t, newSet(t, Options{}), m)
		use(t, b, pick("GET", "/"))
		use(t, b, pick("GET", "/"))
		p := pick(method, "/")
		l := must(t, b, p)
		o.hangUp(true)
		err := exchange(&l)
		if !l.Reused || err == nil {
			t.Fatalf("reused %v, error %v", l.Reused, err)
		}
		out := Outcome{Fault: l.Fault(AwaitingHead, err)}
		l.Report(out, 0)
		server := l.Server
		l.Release(false)
		again := b.MayRetry(p, out)
		if again != (method == "GET") {
			t.Fatalf("%s: may retry is %v", method, again)
		}
		if server.State() != "up" || server.Counters().Value(ServerResets) != 0 || server.Counters().Value(ServerStale) != 1 {
			t.Errorf("state %s, resets %d, stale %d", server.State(), server.Counters().Value(ServerResets), server.Counters().Value(ServerStale))
		}
		if again {
			l := must(t, b, p)
			if l.Reused || l.Server != server {
				t.Errorf("retried on %s, reused %v", l.Server.Name(), l.Reused)
			}
			if b.MayRetry(p, out) {
				t.Error("a second free retry")
			}
			l.Release(true)
		}
	}
}

func TestConnectRefused(t *testing.T) {
	o, gone := newOrigin(t), newOrigin(t)
	gone.close()
	b := commit(t, newSet(t, Options{}), backendOf(gone.address(), o.address()))
	p := pick("POST", "/")
	_, f := b.Acquire(t.Context(), p)
	if f == nil || f.Cause != "connect-refused" || f.Status != 502 || f.Side != message.SideOrigin {
		t.Fatalf("fault %v", f)
	}
	if !b.MayRetry(p, Outcome{Fault: f}) {
		t.Fatal("a refused connection may not be retried, although nothing was sent")
	}
	if s, _ := use(t, b, p); s != "s1" {
		t.Errorf("retried on %s", s)
	}
	if problems := counters(b, 0, map[int]int64{ServerConnectErrors: 1, ServerRetries: 1}); problems != "" {
		t.Error(problems)
	}
	if b.Servers()[0].Active() != 0 {
		t.Error("the failed try keeps its slot")
	}
	if b.Counters().Value(BackendRequests) != 1 || b.Counters().Value(BackendRetries) != 1 {
		t.Error("one request with one retry is counted otherwise")
	}
}

// TestConnectTimeout: a listener whose backlog is full never answers.
func TestConnectTimeout(t *testing.T) {
	address := blackHole(t)
	m := backendOf(address)
	m.Timeouts.Connect = 50 * time.Millisecond
	b := commit(t, newSet(t, Options{}), m)
	_, f := b.Acquire(t.Context(), pick("GET", "/"))
	if f == nil || f.Cause != "connect-timeout" || f.Status != 504 {
		t.Fatalf("fault %v", f)
	}
	if problems := counters(b, 0, map[int]int64{ServerConnectTimeouts: 1, ServerConnectErrors: 0}); problems != "" {
		t.Error(problems)
	}
}

// TestClientLeavesDuringConnect: the cause is the client, and the server is not
// blamed.
func TestClientLeavesDuringConnect(t *testing.T) {
	b := commit(t, newSet(t, Options{}), backendOf(blackHole(t)))
	ctx, cancel := context.WithCancel(t.Context())
	stop := time.AfterFunc(20*time.Millisecond, cancel)
	defer stop.Stop()
	_, f := b.Acquire(ctx, pick("GET", "/"))
	if f == nil || f.Cause != "client-left" || f.Side != message.SideClient {
		t.Fatalf("fault %v", f)
	}
	if problems := counters(b, 0, map[int]int64{ServerConnectTimeouts: 0, ServerConnectErrors: 0}); problems != "" {
		t.Error(problems)
	}
}

func TestPhases(t *testing.T) {
	a, z := net.Pipe()
	_ = z.SetDeadline(time.Unix(1, 0))
	_, late := z.Read(make([]byte, 1))
	_, _ = a.Close(), z.Close()
	for _, c := range []struct {
		phase  Phase
		err    error
		cause  string
		status int
		retry  bool
	}{
		{Connecting, late, "connect-timeout", 504, true},
		{AwaitingHead, late, "first-byte-timeout", 504, true},
		{ReadingBody, late, "server-idle-timeout", 504, false},
		{Sending, late, "server-idle-timeout", 504, true},
		{AwaitingHead, io.EOF, "server-closed", 502, true},
		{ReadingBody, io.ErrUnexpectedEOF, "server-closed", 502, false},
		{AwaitingHead, io.ErrClosedPipe, "server-reset", 502, true},
		{Connecting, io.ErrClosedPipe, "connect-failed", 502, true},
		{Connecting, cause.HandshakeError{Err: io.EOF}, "server-tls", 502, true},
	} {
		f := Classify(c.phase, c.err)
		if f.Cause != c.cause || f.Status != c.status || f.Retry != c.retry || f.Step != "fetch" {
			t.Errorf("phase %d, %v: %+v, want %s %d", c.phase, c.err, f, c.cause, c.status)
		}
	}
	own := &message.Fault{Cause: "bad-status-line", Status: 502}
	if Classify(AwaitingHead, fmt.Errorf("read: %w", own)) != own {
		t.Error("a fault does not stay as it is")
	}
}

func TestRetryPolicy(t *testing.T) {
	o := newOrigin(t)
	for _, c := range []struct {
		on      []string
		outcome Outcome
		method  string
		want    bool
	}{
		{[]string{"connect"}, Outcome{Status: 503}, "GET", false},
		{[]string{"503"}, Outcome{Status: 503}, "GET", true},
		{[]string{"503"}, Outcome{Status: 503}, "POST", false},
		{[]string{"503"}, Outcome{Status: 502}, "GET", false},
		{[]string{"reset"}, Outcome{Fault: Classify(AwaitingHead, io.EOF)}, "PUT", true},
		{[]string{"reset"}, Outcome{Fault: Classify(AwaitingHead, io.EOF)}, "PATCH", false},
		{[]string{"reset"}, Outcome{Fault: Classify(ReadingBody, io.EOF)}, "GET", false},
		{[]string{"timeout"}, Outcome{Fault: Classify(AwaitingHead, context.DeadlineExceeded)}, "GET", true},
		{nil, Outcome{Fault: Classify(AwaitingHead, context.DeadlineExceeded)}, "GET", false},
	} {
		m := backendOf(o.address())
		m.Retry = model.Retry{Attempts: 2, On: c.on}
		b := commit(t, newSet(t, Options{}), m)
		p := pick(c.method, "/")
		l := must(t, b, p)
		l.Release(false)
		for i, want := range []bool{c.want, c.want, false} {
			if got := b.MayRetry(p, c.outcome); got != want {
				t.Errorf("%v, %+v, %s: retry %d is %v, want %v", c.on, c.outcome, c.method, i+1, got, want)
			}
		}
	}
}

func TestNoServer(t *testing.T) {
	b := commit(t, newSet(t, Options{}), backendOf())
	_, f := b.Acquire(t.Context(), pick("GET", "/"))
	if f == nil || f.Cause != "no-server" || f.Status != 503 || f.RetryAfter < time.Second {
		t.Fatalf("fault %v", f)
	}
}

// TestCausesAreDocumented: each cause word that the code makes has its row, and each
// counter its name.
func TestCausesAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Causes() {
		if seen[c.Name] || c.Doc == "" || c.Status == 0 {
			t.Errorf("row %+v", c)
		}
		seen[c.Name] = true
	}
	for i, names := range [][]string{ServerCounters(), BackendCounters()} {
		if want := []int{serverCounters, backendCounters}[i]; len(names) != want || slices.Contains(names, "") {
			t.Errorf("table %d has %d names, want %d: %q", i, len(names), want, names)
		}
	}
}

func TestEphemeralPool(t *testing.T) {
	o := newOrigin(t)
	for _, bound := range []int{0, 2} {
		m := backendOf(o.address())
		m.Pool = model.Pool{Idle: bound}
		b := commit(t, newSet(t, Options{}), m)
		var leases []Lease
		for range 4 {
			leases = append(leases, must(t, b, pick("GET", "/")))
		}
		for i := range leases {
			leases[i].Release(true)
		}
		if n := b.Servers()[0].pool.Len(); n != bound {
			t.Errorf("%d idle connections, bound %d", n, bound)
		}
	}
}

func TestExplain(t *testing.T) {
	o := newOrigin(t)
	m := backendOf(o.address(), o.address())
	m.Persist = &model.Persist{Kind: "source"}
	s := newSet(t, Options{})
	b := commit(t, s, m)
	if err := s.SetState("app", "s0", "maintenance"); err != nil {
		t.Fatal(err)
	}
	e := b.Explain(pick("GET", "/"))
	want := []balance.Candidate{{Server: "s0", Why: "maintenance"}, {Server: "s1", In: true, Why: "chosen: its turn"}}
	if e.Server != "s1" || e.Persist != "source: not pinned" || len(e.Candidates) != 2 || e.Candidates[0] != want[0] || e.Candidates[1] != want[1] {
		t.Errorf("%+v", e)
	}
	use(t, b, pick("GET", "/"))
	if err := s.SetState("app", "s1", "maintenance"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState("app", "s0", "up"); err != nil {
		t.Fatal(err)
	}
	e = b.Explain(pick("GET", "/"))
	if e.Server != "s0" || e.Persist != "source: pinned to s1, which is maintenance: rebalance" {
		t.Errorf("%+v", e)
	}
}
