package feature

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

// wire is a client connection, a proxy and one scripted server connection.
type wire struct {
	t      *testing.T
	s      *harness.Server
	addr   string
	client net.Conn
	reader *bufio.Reader
	server chan net.Conn
}

// newWire starts a site whose server side the test speaks by hand.
func newWire(t *testing.T, listener, backend string) *wire {
	w := &wire{t: t, server: make(chan net.Conn, 4), addr: harness.FreeAddr(t)}
	done := make(chan struct{})
	o := harness.NewOrigin(t, func(c net.Conn) {
		w.server <- c
		<-done
	})
	t.Cleanup(func() { close(done) })
	w.s = harness.Start(t, fmt.Sprintf(`
listener "web" {
  bind = [%q]
  %s
}
backend "app" {
  servers = [%q]
  %s
}
vhost "any" { backend = "app" }
`, w.addr, listener, o.Addr, backend))
	w.client = harness.Dial(t, w.addr)
	_ = w.client.SetDeadline(time.Now().Add(20 * time.Second))
	w.reader = bufio.NewReader(w.client)
	return w
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.client, text); err != nil {
		w.t.Fatalf("client write: %v", err)
	}
}

// accept returns the server's side of the next connection.
func (w *wire) accept() *end {
	w.t.Helper()
	select {
	case c := <-w.server:
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return &end{w.t, c, bufio.NewReader(c)}
	case <-time.After(20 * time.Second):
		w.t.Fatal("the server is not reached")
		return nil
	}
}

func (w *wire) at() *end { return &end{w.t, w.client, w.reader} }

// end is one side of a conversation.
type end struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func (e *end) send(text string) {
	e.t.Helper()
	if _, err := io.WriteString(e.c, text); err != nil {
		e.t.Fatalf("write: %v", err)
	}
}

// head reads up to the empty line.
func (e *end) head() string {
	e.t.Helper()
	var b strings.Builder
	for {
		line, err := e.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			e.t.Fatalf("head ends early: %q, %v", b.String(), err)
		}
		if line == "\r\n" {
			return b.String()
		}
	}
}

// expect reads exactly the text.
func (e *end) expect(text string) {
	e.t.Helper()
	buf := make([]byte, len(text))
	n, err := io.ReadFull(e.r, buf)
	if err != nil || string(buf) != text {
		e.t.Fatalf("got %q, %v; want %q", buf[:n], err, text)
	}
}

// ends reads to the end and expects nothing more.
func (e *end) ends() {
	e.t.Helper()
	if rest, err := io.ReadAll(e.r); err != nil || len(rest) > 0 {
		e.t.Fatalf("got %q, %v; want the end", rest, err)
	}
}

func has(t *testing.T, head string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(strings.ToLower(head), strings.ToLower("\r\n"+line)) && !strings.HasPrefix(head, line) {
			t.Errorf("no %q in\n%s", line, head)
		}
	}
}

