package trouble

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fishplate/cmd/fishplate/handover"
	"fishplate/test/harness"
)

const upgrades = 20

// who returns the process that answers on the admin socket, and the one before
// it that still drains.
func who(t *testing.T, s *harness.Server) (pid, predecessor int) {
	t.Helper()
	_, text := s.Admin("GET", "/v1/status", nil)
	var st struct{ PID, Predecessor int }
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatal(err, text)
	}
	return st.PID, st.Predecessor
}

// another reports whether a process other than that one answers.
func another(t *testing.T, s *harness.Server, pid int) bool {
	t.Helper()
	now, _ := who(t, s)
	return now != pid
}

// upgradable starts a server whose last successor ends with the test.
func upgradable(t *testing.T, text string, options ...harness.Option) *harness.Server {
	t.Helper()
	s := harness.Start(t, text, options...)
	t.Cleanup(func() {
		select {
		case <-s.Exited():
			return
		default:
		}
		pid, predecessor := who(t, s)
		for _, p := range []int{pid, predecessor} {
			if p != 0 {
				_ = syscall.Kill(p, syscall.SIGTERM)
			}
		}
		select {
		case <-s.Exited():
		case <-time.After(time.Minute):
			t.Error("the processes did not end")
		}
	})
	return s
}

// strict asks on one keep-alive connection, and begins another only when an
// answer says that this one ends: no request is ever sent twice.
func strict(addr, host string, pace time.Duration, stop <-chan struct{}, done *atomic.Int64, failed func(error)) {
	var c net.Conn
	var in *bufio.Reader
	for {
		select {
		case <-stop:
			if c != nil {
				c.Close()
			}
			return
		case <-time.After(pace):
		}
		var err error
		if c == nil {
			if c, err = net.DialTimeout("tcp", addr, time.Minute); err != nil {
				failed(err)
				continue
			}
			in = bufio.NewReader(c)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, err = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		var resp *http.Response
		if err == nil {
			resp, err = http.ReadResponse(in, nil)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		if err == nil && resp.StatusCode != 200 {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		if done.Add(1); err != nil {
			failed(err)
		}
		if err != nil || resp.Close {
			c.Close()
			c = nil
		}
	}
}

// TestUpgradesDisturbNothing replaces the process twenty times under load: with
// keep-alive connections, short ones, TLS sessions, a tenant, a cache on disk, and
// a download and a WebSocket that go on in the first process to the end.
func TestUpgradesDisturbNothing(t *testing.T) {
	finish := make(chan struct{})
	finished := sync.OnceFunc(func() { close(finish) })
	defer finished()
	var fetched atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { download(w, finish) })
	mux.HandleFunc("/ws", harness.Echo)
	mux.HandleFunc("/kept/", func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		w.Header().Set("Cache-Control", "max-age=1000")
		io.WriteString(w, "kept")
	})
	inner := &http.Server{Handler: mux}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })

	folder := t.TempDir()
	cert, key := writeCertificate(t, folder, "c", time.Now().Add(48*time.Hour), "a.test")
	addr, secure, path := harness.FreeAddr(t), harness.FreeAddr(t), filepath.Join(folder, "web.sock")
	s := upgradable(t, fmt.Sprintf(`
certificate "c" {
  cert = %q
  key  = %q
}
listener "web" {
  bind = [%q, "unix:%s"]
  limits { per_client = 10000 }
}
listener "secure" {
  bind = [%q]
  tls {
    certificates = ["c"]
    default      = "c"
  }
}
backend "app" {
  servers = [%q]
  check "http" {
    path     = "/"
    interval = "1s"
  }
}
cache "main" {
  memory = "16MiB"
  disk {
    path = "%s/cache"
    size = "64MiB"
  }
}
tenant "hello" { program = %q }
vhost "tenant" {
  hosts   = ["hello.test"]
  tenant  = "hello"
  backend = "app"
}
vhost "any" {
  route "kept" {
    path    = "/kept/*"
    backend = "app"
    cache {}
  }
  route "all" { backend = "app" }
}
`, cert, key, addr, path, secure, l.Addr(), folder, guest(t, "hello")))

	body := make(chan int64, 1)
	go func() { body <- longDownload(t, addr) }()
	ws, _, err := websocket.Dial(context.Background(), "ws://"+addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	say(t, ws, "before")
	if got := ask(t, addr, "a.test", "/kept/x"); status(got) != "200" {
		t.Fatal(got)
	}

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failures atomic.Int64
	failed := func(err error) {
		if failures.Add(1) < 10 {
			t.Errorf("a request failed: %v", err)
		}
	}
	for i := range 4 {
		wg.Go(func() { strict(addr, "a.test", time.Duration(i*i)*time.Millisecond, stop, &done, failed) })
	}
	wg.Go(func() { strict(addr, "hello.test", time.Millisecond, stop, &done, failed) })
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.DialTimeout("tcp", addr, time.Minute)
				if err != nil {
					failed(err)
					continue
				}
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				_, _ = io.WriteString(c, get)
				text, err := io.ReadAll(c)
				c.Close()
				if done.Add(1); err != nil || status(string(text)) != "200" {
					failed(fmt.Errorf("short: %q, %w", text, err))
				}
			}
		})
	}
	sessions := tls.NewLRUClientSessionCache(4)
	handshake := func() bool {
		c, err := tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test", ClientSessionCache: sessions})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, get)
		if text, _ := io.ReadAll(c); status(string(text)) != "200" {
			t.Errorf("over TLS: %q", text)
		}
		return c.ConnectionState().DidResume
	}
	handshake()
	harness.Eventually(t, "load runs", func() bool { return done.Load() > 100 })
	first, _ := who(t, s)
	last := first
	var slowest, pause float64
	for i := range upgrades {
		if i == 0 {
			s.Signal(syscall.SIGUSR2)
			harness.Eventually(t, "another process answers", func() bool { return another(t, s, last) })
		} else {
			out, errs, code := s.Run("upgrade", "--json")
			if code != 0 {
				t.Fatalf("upgrade %d: exit %d\n%s%s", i, code, out, errs)
			}
			var r struct{ Seconds, Pause float64 }
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			slowest, pause = max(slowest, r.Seconds), max(pause, r.Pause)
		}
		pid, predecessor := who(t, s)
		if pid == last {
			t.Fatalf("upgrade %d: process %d answers still", i, pid)
		}
		if i == 0 && predecessor != first {
			t.Errorf("the first process drains, and status names %d in place of %d", predecessor, first)
		}
		last = pid
		if !handshake() {
			t.Errorf("upgrade %d: the TLS session was not resumed", i)
		}
		if got := ask(t, addr, "a.test", "/kept/x"); status(got) != "200" || !strings.Contains(got, "hit") {
			t.Errorf("upgrade %d: of the cache: %q", i, got)
		}
		say(t, ws, fmt.Sprint("upgrade ", i))
	}
	close(stop)
	wg.Wait()
	if n := fetched.Load(); n != 1 {
		t.Errorf("what is on the cache's disk was fetched %d times", n)
	}
	u, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the unix listener: %v", err)
	}
	u.Close()
	if got := s.Socket; got != "" {
		if st, err := os.Stat(got); err != nil || st.Mode().Perm() != 0o600 {
			t.Error("the admin socket:", st, err)
		}
	}
	t.Logf("%d requests during %d upgrades, %d failed; the slowest upgrade took %.0f ms, nobody accepted for %.1f ms at most",
		done.Load(), upgrades, failures.Load(), slowest*1000, pause*1000)
	if !alive(first) {
		t.Error("the first process has ended before its streams")
	}
	finished()
	if n := <-body; n != downloadSize {
		t.Errorf("the long download ended after %d of %d bytes", n, downloadSize)
	}
	ws.Close(websocket.StatusNormalClosure, "")
	http.DefaultClient.CloseIdleConnections() // the first process keeps the download's until its idle time is over
	harness.Eventually(t, "the first process ends with its last stream", func() bool { return !alive(first) })
	history := 0
	_, text := s.Admin("GET", "/v1/history", nil)
	if history = strings.Count(text, `"parent"`); !strings.Contains(text, `"generation":1`) || history != 0 {
		t.Errorf("the history changed: %s", text)
	}
}

