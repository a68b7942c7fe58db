package trouble

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fishplate/test/harness"
)

const reloads = 50

// TestReloadsDisturbNothing holds a long download, a WebSocket and a keep-alive
// connection open across 50 reloads under load, each of which changes a route,
// and expects that no request fails and no connection is replaced.
func TestReloadsDisturbNothing(t *testing.T) {
	finish := make(chan struct{})
	finished := sync.OnceFunc(func() { close(finish) })
	defer finished()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { download(w, finish) })
	mux.HandleFunc("/ws", harness.Echo)
	inner := &http.Server{Handler: mux}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int64
	inner.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })

	addr := harness.FreeAddr(t)
	text := func(i int) string {
		return fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
vhost "any" {
  route "edit" {
    path    = "/edit/*"
    backend = "app"
    response {
      set = { X-Round = "%d" }
    }
  }
  route "all" { backend = "app" }
}
`, addr, l.Addr(), i)
	}
	s := harness.Start(t, text(0))

	body := make(chan int64, 1)
	go func() { body <- longDownload(t, addr) }()
	ws, _, err := websocket.Dial(context.Background(), "ws://"+addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	say(t, ws, "before")

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for range 8 {
		wg.Go(func() { hammer(addr, stop, &done, &failed) })
	}
	harness.Eventually(t, "load runs", func() bool { return done.Load() > 100 })
	before := accepted.Load()
	for i := 1; i <= reloads; i++ {
		if i%10 == 0 { // an invalid file in between changes nothing
			s.Write(text(i) + "\nvhost \"broken\" { backend = \"nobody\" }\n")
			if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "nobody") {
				t.Errorf("reload of an invalid file: exit %d, %q", code, errs)
			}
		}
		s.Apply(text(i))
		resp, err := http.Get("http://" + addr + "/edit/x")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Round"); got != fmt.Sprint(i) {
			t.Fatalf("after reload %d the route says %q", i, got)
		}
		say(t, ws, fmt.Sprint("round ", i))
	}
	close(stop)
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed during %d reloads", failed.Load(), done.Load(), reloads)
	}
	t.Logf("%d requests during %d reloads, %d failed", done.Load(), reloads, failed.Load())
	// Idle connections to the server outlive a reload: the load's eight and the
	// test's own are all that is needed, with room for unlucky timing.
	if grown := accepted.Load() - before; grown > 16 {
		t.Errorf("the server saw %d new connections during the reloads; its idle connections were not kept", grown)
	}
	finished()
	if n := <-body; n != downloadSize {
		t.Errorf("the long download ended after %d of %d bytes", n, downloadSize)
	}
}

const downloadSize = 2 << 20

// download sends half, waits for finish, and sends the rest.
func download(w http.ResponseWriter, finish <-chan struct{}) {
	w.Header().Set("Content-Length", fmt.Sprint(downloadSize))
	half := make([]byte, downloadSize/2)
	if _, err := w.Write(half); err != nil {
		return
	}
	w.(http.Flusher).Flush()
	<-finish
	_, _ = w.Write(half)
}

func longDownload(t *testing.T, addr string) int64 {
	resp, err := http.Get("http://" + addr + "/long")
	if err != nil {
		t.Errorf("long download: %v", err)
		return 0
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		t.Errorf("long download: %v", err)
	}
	return n
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("websocket: %v", err)
	}
	if _, got, err := c.Read(ctx); err != nil || string(got) != text {
		t.Fatalf("websocket: got %q, %v; want %q", got, err, text)
	}
}

// hammer asks on one keep-alive connection until told to stop.
func hammer(addr string, stop <-chan struct{}, done, failed *atomic.Int64) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-stop:
			return
		default:
		}
		resp, err := client.Get("http://" + addr + "/")
		if err != nil {
			failed.Add(1)
			continue
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if done.Add(1); err != nil || resp.StatusCode != 200 || string(text) != "hello" {
			failed.Add(1)
		}
	}
}

// TestDrainFinishesRequests: SIGTERM stops accepting, lets a request finish, and
// the process ends with status 0.
func TestDrainFinishesRequests(t *testing.T) {
	o, arrived, release := holding(t)
	s, addr := start(t, "", "", o.Addr)
	answer := make(chan string, 1)
	go func() { answer <- harness.Exchange(t, addr, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 20*time.Second) }()
	<-arrived
	s.Signal(syscall.SIGTERM)
	harness.Eventually(t, "new connections are refused", func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	release()
	if got := <-answer; status(got) != "200" || !strings.HasSuffix(got, "ok") {
		t.Errorf("the request in flight got %q", got)
	}
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Error("the process has not ended a minute after its last request")
	}
}
