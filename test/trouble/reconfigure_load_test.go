package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// shape is a site in one of several forms, which a client must not tell apart.
func shape(addr, listener, route, more string, servers ...string) string {
	quoted := make([]string, len(servers))
	for i, s := range servers {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("listener \"web\" {\n  bind = [\"%s\"]\n  %s\n}\nbackend \"app\" {\n  servers = [%s]\n  %s\n}\nvhost \"any\" {\n  %s\n  route \"all\" { backend = \"app\" }\n}\n",
		addr, listener, strings.Join(quoted, ", "), more, route)
}

// named serves its own name and "hello" behind it.
func named(t *testing.T, name string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-From", name)
		io.WriteString(w, "hello")
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// underLoad keeps asking on n connections until the returned function is called,
// which tells how many requests there were, and fails the test for each that was
// not answered as it should.
func underLoad(t *testing.T, addr string, n int) (finish func() int64) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for range n {
		wg.Go(func() { hammer(addr, stop, &done, &failed) })
	}
	harness.Eventually(t, "load runs", func() bool { return done.Load() > int64(10*n) })
	return func() int64 {
		close(stop)
		wg.Wait()
		if failed.Load() > 0 {
			t.Errorf("%d of %d requests failed", failed.Load(), done.Load())
		}
		return done.Load()
	}
}

// from tells which servers answer n requests with those fields.
func from(t *testing.T, addr string, n int, fields ...string) map[string]int {
	t.Helper()
	list := map[string]int{}
	for i := range n {
		raw := fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n%s\r\n", i%5, strings.Join(append(fields, ""), "\r\n"))
		got := harness.Exchange(t, addr, raw, time.Minute)
		_, rest, _ := strings.Cut(got, "X-From: ")
		name, _, _ := strings.Cut(rest, "\r")
		if list[name]++; status(got) != "200" {
			t.Errorf("request %d: %q", i, got)
		}
	}
	return list
}

// TestChangesUnderLoad is scenarios 6, 25 and 33: every kind of change while
// requests arrive on connections that stay: a listener, routes, the balancing,
// weights, checks, cookies, a server that leaves while a client is pinned to it.
func TestChangesUnderLoad(t *testing.T) {
	a, b, c := named(t, "a"), named(t, "b"), named(t, "c")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	addr, other := harness.FreeAddr(t), harness.FreeAddr(t)
	s := harness.Start(t, shape(addr, "", "", "", a, b, c))
	finish := underLoad(t, addr, 6)

	// 6, 25: a listener.
	plain := shape(addr, "", "", "", a, b, c)
	for range 3 {
		s.Apply(shape(addr, "limits {\n per_client = 500\n }", "", "", a, b, c) + fmt.Sprintf("listener \"more\" { bind = [%q] }\n", other))
		from(t, other, 2)
		s.Write(plain + fmt.Sprintf("listener \"late\" { bind = [%q] }\n", busy.Addr()))
		if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "late") {
			t.Errorf("a busy port: exit %d, %q", code, errs)
		}
		s.Apply(plain)
	}
	// 25: routes.
	for i := range 3 {
		s.Apply(shape(addr, "", fmt.Sprintf("route \"edit\" {\n path = \"/edit/%d\"\n backend = \"app\"\n }", i), "", a, b, c))
	}
	// 25: how work is shared, seen in who gets it.
	for _, row := range []struct {
		balance string
		want    func(map[string]int) bool
	}{
		{`"roundrobin"`, func(m map[string]int) bool { return len(m) == 3 }},
		{`"path"`, func(m map[string]int) bool { return len(m) <= 3 }},
		{`"source"`, func(m map[string]int) bool { return len(m) == 1 }},
		{`"rendezvous"`, func(m map[string]int) bool { return len(m) <= 3 }},
		{`"ewma"`, func(m map[string]int) bool { return len(m) >= 1 }},
		{`"first"`, func(m map[string]int) bool { return m["a"] > 0 }},
		{`"leastconn"`, func(m map[string]int) bool { return len(m) >= 2 }},
		{`"roundrobin"`, func(m map[string]int) bool { return len(m) == 3 }},
	} {
		s.Apply(shape(addr, "", "", "balance = "+row.balance, a, b, c))
		if got := from(t, addr, 30); !row.want(got) {
			t.Errorf("balance %s: %v", row.balance, got)
		}
	}
	// 25: checks, another timeout, none.
	for _, check := range []string{"check \"http\" {\n interval = \"50ms\"\n timeout = \"1s\"\n }", "check \"http\" {\n interval = \"50ms\"\n timeout = \"2s\"\n }", "check \"tcp\" {\n interval = \"50ms\"\n }", ""} {
		s.Apply(shape(addr, "", "", check, a, b, c))
		from(t, addr, 3)
	}
	// 25: cookies, and a server that leaves while somebody is pinned to it.
	pin := "grace = \"1h\"\n persist \"cookie\" {\n name = \"SRV\"\n }"
	s.Apply(shape(addr, "", "", pin, a, b, c))
	resp, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookie, mine := resp.Header.Get("Set-Cookie"), resp.Header.Get("X-From")
	cookie, _, _ = strings.Cut(cookie, ";")
	rest := map[string][]string{"a": {b, c}, "b": {a, c}, "c": {a, b}}[mine]
	s.Apply(shape(addr, "", "", pin, rest...))
	if got := from(t, addr, 12, "Cookie: "+cookie); got[mine] != 12 {
		t.Errorf("a client pinned to %s, which left with a grace, was served by %v", mine, got)
	}
	if got := from(t, addr, 12); got[mine] != 0 || len(got) != 2 {
		t.Errorf("others were served by %v after %s left", got, mine)
	}
	s.Apply(shape(addr, "", "", pin, a, b, c))
	if got := from(t, addr, 6, "Cookie: "+cookie); got[mine] != 6 {
		t.Errorf("after %s came back its client was served by %v", mine, got)
	}
	t.Logf("%d requests during the changes", finish())
}