func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// TestUpgradesThatFail tries every step that can fail: each time the process
// serves on, says why, and can be upgraded afterwards.
func TestUpgradesThatFail(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	folder := t.TempDir()
	cert, key := writeCertificate(t, folder, "c", time.Now().Add(48*time.Hour), "a.test")
	addr := harness.FreeAddr(t)
	s := upgradable(t, tlsSite(harness.FreeAddr(t), o.Addr, cert, key)+
		fmt.Sprintf("listener \"plain\" {\n bind = [%q]\n accept { shards = 2 }\n}\ncache \"main\" {\n disk {\n path = \"%s/cache\"\n size = \"64MiB\"\n }\n}\n", addr, folder))
	pid, _ := who(t, s)
	spreads := func() string {
		_, text := s.Admin("GET", "/v1/status", nil)
		return regexp.MustCompile(`"spread": ?"(incoming_cpu|cbpf|hash)"`).FindString(text)
	}
	spread := spreads()
	if spread == "" {
		t.Fatal("nobody says how clients are spread over two shards")
	}

	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fake := func(mode string) string {
		return write(mode, "#!/bin/sh\nFISHPLATE_FAKE="+mode+" exec "+self+" -test.run '^TestFakeSuccessor$'\n", 0o755)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"no such file", filepath.Join(folder, "none"), "no such file"},
		{"not executable", write("data", "x", 0o644), "permission denied"},
		{"no program", write("text", "x", 0o755), "exec format error"},
		{"another program", "/bin/true", "ended at once"},
		{"a program that fails", "/bin/false", "exit status 1"},
		{"never ready", write("hangs", "#!/bin/sh\nexec sleep 60\n", 0o755), "was not prepared within"},
		{"other talk", fake("babble"), "another language"},
		{"refuses", fake("refuse"), "refused: I do not want to"},
		{"dies before it is ready", fake("early"), "ended"},
		{"dies when it is told to go", fake("late"), "ended"},
		{"refuses when it is told to go", fake("lastly"), "refused: no disk"},
	} {
		within := "20s"
		if tt.name == "never ready" {
			within = "1s"
		}
		_, errs, code := s.Run("upgrade", "--within", within, tt.path)
		if code != 1 || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: exit %d, %q; want %q", tt.name, code, errs, tt.want)
		}
		served(t, addr)
		if now, _ := who(t, s); now != pid {
			t.Fatalf("%s: process %d answers in place of %d", tt.name, now, pid)
		}
		if now := spreads(); now != spread {
			t.Errorf("%s: it says %q, and said %s", tt.name, now, spread)
		}
	}
	// What the new process cannot prepare refuses the upgrade too.
	if err := os.Rename(cert, cert+".away"); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := s.Run("upgrade"); code != 1 || !strings.Contains(errs, "c.pem") {
		t.Errorf("without its certificate: exit %d, %q", code, errs)
	}
	served(t, addr)
	if err := os.Rename(cert+".away", cert); err != nil {
		t.Fatal(err)
	}
	// A file that is broken meanwhile does not: what runs, runs on.
	s.Write("listener {")
	if out, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatalf("at last: exit %d, %s%s", code, out, errs)
	}
	served(t, addr)
	if now, _ := who(t, s); now == pid {
		t.Error("the process was not replaced")
	}
	harness.Eventually(t, "the process before has ended", func() bool { _, before := who(t, s); return before == 0 })
}