func lacks(t *testing.T, head string, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(strings.ToLower(head), strings.ToLower(word)) {
			t.Errorf("%q in\n%s", word, head)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	s := w.accept()
	for i := 1; i <= 3; i++ {
		has(t, s.head(), fmt.Sprintf("GET /%d HTTP/1.1", i))
		s.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", i))
	}
	for i := 1; i <= 3; i++ {
		has(t, w.at().head(), "HTTP/1.1 200")
		w.at().expect(fmt.Sprint(i))
	}
	w.at().ends()
}

func TestExpectContinue(t *testing.T) {
	w := newWire(t, "", "")
	w.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	s := w.accept()
	s.head()
	s.send("HTTP/1.1 100 Continue\r\n\r\n")
	has(t, w.at().head(), "HTTP/1.1 100")
	w.send("body")
	s.expect("body")
	s.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	has(t, w.at().head(), "HTTP/1.1 200")
}

func TestEarlyFinalResponseWhileBodyFlows(t *testing.T) {
	w := newWire(t, "", "")
	w.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst")
	s := w.accept()
	s.head()
	s.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
	has(t, w.at().head(), "HTTP/1.1 403")
	w.at().expect("no")
}

func TestBodyStreamsBothWaysAtOnce(t *testing.T) {
	w := newWire(t, "", "")
	w.send("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	s := w.accept()
	has(t, s.head(), "Transfer-Encoding: chunked")
	s.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	has(t, w.at().head(), "HTTP/1.1 200", "Transfer-Encoding: chunked")
	for range 5 { // each piece must cross before the next is sent
		w.send("4\r\nping\r\n")
		s.expect("4\r\nping\r\n")
		s.send("4\r\npong\r\n")
		w.at().expect("4\r\npong\r\n")
	}
	w.send("0\r\n\r\n")
	s.expect("0\r\n\r\n")
	s.send("0\r\n\r\n")
	w.at().expect("0\r\n\r\n")
}

func TestTrailers(t *testing.T) {
	w := newWire(t, "", "")
	w.send("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")
	s := w.accept()
	s.head()
	s.expect("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")
	s.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n2\r\nok\r\n0\r\nX-End: 2\r\n\r\n")
	w.at().head()
	w.at().expect("2\r\nok\r\n0\r\nX-End: 2\r\n\r\n")
}

func TestAnswersWithoutABody(t *testing.T) {
	for _, test := range []struct{ method, answer string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 100\r\n\r\n"},
	} {
		t.Run(test.method+test.answer[8:12], func(t *testing.T) {
			w := newWire(t, "", "")
			w.send(test.method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
			s := w.accept()
			s.head()
			s.send(test.answer)
			has(t, w.at().head(), test.answer[:12])
			// Nothing may follow: the next answer begins with its status line.
			w.send("GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			has(t, s.head(), "GET /next")
			s.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			has(t, w.at().head(), "HTTP/1.1 200")
			w.at().ends()
		})
	}
}

func TestInformationalResponsesAreForwarded(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	s := w.accept()
	s.head()
	s.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
	has(t, w.at().head(), "HTTP/1.1 103", "Link: </a.css>")
	s.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	has(t, w.at().head(), "HTTP/1.1 200")
}

func TestCloseDelimitedResponse(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	s := w.accept()
	s.head()
	s.send("HTTP/1.0 200 OK\r\n\r\nall of it")
	s.c.Close()
	head := w.at().head()
	rest, _ := io.ReadAll(w.reader)
	if strings.Contains(strings.ToLower(head), "transfer-encoding: chunked") {
		if string(rest) != "9\r\nall of it\r\n0\r\n\r\n" {
			t.Errorf("chunked body %q", rest)
		}
	} else if string(rest) != "all of it" {
		t.Errorf("body %q", rest)
	}
}

func TestOldClients(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	s := w.accept()
	has(t, s.head(), "GET / HTTP/1.1", "Host: a")
	s.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	head := w.at().head()
	lacks(t, head, "transfer-encoding")
	w.at().expect("ok")
	w.at().ends()
}

func TestHopByHopFieldsStayOnTheirHop(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nX-Kept: 1\r\n\r\n")
	s := w.accept()
	head := s.head()
	lacks(t, head, "x-secret", "keep-alive:", "proxy-connection")
	has(t, head, "X-Kept: 1")
	s.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Inner\r\nX-Inner: 1\r\nX-Outer: 1\r\n\r\n")
	head = w.at().head()
	lacks(t, head, "x-inner")
	has(t, head, "X-Outer: 1")
}

func TestForwardingFields(t *testing.T) {
	ask := "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX_Forwarded_For: 8.8.8.8\r\nForwarded: for=7.7.7.7\r\nX-Real-IP: 6.6.6.6\r\n\r\n"
	t.Run("of a stranger are dropped", func(t *testing.T) {
		w := newWire(t, "", "")
		w.send(ask)
		head := w.accept().head()
		lacks(t, head, "9.9.9.9", "8.8.8.8", "7.7.7.7", "6.6.6.6", "proto: https")
		has(t, head, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: a.test")
	})
	t.Run("of a trusted proxy are kept and extended", func(t *testing.T) {
		w := newWire(t, "forwarded {\n trust = [\"127.0.0.0/8\"]\n send = [\"x-forwarded\", \"forwarded\", \"via\"]\n }", "")
		w.send(ask)
		head := w.accept().head()
		has(t, head, "X-Forwarded-For: 9.9.9.9, 127.0.0.1", "Forwarded: for=7.7.7.7, ", "Via: 1.1 ")
	})
}

func TestOneNormalFormOfThePath(t *testing.T) {
	for sent, forwarded := range map[string]string{
		"/a/../b":              "/b",
		"/%61%2e%2E/c":         "/a../c",
		"/x/%2e%2e/y":          "/y",
		"//a///b":              "/a/b",
		"/a%2fb":               "/a%2Fb",
		"/a?q=/../%2e":         "/a?q=/../%2e",
		"http://a.test/abs?x=": "/abs?x=",
	} {
		w := newWire(t, "", "")
		w.send("GET " + sent + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
		has(t, w.accept().head(), "GET "+forwarded+" HTTP/1.1", "Host: a.test")
	}
}

func TestUpgradeBecomesATunnel(t *testing.T) {
	w := newWire(t, "", "")
	w.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	s := w.accept()
	has(t, s.head(), "Upgrade: chat", "Connection: upgrade")
	s.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello")
	has(t, w.at().head(), "HTTP/1.1 101", "Upgrade: chat")
	w.at().expect("hello")
	w.send("\x00raw\xff")
	s.expect("\x00raw\xff")
	if err := w.client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(s.r); err != nil || len(rest) > 0 {
		t.Fatalf("after the client's half close: %q, %v", rest, err)
	}
	s.send("still heard")
	s.c.Close()
	w.at().expect("still heard")
	w.at().ends()
	w.s.WaitLine("101", func(m map[string]any) bool { return m["status"] == 101.0 })
}

func TestLargeBodiesAreSpliced(t *testing.T) {
	w := newWire(t, "", "")
	body := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	go func() {
		s := w.accept()
		s.head()
		s.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body)))
		s.send(body)
	}()
	w.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	w.at().head()
	got, err := io.ReadAll(w.reader)
	if err != nil || string(got) != body {
		t.Fatalf("%d of %d bytes arrived right, %v", len(got), len(body), err)
	}
	m := w.s.WaitLine("the download", func(m map[string]any) bool { return m["status"] == 200.0 })
	if m["spliced"] != true {
		t.Errorf("the log does not say that it was spliced: %v", m)
	}
}
