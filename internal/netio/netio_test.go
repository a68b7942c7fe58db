package netio

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen opens a listener that ends with the test.
func listen(t testing.TB, address string, o ListenOptions) *Listener {
	t.Helper()
	l, err := Listen(context.Background(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// pair returns both ends of a connection through a real listener.
func pair(t testing.TB) (client, server *Conn) {
	t.Helper()
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	return connect(t, l, "tcp", l.Addr().String())
}

func connect(t testing.TB, l *Listener, network, address string) (client, server *Conn) {
	t.Helper()
	client, err := Dial(context.Background(), network, address, DialOptions{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

func TestParseListen(t *testing.T) {
	for _, c := range []struct{ in, kind, text string }{
		{"127.0.0.1:80", "tcp", "127.0.0.1:80"},
		{":80", "tcp", ":80"},
		{"[::1]:80", "tcp", "[::1]:80"},
		{"unix:/run/x", "unix", "/run/x"},
		{"fd:web", "fd", "web"},
		{"unix:", "", ""},
		{"fd:", "", ""},
		{"host", "", ""},
	} {
		la, err := parseListen(c.in)
		if (err != nil) != (c.kind == "") || la != (listenAddress{c.kind, c.text}) {
			t.Errorf("parseListen(%q) = %v, %v", c.in, la, err)
		}
	}
}

func TestInherited(t *testing.T) {
	env := func(fds, names string) func(string) string {
		return func(key string) string {
			return map[string]string{"LISTEN_FDS": fds, "LISTEN_FDNAMES": names}[key]
		}
	}
	for _, c := range []struct {
		name, fds, names string
		want             int
	}{
		{"web", "2", "api:web", 4},
		{"api", "2", "api:web", 3},
		{"1", "2", "", 4},
		{"web", "1", "api:web", -1},
		{"x", "2", "api:web", -1},
		{"web", "", "", -1},
		{"5", "2", "", -1},
	} {
		if got, err := inherited(c.name, env(c.fds, c.names)); got != c.want || (err != nil) != (c.want < 0) {
			t.Errorf("inherited(%q, %q, %q) = %d, %v; want %d", c.name, c.fds, c.names, got, err, c.want)
		}
	}
	other := func(key string) string { return map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "1"}[key] }
	if _, err := inherited("0", other); err == nil {
		t.Error("descriptors of another process were accepted")
	}
}

func TestDate(t *testing.T) {
	at := time.Date(1994, 11, 6, 8, 49, 37, 5, time.FixedZone("x", 3600))
	if got := string(DateAt(at)); got != "Sun, 06 Nov 1994 07:49:37 GMT" {
		t.Error(got)
	}
	if a, b := DateAt(at), DateAt(at.Add(time.Millisecond)); &a[0] != &b[0] {
		t.Error("rendered twice in a second")
	}
	if string(DateAt(at.Add(time.Second))) == string(DateAt(at)) {
		t.Error("the second did not change the text")
	}
	if n := testing.AllocsPerRun(100, func() { DateAt(at) }); n > 0.02 {
		t.Errorf("%v allocations", n)
	}
}

func TestBuffer(t *testing.T) {
	b := GetBuffer()
	if len(*b) != BufferSize {
		t.Error(len(*b))
	}
	PutBuffer(b)
	PutBuffer(nil)
	short := make([]byte, 10)
	PutBuffer(&short)
	if got := GetBuffer(); len(*got) != BufferSize {
		t.Error("a foreign buffer came out of the pool")
	}
}
