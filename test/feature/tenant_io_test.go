package feature

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// asked is an origin that sees what programs ask it.
type asked struct {
	*httptest.Server
	together atomic.Int64 // requests of /part that are answered only when so many are there
	here     atomic.Int64
	all      chan struct{}
	hung     chan struct{} // gets a value when somebody asks for /hang
	left     chan struct{} // and when they have left
	stamps   atomic.Int64
}

func newAsked(t *testing.T) *asked {
	t.Helper()
	o := &asked{all: make(chan struct{}), hung: make(chan struct{}, 64), left: make(chan struct{}, 64)}
	mux := http.NewServeMux()
	mux.HandleFunc("/part/", func(w http.ResponseWriter, r *http.Request) {
		if o.here.Add(1) == o.together.Load() {
			close(o.all)
		}
		if o.together.Load() > 0 {
			select {
			case <-o.all: // nobody is answered before all have asked
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, "part %s", r.URL.Path[len("/part/"):])
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) {
		o.hung <- struct{}{}
		<-r.Context().Done()
		o.left <- struct{}{}
	})
	mux.HandleFunc("/close", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "01234")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "a drop")
		_ = http.NewResponseController(w).Flush()
		o.hung <- struct{}{}
		<-r.Context().Done()
		o.left <- struct{}{}
	})
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Told", "so")
		fmt.Fprintf(w, "%s %s %s given=%s length=%d %q %v\n", r.Method, r.Host, r.URL, r.Header.Get("X-Given"), r.ContentLength, body, err)
	})
	mux.HandleFunc("/stamp", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, o.stamps.Add(1)) })
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func (o *asked) addr() string { return o.Listener.Addr().String() }

// serveAsking starts the switch with the program that asks, whose backend is at
// that address.
func serveAsking(t *testing.T, origin string) (*harness.Server, string) {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "other" { servers = [%q] } # no tenant may use it
tenant "io" {
  program  = %q
  memory   = "64MiB"
  instructions = 100000000 # 256 MiB in and out cost a third of that
  time     = "10m" # of a machine that does much else
  backends = ["app"]
  cache { status = true }
}
vhost "io" {
  hosts = ["io.test"]
  tenant = "io"
  backend = "app"
}
`, addr, origin, origin, root+"/test/guests/io_ask.elf"))
	return s, addr
}

// reasons is what ERROR_TEXT tells of fetches.
var reasons = regexp.MustCompile(`^other -6: not allowed: backend "other" is not one of the tenant's
gone -5: no answer: server-[a-z-]+
slow -5: the time is over
half 0
read -5: no answer: [a-z-]+
stay -4: the time that was given is over
more -3: a limit is reached: the tenant has fetches = 8
$`)

func TestFetches(t *testing.T) {
	o := newAsked(t)
	_, addr := serveAsking(t, o.addr())
	for _, c := range []struct {
		what, path, want string
		together         int64
		status           int
	}{
		{"three in a forge, none answered before all have asked", "/many", "200 part 0\n200 part 1\n200 part 2\n", 3, 200},
		{"two in on_recv", "/recv", "200 part 0\n200 part 1\ntake -8\n", 2, 200},
		{"its own site, and it asks again", "/self", "wait 0\n200 200 part 0\n200 part 1\n200 part 2\n", 3, 200},
		{"a loop to itself", "/loop", "(200 (200 (503 refused -6: not allowed: a request to the own site inside 3 others\n)))", 0, 200},
		{"a hundred", "/limit", "begun 8\nlast -3\n", 0, 200},
		{"a time limit", "/slow", "wait -4\nwait -5\nstatus -4\nread -4\n", 0, 200},
		{"an origin that answers nothing", "/gone", "wait -5\nstatus -5\n", 0, 200},
		{"an origin that breaks off", "/half", "wait 0\n200 01234broke -5\n", 0, 200},
		{"what may not be asked", "/bad", "method -2\ntoken -2\nurl -2\nspace -2\ndots -2\nhost -2\nscheme -2\nreturn -2\nframing -2\ncoding -2\nhop -2\ncolon -2\n" +
			"other -6\nnobody -6\nwait -1\nany -1\nstatus -1\nread -1\nclose -1\nfield -1\nbegin -8\nwrite -8\ntake -8\nlength -8\n", 0, 200},
	} {
		t.Run(c.what, func(t *testing.T) {
			o.here.Store(0)
			o.together.Store(c.together)
			o.all = make(chan struct{})
			resp, body := do(t, "GET", addr, "io.test", c.path, "")
			if resp.StatusCode != c.status || body != c.want {
				t.Errorf("%d\n%s\nwant %d\n%s", resp.StatusCode, body, c.status, c.want)
			}
		})
	}
	o.together.Store(0)
	_, body := do(t, "GET", addr, "io.test", "/why", "")
	if !reasons.MatchString(body) {
		t.Errorf("reasons: %q", body)
	}
	_, body = do(t, "GET", addr, "io.test", "/any", "")
	if !strings.Contains(body, "200 part a\n") || !strings.Contains(body, "200 part b\n") || !strings.HasSuffix(body, "end -1\n") {
		t.Errorf("any of two: %q", body)
	}
	_, body = do(t, "POST", addr, "io.test", "/post", "the body")
	want := "wait 0\nfield 2\nso\n200 POST other.test:81 /post?a=b given=yes length=8 \"the body\" <nil>\n"
	if !strings.HasPrefix(body, want) || !strings.Contains(body, "X-Told: so\n") {
		t.Errorf("a request with a body: %q", body)
	}
}

// TestFetchesThatAreLeft asks for what never comes and ends the call: the origin
// must see that nobody waits any more.
func TestFetchesThatAreLeft(t *testing.T) {
	o := newAsked(t)
	s, addr := serveAsking(t, o.addr())
	for range 4 {
		if _, body := do(t, "GET", addr, "io.test", "/leave", ""); body != "left 0\n" {
			t.Fatalf("%q", body)
		}
	}
	// Some may be given up before they have a connection.
	for len(o.hung) > 0 {
		<-o.hung
		<-o.left
	}
	if _, body := do(t, "GET", addr, "io.test", "/many", ""); !strings.HasPrefix(body, "200 part 0") {
		t.Errorf("afterwards: %q", body)
	}
	// An exchange ends a moment after its answer was read.
	for _, want := range []string{
		`fishplate_tenant_fetches_total{outcome="begun",tenant="io"} 7`,
		`fishplate_tenant_active{tenant="io"} 0`,
	} {
		harness.Eventually(t, want, func() bool { return strings.Contains(counters(t, s), want) })
	}
}

// counters are all counters of a server.
func counters(t *testing.T, s *harness.Server) string {
	t.Helper()
	return scrape(t, s.Socket)
}

const huge = 256 << 20

// nginxWith runs nginx on a directory.
func nginxWith(t *testing.T, dir string) string {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	addr := harness.FreeAddr(t)
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
worker_processes 1;
user root;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server { listen %[2]s; root %[1]s; }
}
`, dir, addr)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-p", dir, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	harness.Eventually(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr
}

