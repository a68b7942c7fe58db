package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile are names that would be markup, script or another line if they were
// not shown as texts.
var hostile = []string{
	`<img src=x onerror="document.title='owned'">`,
	`</script><script>document.title='owned'</script>`,
	`"><svg onload=document.title='owned'>`,
	`javascript:document.title='owned'`,
	"a\u202egpj.exe\n\u0000b",
	`{{constructor.constructor('document.title=1')()}}`,
	`__proto__`,
}

// api answers as the admin API does, of things with hostile names, and notes
// what it was asked.
type api struct {
	mu    sync.Mutex
	asked []string
	turn  int
	seen  int // how often the state of servers was asked for: it is another each time
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.Method+" "+r.URL.Path)
	a.turn++
	n := a.turn
	if r.URL.Path == "/v1/status" {
		a.seen++
	}
	state := []string{"up", "down"}[a.seen%2]
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	var vhosts, backends, tenants, counters, faults []string
	for i, name := range hostile {
		q := quoted(name)
		vhosts = append(vhosts, fmt.Sprintf(`{"name":%s,"hosts":[%s],"tenant":%s,"requests":%d,"errors":%d,"routes":[{"name":%s,"backend":%s,"requests":1},{"name":"b","requests":2}]}`, q, q, q, n*10, n, q, q))
		backends = append(backends, fmt.Sprintf(`{"name":%s,"balance":"roundrobin","requests":%d,"queue":17,"retries":0,"servers":[{"name":%s,"address":%s,"state":%s,"check":%s,"requests":%d,"errors":1,"connections":1,"active":0}]}`,
			q, n, q, q, quoted(state), q, n))
		tenants = append(tenants, fmt.Sprintf(`{"name":%s,"state":%s,"program":%s,"hash":%s,"requests":%d,"active":0,"waiting":0,"stops":%d,"refused":1}`, q, q, q, q, n*10, n))
		counters = append(counters, fmt.Sprintf(`{"subject":"tenant","labels":[%s],"values":{"fishplate_tenant_stops_total{fault}":%d,"fishplate_tenant_requests_total":%d,"fishplate_tenant_instructions_total":%d}}`, q, n, n*10, n*1000))
		label := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name)
		faults = append(faults, fmt.Sprintf("fishplate_faults_total{cause=\"%s\"} %d\nfishplate_vhost_duration_seconds_bucket{vhost=\"%s\",le=\"0.0025\"} %d\nfishplate_vhost_duration_seconds_bucket{vhost=\"%s\",le=\"+Inf\"} %d", label, n+i, label, n*10, label, n*10))
	}
	switch r.URL.Path {
	case "/v1/status":
		fmt.Fprintf(w, `{"generation":%d,"uptime":%d,"version":%s,"pid":1,"path":%s,"listeners":[{"name":%s,"bind":[%s],"tls":true,"connections":1,"accepted":1,"requests":%d,"refused":1,"accept":{"shards":2,"backlog":128,"granted":127,"queue":41,"queue_most":125,"dropped":40,"shed":3}},{"name":"file","bind":["unix:/s"],"tls":false,"connections":0,"accepted":0,"requests":0,"refused":0,"accept":{"shards":1,"backlog":128,"granted":null,"queue":null,"queue_most":null,"dropped":null,"shed":0}},{"name":"shut","bind":null,"tls":false,"connections":0,"accepted":0,"requests":0,"refused":0,"accept":null}],"vhosts":[%s],"backends":[%s],"tenants":[%s],"cache":null,"findings":[{"id":"x","severity":"fail","text":%s}],"draining":[],"canary":{"change":7,"share":0.1,"deadline":"2030-01-01T00:00:00Z","conditions":[{"text":"errors < 1%%","now":"3%%","holds":false}],"next":{"requests":100,"errors":3,"p99_ms":5},"running":{"requests":900,"errors":0,"p99_ms":5}}}`,
			n, n, quoted(hostile[0]), quoted(hostile[1]), quoted(hostile[2]), quoted(hostile[0]), n*10,
			strings.Join(vhosts, ","), strings.Join(backends, ","), strings.Join(tenants, ","), quoted(hostile[0]))
	case "/v1/counters":
		fmt.Fprintf(w, "[%s]", strings.Join(counters, ","))
	case "/metrics":
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintln(w, strings.Join(faults, "\n"))
	default:
		http.NotFound(w, r)
	}
}

func quoted(s string) string { return strings.ReplaceAll(strconv.QuoteToASCII(s), `\x00`, `\u0000`) }

// browse lets Chromium open the page, and returns its document after some
// seconds of its own clock, and the size of its picture.
func browse(t *testing.T, url string) (document string, picture int64) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is missing: apt install chromium")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := func(what ...string) string {
		args := append([]string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
			"--user-data-dir=" + filepath.Join(dir, "profile"), "--window-size=1200,1600", "--virtual-time-budget=15000",
		}, what...)
		cmd := exec.CommandContext(ctx, chromium, append(args, url)...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("run chromium: %v", err)
		}
		return string(out)
	}
	document = run("--dump-dom")
	run("--screenshot=" + filepath.Join(dir, "page.png"))
	info, err := os.Stat(filepath.Join(dir, "page.png"))
	if err != nil {
		t.Fatal(err)
	}
	return document, info.Size()
}

// TestBrowser opens the page in a browser beside an API whose every name is an
// attack: all are shown, as texts, and only readings are asked for.
func TestBrowser(t *testing.T) {
	answers := &api{}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", Handler())
	mux.Handle("/", answers)
	s := httptest.NewServer(mux)
	defer s.Close()
	document, picture := browse(t, s.URL)
	if picture < 20_000 {
		t.Errorf("the picture has %d bytes", picture)
	}
	body := document[strings.Index(document, "<main"):]
	body = body[:strings.Index(body, "<script>")] // its own text has more than it shows
	for _, want := range []string{
		`&lt;img src=x onerror="document.title='owned'"&gt;`, `&lt;/script&gt;&lt;script&gt;document.title=`, `"&gt;&lt;svg onload=`, `a\u{202e}gpj.exe\u{a}\u{0}b`, `__proto__`,
		"calls stopped by fault", "cause &lt;img", "change 7 is tried with 10% of the clients", "errors &lt; 1% (now 3%)", "up → down", "≤ 2.5 ms", "generation ", `class="spark"`,
		"41 of 127", "at most 125", `>43</span>`, `data-label="Queue">unknown<`, `data-label="Dropped">unknown<`, `data-label="Queue">–<`, `<span class="chip warn">17</span>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, bad := range []string{">null<", "undefined", "NaN", "[object", "<img", "<script", "onload=doc\"", "<iframe"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has an element %q", bad)
		}
	}
	if strings.Contains(document, "<title>owned") || !strings.Contains(document, "Fishplate</title>") || !strings.Contains(document, `>live<`) {
		t.Errorf("the page did not come to its figures: %.400s", document)
	}
	answers.mu.Lock()
	defer answers.mu.Unlock()
	slices.Sort(answers.asked)
	if got := slices.Compact(answers.asked); !slices.Equal(got, []string{"GET /metrics", "GET /v1/counters", "GET /v1/status"}) {
		t.Errorf("asked for %v", got)
	}
}
