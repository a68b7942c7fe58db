package debug

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// session is the debugger's end of a connection.
type session struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	end  chan ending
}

type ending struct {
	over bool
	err  error
}

// openSession serves the guest at the other end of a connection.
func openSession(ctx context.Context, t *testing.T, guest *Guest) *session {
	here, there := net.Pipe()
	if err := here.SetDeadline(time.Now().Add(time.Minute)); err != nil { // a test that fails shall not hang
		t.Fatal(err)
	}
	s := &session{t: t, conn: here, r: bufio.NewReader(here), end: make(chan ending, 1)}
	go func() {
		over, err := ServeGDB(ctx, there, guest, nil)
		s.end <- ending{over, err}
	}()
	t.Cleanup(func() { here.Close() })
	return s
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.t.Fatalf("send %q: %v", text, err)
	}
}

func (s *session) expect(want string) {
	s.t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(s.r, b); err != nil || string(b) != want {
		s.t.Fatalf("got %q, %v, want %q", b[:n], err, want)
	}
}

// packet sends one, and returns the answer behind its receipt, if there is one.
func (s *session) packet(text string) string {
	s.t.Helper()
	s.send(string(appendPacket(nil, []byte(text))))
	x, err := readPacket(s.r)
	if err != nil || x.damaged {
		s.t.Fatalf("%s: %v, damaged %v", text, err, x.damaged)
	}
	return string(x.packet)
}

func TestServeGDB(t *testing.T) {
	guest := newTestServer(t, 64).guest
	s := openSession(t.Context(), t, guest)
	s.send("+$qC#b4")
	s.expect("+$QC1#c5")
	s.send("-")
	s.expect("$QC1#c5")
	s.send("$qC#b5")
	s.expect("-")
	s.send("\x03") // the program stands: nothing to interrupt
	s.send("$nonsense#69")
	s.expect("+$#00")
	s.send("$QStartNoAckMode#b0")
	s.expect("+$OK#9a")
	s.send("$qC#b4")
	s.expect("$QC1#c5")
	if got := s.packet("D"); got != "OK" {
		t.Errorf("D: %q", got)
	}
	if e := <-s.end; e.over || e.err != nil {
		t.Errorf("after leaving: over %v, error %v", e.over, e.err)
	}
	// The next debugger finds the program where it was, and sees it end.
	s = openSession(t.Context(), t, guest)
	if got := s.packet("c"); got != "Wc8" {
		t.Errorf("c: %q", got)
	}
	if e := <-s.end; !e.over || e.err != nil {
		t.Errorf("after the end: over %v, error %v", e.over, e.err)
	}
}

// endless makes the guest's program loop at the return of a function.
func endless(t *testing.T) *Guest {
	server := newTestServer(t, 64)
	m := server.guest.Machine
	m.PC = server.addr(t, "cost") - 2
	m.X[1] = m.PC
	return server.guest
}

func TestServeGDBInterrupt(t *testing.T) {
	guest := endless(t)
	s := openSession(t.Context(), t, guest)
	s.packet("QStartNoAckMode")
	s.send("$c#63")
	s.send("\x03")
	x, err := readPacket(s.r)
	if err != nil || !strings.HasPrefix(string(x.packet), "T02") {
		t.Fatalf("got %q, %v", x.packet, err)
	}
	if guest.Machine.Instret == 0 {
		t.Error("nothing ran")
	}
	s.conn.Close()
	if e := <-s.end; e.over || e.err != nil {
		t.Errorf("after closing: over %v, error %v", e.over, e.err)
	}
}

func TestServeGDBLosesTheDebugger(t *testing.T) {
	s := openSession(t.Context(), t, endless(t))
	s.packet("QStartNoAckMode")
	s.send("$c#63")
	s.conn.Close()
	if e := <-s.end; e.over {
		t.Error("the program is over")
	}
	s = openSession(t.Context(), t, endless(t))
	s.send("$" + strings.Repeat("x", maxPacket+2))
	if e := <-s.end; !errors.Is(e.err, errLongPacket) {
		t.Errorf("a long packet: %v", e.err)
	}
}

func TestServeGDBCancelled(t *testing.T) {
	for _, running := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		s := openSession(ctx, t, endless(t))
		s.packet("QStartNoAckMode")
		if running {
			s.send("$c#63")
		}
		cancel()
		if e := <-s.end; !errors.Is(e.err, context.Canceled) {
			t.Errorf("running %v: error %v", running, e.err)
		}
	}
}