// grown is how much more memory the server may take while four times as much as
// its program may have goes through it.
const grown = 96 << 20

// TestBodiesThatDoNotFit streams 256 MiB through a program of 64 MiB, each way.
func TestBodiesThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(huge); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s, addr := serveAsking(t, nginxWith(t, dir))
	do(t, "GET", addr, "io.test", "/s/nothing", "") // everything has been used once
	before := harness.Memory(t, s.PID(), "VmHWM")

	get, err := http.NewRequest("GET", "http://"+addr+"/s/through", nil)
	if err != nil {
		t.Fatal(err)
	}
	get.Host = "io.test"
	resp, err := client.Do(get)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil || n != huge || resp.Header.Get("X-Streamed") != "yes" || resp.ContentLength != -1 {
		t.Errorf("down: %d bytes, %v, %v", n, err, resp.Header)
	}
	if more := harness.Memory(t, s.PID(), "VmHWM") - before; more > grown {
		t.Errorf("down: %d MiB more", more>>20)
	}

	for _, length := range []int64{huge, -1} {
		post, err := http.NewRequest("POST", "http://"+addr+"/s/count", io.LimitReader(zeros{}, huge))
		if err != nil {
			t.Fatal(err)
		}
		post.Host, post.ContentLength = "io.test", length
		if resp, err = client.Do(post); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := fmt.Sprintf("length %d\ntotal %d\nend 0\n", length, huge); string(body) != want || err != nil {
			t.Errorf("up: %q, %v, want %q", body, err, want)
		}
	}
	if more := harness.Memory(t, s.PID(), "VmHWM") - before; more > grown {
		t.Errorf("up: %d MiB more", more>>20)
	}
	t.Logf("at most %d MiB, %d MiB more than before", harness.Memory(t, s.PID(), "VmHWM")>>20, (harness.Memory(t, s.PID(), "VmHWM")-before)>>20)
	if text := counters(t, s); !strings.Contains(text, `fishplate_tenant_streamed_bytes_total{tenant="io",way="out"} 2.68435456e+08`) {
		t.Errorf("streamed bytes are not counted: %q", regexp.MustCompile(`(?m)^fishplate_tenant_streamed.*$`).FindAllString(text, -1))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestStreamedAnswers(t *testing.T) {
	o := newAsked(t)
	_, addr := serveAsking(t, o.addr())
	for _, c := range []struct {
		what, method, path, body, want string
		status                         int
		length                         int64
		broken                         bool
	}{
		{"echo", "POST", "/s/echo", "what came", "what cameagain -8\n", 200, -1, false},
		{"head", "HEAD", "/s/echo", "", "", 200, -1, false},
		{"none begun", "GET", "/s/nothing", "", "not begun\n", 200, 10, false},
		{"a fault in the middle", "GET", "/s/abort", "", "some\n", 200, -1, true},
		{"a declared length", "GET", "/s/declared", "", "0123456789", 200, 10, false},
		{"a length that is not kept", "GET", "/s/short", "", "01234", 200, 10, true},
		{"no content", "GET", "/s/empty", "", "", 204, 0, false},
		{"after all that", "POST", "/s/echo", "x", "xagain -8\n", 200, -1, false},
	} {
		r, err := http.NewRequest(c.method, "http://"+addr+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "io.test"
		resp, err := client.Do(r)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || string(body) != c.want || resp.ContentLength != c.length || (err != nil) != c.broken {
			t.Errorf("%s: %d %q, length %d, %v", c.what, resp.StatusCode, body, resp.ContentLength, err)
		}
	}
	for i, want := range []string{"stored", "hit", "hit"} {
		resp, body := do(t, "GET", addr, "io.test", "/s/cached", "")
		if status := resp.Header.Get("Cache-Status"); body != "stamp 1\n" || !strings.Contains(status, want) {
			t.Errorf("cached %d: %q, %s", i, body, status)
		}
	}
	resp, body := do(t, "GET", addr, "io.test", "/s/cached", "", `If-None-Match: "one"`)
	if resp.StatusCode != 304 || body != "" {
		t.Errorf("a condition: %d %q", resp.StatusCode, body)
	}
	resp, body = do(t, "GET", addr, "io.test", "/s/cached", "", "Range: bytes=0-4")
	if resp.StatusCode != 206 || body != "stamp" {
		t.Errorf("a range: %d %q", resp.StatusCode, body)
	}
	if n := o.stamps.Load(); n != 1 {
		t.Errorf("%d fetches for the object", n)
	}
}

// TestStreamsThatClientsLeave breaks off in the middle of a body, each way.
func TestStreamsThatClientsLeave(t *testing.T) {
	o := newAsked(t)
	s, addr := serveAsking(t, o.addr())
	c := harness.Dial(t, addr)
	fmt.Fprintf(c, "POST /s/echo HTTP/1.1\r\nHost: io.test\r\nContent-Length: 100\r\n\r\nsome")
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	c.Close()
	c = harness.Dial(t, addr)
	fmt.Fprintf(c, "GET /s/endless HTTP/1.1\r\nHost: io.test\r\n\r\n")
	if _, err := io.CopyN(io.Discard, c, 1<<20); err != nil {
		t.Fatal(err)
	}
	c.Close()
	harness.Eventually(t, "the programs have ended", func() bool {
		return strings.Contains(counters(t, s), `fishplate_tenant_active{tenant="io"} 0`)
	})
}

// TestSlowReaders leaves more answers unread than there are permits; another
// request must not wait for them.
func TestSlowReaders(t *testing.T) {
	o := newAsked(t)
	_, addr := serveAsking(t, o.addr())
	var conns []net.Conn
	for range 16 {
		c := harness.Dial(t, addr)
		conns = append(conns, c)
		fmt.Fprintf(c, "GET /s/endless HTTP/1.1\r\nHost: io.test\r\n\r\n")
		if _, err := io.CopyN(io.Discard, c, 64<<10); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/many", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Host = "io.test"
			resp, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if b, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(b), "200 part 0\n") {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	wg.Wait()
	for _, c := range conns {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}
