package trouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fishplate/internal/admin"
	"fishplate/internal/config/schema"
	"fishplate/internal/tenant"
	"fishplate/test/harness"
)

// A bound is a limit of a tenant with a request that breaks it, and what is then
// seen by the client, in the access log and in the counters.
type bound struct {
	of     string // attributes of the tenant's block
	name   string // of its tenant
	block  string // what stands in the block
	path   string // of the request; "" has a test of its own below
	status string
	body   string // what the client gets; "" is the status and the cause
	cause  string // in the log; "" is no fault: the program was told, and went on
	counts string // counters, without the tenant's label
}

// bounds is every limit that the block of a tenant has.
func bounds() []bound {
	const most = "instructions = 1000000000000\n time = \"1m\"\n"
	return []bound{
		{of: "instructions", name: "budget", block: "instructions = 100000", path: "/spin", status: "503", cause: "guest-budget", counts: "stops_total{reason=budget} 1"},
		{of: "rate", name: "rate", block: "instructions = 1000000000000\n time = \"3s\"\n rate = 10000", path: "/spin", status: "503", cause: "guest-rate", counts: "limits_total{limit=rate} 1"},
		{of: "time", name: "time", block: "instructions = 1000000000000\n time = \"100ms\"", path: "/spin", status: "503", cause: "guest-time", counts: "stops_total{reason=time} 1"},
		{of: "memory", name: "memory", block: most + "memory = \"8MiB\"", path: "/hog", status: "503", cause: "guest-memory", counts: "stops_total{reason=memory} 1"},
		{of: "max_response", name: "response", block: "max_response = \"100KiB\"", path: "/big", status: "500", cause: "guest-response-size", counts: "limits_total{limit=response} 1"},
		{of: "forks", name: "forks", block: "forks = 1\n concurrency = 8", path: "/again", status: "503", body: "-", cause: "guest-forks", counts: "limits_total{limit=forks} 1, refused_total 1"},
		{of: "fetches", name: "fetches", block: "fetches = 2", path: "/fetch", status: "200", body: "2L", counts: "fetches_total{outcome=refused} 1, fetches_total{outcome=begun} 2"},
		{of: "storage.memory", name: "storage", block: "storage { memory = \"64KiB\" }", path: "/kv", status: "200", body: "origin storage", counts: "limits_total{limit=storage} 1, kv_operations_total{operation=refused} 1"},
		{of: "log_rate", name: "lines", block: "log_rate = \"5/s\""},
		{of: "concurrency queue", name: "queue", block: most + "concurrency = 1\n queue = 1"},
		{of: "update.max_size update.rate", name: "update", block: "update {\n max_size = \"16KiB\"\n rate = \"1/h\"\n }"},
		{of: "debug.ring", name: "ring", block: "debug {\n record = \"100%\"\n ring = \"64KiB\"\n }"},
	}
}

// others are numbers of the block that bound nothing.
func others() []string {
	return []string{
		"share",        // how what there is is divided: internal/tenant/permit, test/bench -only neighbour
		"shadow.share", // of the requests
		"debug.record", // of the requests
	}
}

// TestEveryLimitHasATest: no limit is in the schema that is not in the table.
func TestEveryLimitHasATest(t *testing.T) {
	var known []string
	for _, b := range bounds() {
		known = append(known, strings.Fields(b.of)...)
	}
	known = append(known, others()...)
	var walk func(b *schema.Block, prefix string)
	walk = func(b *schema.Block, prefix string) {
		for _, a := range b.Attrs {
			switch a.Kind {
			case schema.Int, schema.DurationT, schema.SizeT, schema.RateT, schema.PercentT:
				if name := prefix + a.Name; !slices.Contains(known, name) {
					t.Errorf("the limit %s of a tenant has no row in bounds", name)
				}
			}
		}
		for _, inner := range b.Blocks {
			if inner.Name != "cache" { // what may be stored of the answers: docs/guide/cache.md
				walk(inner, prefix+inner.Name+".")
			}
		}
	}
	top := schema.Top()
	walk(top.Blocks[slices.IndexFunc(top.Blocks, func(b *schema.Block) bool { return b.Name == "tenant" })], "")
}