// TestManyServersChange is scenario 26: a backend of 64 servers, reloaded, grown
// and shrunk while one client asks 1,000 times: no answer is missing or late.
func TestManyServersChange(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	some := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("127.0.1.%d:%d", i+1, port))
		}
		return list
	}
	addr := harness.FreeAddr(t)
	s := harness.Start(t, shape(addr, "", "", "", some(64)...))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.Apply(shape(addr, "", "", "", some([]int{64, 96, 64, 16}[i%4])...))
			}
		}
	})
	client := &http.Client{Timeout: time.Minute}
	var longest time.Duration
	for i := range 1000 {
		begin := time.Now()
		resp, err := client.Get(fmt.Sprintf("http://%s/%d", addr, i))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if longest = max(longest, time.Since(begin)); resp.StatusCode != 200 {
			t.Errorf("request %d: %s", i, resp.Status)
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("the longest of 1,000 requests took %v", longest)
}

// TestLogLosesNothing is scenarios 30 and 32: a storm of reloads from several
// sides under load, with the log at one path and then at another: every request
// is in one of them, once, and memory stays where it was.
func TestLogLosesNothing(t *testing.T) {
	a := named(t, "a")
	addr := harness.FreeAddr(t)
	s := harness.Start(t, shape(addr, "", "", "", a))
	before := descriptors(t, s)
	finish := underLoad(t, addr, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if code, text := s.Admin("POST", "/v1/reload", nil); code != 200 {
					t.Errorf("reload: %d %s", code, text)
				}
			}
		})
	}
	wg.Wait()
	moved := filepath.Join(s.Dir, "moved.log")
	if err := os.Rename(s.Log, moved); err != nil {
		t.Fatal(err)
	}
	if code, text := s.Admin("POST", "/v1/reload", nil); code != 200 {
		t.Errorf("reload: %d %s", code, text)
	}
	served(t, addr)
	asked := finish() + 1
	count := func(path string) (n int64) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return int64(strings.Count(string(text), "\n"))
	}
	harness.Eventually(t, "every request is in a log", func() bool { return count(moved)+count(s.Log) >= asked })
	if n := count(moved) + count(s.Log); n != asked {
		t.Errorf("%d lines of %d requests", n, asked)
	}
	http.DefaultClient.CloseIdleConnections()
	harness.Eventually(t, "descriptors are given back", func() bool { return descriptors(t, s) <= before+8 })
}

// descriptors counts what the process has open.
func descriptors(t *testing.T, s *harness.Server) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestPreparationsThatFail is scenario 34: whatever part of a preparation fails,
// after others were done, all is undone: descriptors are as before, and the next
// good change is taken.
func TestPreparationsThatFail(t *testing.T) {
	a := named(t, "a")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "one", time.Now().Add(1000*time.Hour), "a.test")
	if err := os.WriteFile(filepath.Join(dir, "not.elf"), []byte("\x7fELF of some other kind"), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	base := shape(addr, "", "", "", a)
	s := harness.Start(t, base)
	served(t, addr)
	good := func() string {
		return fmt.Sprintf("certificate \"c\" {\n cert = %q\n key = %q\n}\nlistener \"tls\" {\n bind = [%q]\n tls {\n certificates = [\"c\"]\n }\n}\ncache \"main\" {\n disk {\n path = %q\n size = \"16MiB\"\n }\n}\nbackend \"checked\" {\n servers = [%q]\n check \"tcp\" {\n }\n}\nvhost \"more\" {\n hosts = [\"more.test\"]\n backend = \"checked\"\n}\n",
			cert, key, harness.FreeAddr(t), filepath.Join(dir, "cache"), a)
	}
	before := -1
	for name, more := range map[string]string{
		"a busy port":       fmt.Sprintf("listener \"zz\" { bind = [%q] }\n", busy.Addr()),
		"no such address":   "listener \"zz\" { bind = [\"192.0.2.77:1\"] }\n",
		"another's key":     fmt.Sprintf("certificate \"d\" {\n cert = %q\n key = %q\n}\n", cert, filepath.Join(dir, "none.key")),
		"no program":        fmt.Sprintf("tenant \"t\" { program = %q }\nvhost \"t\" {\n hosts = [\"t.test\"]\n tenant = \"t\"\n backend = \"app\"\n}\n", filepath.Join(dir, "not.elf")),
		"no room for a log": fmt.Sprintf("log \"second\" { path = %q }\n", filepath.Join(dir, "no", "such", "folder", "log")),
		"no room on a disk": fmt.Sprintf("cache \"second\" {\n disk {\n path = %q\n size = \"16MiB\"\n }\n}\n", filepath.Join(dir, "not.elf", "cache")),
	} {
		t.Run(name, func(t *testing.T) {
			s.Write(base + good() + more)
			_, errs, code := s.Run("reload")
			if code != 1 || !strings.Contains(errs, "serves on") {
				t.Errorf("exit %d, %q", code, errs)
			}
			served(t, addr)
			if n := descriptors(t, s); before < 0 {
				before = n
			} else if n > before+4 {
				t.Errorf("%d descriptors, %d after the first refusal", n, before)
			}
		})
	}
	s.Apply(base + good())
	s.Apply(base)
	served(t, addr)
}