// TestPendingChangeSurvivesAnUpgrade: a change that waits to be confirmed is
// undone in time by the next process.
func TestPendingChangeSurvivesAnUpgrade(t *testing.T) {
	answer := func(addr, text string) string {
		return fmt.Sprintf("listener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond {\n status = 200\n body = %q\n }\n }\n}\n", addr, text)
	}
	addr := harness.FreeAddr(t)
	s := upgradable(t, answer(addr, "one"))
	s.Write(answer(addr, "two"))
	const deadline = 20 * time.Second // a quarter of it is enough for a busy machine
	begun := time.Now()
	if _, errs, code := s.Run("apply", "--confirm", deadline.String(), s.Config); code != 0 {
		t.Fatal(errs)
	}
	if out, errs, code := s.Run("upgrade"); code != 0 {
		t.Fatalf("upgrade: %d %s%s", code, out, errs)
	}
	got := harness.Exchange(t, addr, get, time.Minute)
	if early := time.Since(begun) < deadline; early && !strings.HasSuffix(got, "two") {
		t.Errorf("after the upgrade: %q", got)
	}
	harness.Eventually(t, "it is undone", func() bool { return strings.HasSuffix(harness.Exchange(t, addr, get, time.Minute), "one") })
}

// TestFakeSuccessor is no test by itself: the others start it as a binary that
// misbehaves.
func TestFakeSuccessor(t *testing.T) {
	mode := os.Getenv("FISHPLATE_FAKE")
	if mode == "" {
		return
	}
	if mode == "babble" {
		f := os.NewFile(3, "line")
		_, _ = f.WriteString("HTTP/1.1 200 OK\r\n\r\n")
		_, _ = io.Copy(io.Discard, f)
		os.Exit(0)
	}
	line, err := handover.Open(os.NewFile(3, "line"))
	if err != nil {
		os.Exit(4)
	}
	tell := func(kind, reason string) { _ = line.Send(kind, map[string]string{"Reason": reason}, nil) }
	receive := func() { _, _, _ = line.Receive(func(string) any { return nil }) }
	receive()
	switch mode {
	case "refuse":
		tell("failed", "I do not want to")
	case "late":
		tell("prepared", "")
		receive()
	case "lastly":
		tell("prepared", "")
		receive()
		tell("failed", "no disk")
	}
	os.Exit(3)
}