// patient is an origin that answers /hang when release is called, and tells of
// each such request before.
func patient(t *testing.T) (o *harness.Origin, arrived <-chan struct{}, release func()) {
	hold, came := make(chan struct{}), make(chan struct{}, 64)
	release = sync.OnceFunc(func() { close(hold) })
	o = harness.NewOrigin(t, harness.Each(func(c net.Conn, r *http.Request) bool {
		if r.URL.Path == "/hang" {
			came <- struct{}{}
			<-hold
		}
		body := "origin " + r.Header.Get("X-Limit")
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	t.Cleanup(release)
	return o, came, release
}

// limitedSite has a tenant for each of the bounds, and a neighbour.
func limitedSite(addr, origin, program, hello string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\n", addr, origin)
	add := func(name, program, block string) {
		fmt.Fprintf(&b, "tenant %q {\n program = %q\n backends = [\"app\"]\n %s\n}\nvhost %q {\n hosts = [\"%s.test\"]\n tenant = %q\n backend = \"app\"\n}\n", name, program, block, name, name, name)
	}
	for _, l := range bounds() {
		add(l.name, program, l.block)
	}
	add("hello", hello, "")
	return b.String()
}

// counted waits until the tenant has the counters, each "name{label=value} n".
func counted(t *testing.T, s *harness.Server, tenant, list string) {
	t.Helper()
	var missing []string
	defer func() {
		if len(missing) > 0 {
			t.Errorf("%s: without %v", tenant, missing)
		}
	}()
	harness.Eventually(t, tenant+" has counted "+list, func() bool {
		_, text := s.Admin("GET", "/metrics", nil)
		missing = nil
		for want := range strings.SplitSeq(list, ", ") {
			name, n, _ := strings.Cut(want, " ")
			name, label, labelled := strings.Cut(strings.TrimSuffix(name, "}"), "{")
			labels := fmt.Sprintf("tenant=%q", tenant)
			if key, value, _ := strings.Cut(label, "="); labelled {
				labels = fmt.Sprintf("%s=%q,%s", key, value, labels)
			}
			if line := fmt.Sprintf("\nfishplate_tenant_%s{%s} %s\n", name, labels, n); !strings.Contains(text, line) {
				missing = append(missing, want)
			}
		}
		return len(missing) == 0
	})
}

// inside finds what no client is to see: addresses, symbols, places.
var inside = regexp.MustCompile(`0x[0-9a-f]|on_recv|\+0x|\.c:\d|pc |guest "|goroutine`)

// refusal checks the answer of a request that a limit ended, and the line in the
// log that belongs to it.
func refusal(t *testing.T, s *harness.Server, name, got, want, cause string) {
	t.Helper()
	if status(got) != want {
		t.Errorf("%s: %q, want %s", name, got, want)
		return
	}
	if _, body, _ := strings.Cut(got, "\r\n\r\n"); inside.MatchString(got) || !strings.HasPrefix(body, want+" ") || !strings.HasSuffix(body, "\n"+cause+"\n") {
		t.Errorf("%s: the client is told %q", name, got)
	}
	id := regexp.MustCompile(`(?m)^X-Request-Id: ([0-9a-f]{16})\r$`).FindStringSubmatch(got)
	if id == nil {
		t.Errorf("%s: no request id in %q", name, got)
		return
	}
	line := s.WaitLine(name+" "+cause, func(m map[string]any) bool { return m["request_id"] == id[1] })
	if line["cause"] != cause || line["tenant"] != name || fmt.Sprint(line["status"]) != want || line["side"] != "guest" || fmt.Sprint(line["detail"]) == "" || line["detail"] == nil {
		t.Errorf("%s: the log says %v", name, line)
	}
}

// TestLimits breaks every limit of a tenant: the client learns a status, a word
// and the request's name; the log, the same name with the cause; a counter goes
// up; and the neighbour has every answer, and nothing in its own counters.
func TestLimits(t *testing.T) {
	o, arrived, release := patient(t)
	addr := harness.FreeAddr(t)
	program := guest(t, "limits")
	s := harness.Start(t, limitedSite(addr, o.Addr, program, guest(t, "hello")))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var answers int
	wg.Go(func() { answers = len(neighbour(t, addr, 0, stop)) })
	for _, b := range bounds() {
		if b.path == "" {
			continue
		}
		got := ask(t, addr, b.name+".test", b.path)
		switch {
		case b.body == "": // the call ended
			refusal(t, s, b.name, got, b.status, b.cause)
		case b.cause != "": // a request that the program made itself ended
			if status(got) != b.status {
				t.Errorf("%s: %q", b.name, got)
			}
		default: // the program was told, and goes on
			if _, body, _ := strings.Cut(got, "\r\n\r\n"); status(got) != b.status || body != b.body {
				t.Errorf("%s: %q, want %s with %q", b.name, got, b.status, b.body)
			}
		}
		counted(t, s, b.name, b.counts)
		if b.cause != "" {
			if _, text := s.Admin("GET", "/metrics", nil); !strings.Contains(text, fmt.Sprintf("\nfishplate_faults_total{cause=%q} ", b.cause)) {
				t.Errorf("%s: %s is not counted", b.name, b.cause)
			}
		}
	}
	t.Run("lines", func(t *testing.T) { limitOfLines(t, s, addr) })
	t.Run("queue", func(t *testing.T) { limitOfQueue(t, s, addr, arrived, release) })
	t.Run("update", func(t *testing.T) { limitOfUpdates(t, s, program) })
	t.Run("ring", func(t *testing.T) { limitOfRing(t, s, addr) })
	close(stop)
	wg.Wait()
	if answers < 10 {
		t.Errorf("the neighbour was answered %d times", answers)
	}
	counted(t, s, "hello", fmt.Sprintf("requests_total %d, answers_total %[1]d, stops_total{reason=budget} 0, stops_total{reason=time} 0, stops_total{reason=memory} 0, stops_total{reason=fault} 0, refused_total 0, queue_waits_total 0, active 0", answers))
}

// limitOfLines: of fifty lines at once five of each second are kept, which are
// mostly those of one.
func limitOfLines(t *testing.T, s *harness.Server, addr string) {
	if got := ask(t, addr, "lines.test", "/log"); status(got) != "200" || !strings.HasSuffix(got, "\r\n\r\norigin ") {
		t.Errorf("who writes too many lines has %q", got)
	}
	kept, seconds := 0, map[int64]int{}
	if err := admin.NewClient(s.Socket).TenantLogs(t.Context(), "lines", false, 100, func(l tenant.Line) error {
		if l.Text == "a line" {
			kept++
			seconds[l.Time.Unix()]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for at, n := range seconds {
		if n > 5 {
			t.Errorf("%d lines of second %d are kept", n, at)
		}
	}
	if kept < 5 || kept == 50 {
		t.Errorf("%d lines of 50 are kept", kept)
	}
	counted(t, s, "lines", fmt.Sprintf("log_lines_total 50, log_dropped_total %d", 50-kept))
}

// limitOfQueue: one request is admitted, one waits until its time is over, a
// third is refused at once; afterwards there is a place again.
func limitOfQueue(t *testing.T, s *harness.Server, addr string, arrived <-chan struct{}, release func()) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if got := ask(t, addr, "queue.test", "/hold"); status(got) != "200" {
			t.Errorf("who was admitted has %q", got)
		}
	})
	<-arrived
	var waited string
	done := make(chan struct{})
	go func() {
		defer close(done)
		waited = ask(t, addr, "queue.test", "/small")
	}()
	counted(t, s, "queue", "queue 1, active 1")
	refusal(t, s, "queue", ask(t, addr, "queue.test", "/small"), "503", "guest-queue-full")
	<-done
	refusal(t, s, "queue", waited, "503", "guest-queue-time")
	counted(t, s, "queue", "queue_waits_total 1, refused_total 2, queue 0")
	release()
	wg.Wait()
	if got := ask(t, addr, "queue.test", "/small"); status(got) != "200" {
		t.Errorf("afterwards: %q", got)
	}
}

// limitOfUpdates: a program that is too large, and one too many.
func limitOfUpdates(t *testing.T, s *harness.Server, program string) {
	elf, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	large := append(slices.Clone(elf), make([]byte, 16<<10)...)
	if code, text := s.Admin("POST", "/v1/tenants/update/program", bytes.NewReader(large)); code != 413 || !strings.Contains(text, "16384") {
		t.Errorf("too large: %d %s", code, text)
	}
	// Without a length, too.
	if code, text := s.Admin("POST", "/v1/tenants/update/program", io.MultiReader(bytes.NewReader(large))); code != 413 {
		t.Errorf("too large, by pieces: %d %s", code, text)
	}
	var codes []int
	for range 5 {
		code, text := s.Admin("POST", "/v1/tenants/update/program", bytes.NewReader(elf))
		codes = append(codes, code)
		if code == 429 && !strings.Contains(text, "a second") {
			t.Errorf("%d %s", code, text)
		}
		if code == 429 {
			break
		}
	}
	if n := len(codes); n < 2 || codes[0] != 200 || codes[n-1] != 429 {
		t.Errorf("updates are answered %v", codes)
	}
}

// limitOfRing: what is kept of calls stays below its bound, the newest remain.
func limitOfRing(t *testing.T, s *harness.Server, addr string) {
	for i := range 100 {
		if got := ask(t, addr, "ring.test", fmt.Sprintf("/small?%d", i)); status(got) != "200" {
			t.Fatal(got)
		}
	}
	_, text := s.Admin("GET", "/v1/tenants/ring/records", nil)
	var list []struct {
		Bytes  int
		Target string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err, text)
	}
	sum := 0
	for _, r := range list {
		sum += r.Bytes
	}
	if len(list) == 0 || len(list) >= 100 || sum > 64<<10 || list[0].Target != "GET /small?99" {
		t.Errorf("%d records of %d bytes, the first %v", len(list), sum, list)
	}
}

// TestLimitsOfTheStart: a main that takes too much does not run. A tenant's block
// is refused with it; one of many in a tenants file is answered for with 503
// while the others serve.
func TestLimitsOfTheStart(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	addr := harness.FreeAddr(t)
	head := fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\n", addr, o.Addr)
	vhost := func(name string) string {
		return fmt.Sprintf("vhost %q {\n hosts = [\"%s\"]\n tenant = %q\n backend = \"app\"\n}\n", name, name, name)
	}
	program := guest(t, "limits")
	s := harness.Start(t, head+fmt.Sprintf("tenant \"hello.test\" { program = %q }\n", guest(t, "hello"))+vhost("hello.test"))
	for argument, words := range map[string]string{"hog": "memory limit", "spin": "budget of 100000 instructions"} {
		s.Write(head + fmt.Sprintf("tenant \"hello.test\" { program = %q }\ntenant \"greedy.test\" {\n program = %q\n arguments = [%q]\n memory = \"8MiB\"\n instructions = 100000\n}\n",
			guest(t, "hello"), program, argument) + vhost("hello.test") + vhost("greedy.test"))
		if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, words) || !strings.Contains(errs, "greedy.test") {
			t.Errorf("%s: exit %d, %q", argument, code, errs)
		}
	}
	text, err := json.Marshal(map[string]any{
		"hello.test": map[string]any{"filename": guest(t, "hello")},
		"hog.test":   map[string]any{"filename": program, "arguments": []string{"hog"}, "max_memory": 8},
		"spin.test":  map[string]any{"filename": program, "arguments": []string{"spin"}, "instructions": 100000},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir, "tenants.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Apply(head + fmt.Sprintf("tenants \"file\" { path = %q }\nvhost \"any\" { backend = \"app\" }\n", path))
	for name, reason := range map[string]string{"hog.test": "memory", "spin.test": "budget"} {
		refusal(t, s, name, ask(t, addr, name, "/"), "503", "guest-missing")
		counted(t, s, name, "stops_total{reason="+reason+"} 1")
	}
	if got := ask(t, addr, "hello.test", "/hello"); !strings.HasSuffix(got, "Hello World\n") {
		t.Errorf("the neighbour is answered %q", got)
	}
}
