package reloads

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/test/harness"
)

var (
	steps = flag.Int("steps", 240, "random changes of TestLikeAFreshStart")
	seed  = flag.Uint64("seed", 0, "of TestLikeAFreshStart; 0 takes one from the clock")
)

// every is how many changes lie between two comparisons, for a start takes a
// hundred times as long as a change.
const every = 8

// TestLikeAFreshStart makes random changes, by files and by the API, some of which
// are refused or gone back from, and compares the process with one that is started
// with the last configuration: it answers every probe and explains it in the same way.
func TestLikeAFreshStart(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat it by -seed %[1]d", *seed)
	r := rand.New(rand.NewPCG(*seed, 1))
	var servers []string
	for i := range 5 {
		servers = append(servers, echo(t, fmt.Sprint("s", i)))
	}
	here := newSite(r, harness.FreeAddr(t), servers)
	s := harness.Start(t, here.text())
	last := ran{here.text(), true}
	made := map[string]int{}
	for i := 1; i <= *steps; i++ {
		kind, committed := turn(t, r, s, here, &last)
		if made[kind]++; !committed {
			made["refused "+kind]++
		}
		if i%every != 0 && i != *steps {
			continue
		}
		text := last.text
		if text == "" {
			text = exported(t, s)
		}
		other := harness.FreeAddr(t)
		t.Run(fmt.Sprint("after ", i), func(t *testing.T) {
			fresh := harness.Start(t, strings.ReplaceAll(text, here.addr, other))
			for _, p := range probes() {
				compare(t, p, answer(t, here.addr, p), answer(t, other, p))
				got, want := explained(t, s, here.addr, p), explained(t, fresh, other, p)
				if !last.placed {
					got, want = places.ReplaceAllString(got, ""), places.ReplaceAllString(want, "")
				}
				compare(t, p, got, want)
			}
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		})
		if t.Failed() {
			t.Fatalf("after %d changes (seed %d) the process differs from a fresh start with:\n%s", i, *seed, text)
		}
	}
	t.Logf("%d changes: %v", *steps, made)
}

// ran is the file whose meaning runs, "" when an export must tell; placed says that
// the process names places in that very file.
type ran struct {
	text   string
	placed bool
}

// turn makes one change, and says of what kind and whether it was committed.
func turn(t *testing.T, r *rand.Rand, s *harness.Server, here *site, last *ran) (kind string, committed bool) {
	t.Helper()
	switch r.IntN(8) {
	case 0: // broken
		s.Write(here.text() + pick(r, "vhost \"x\" { backend = \"nobody\" }\n", "backend \"b\" {\n", "listener \"y\" { bind = [\"192.0.2.7:1\"] }\n"))
		return "file", commit(t, s, "/v1/apply", map[string]any{"path": s.Config})
	case 1:
		if committed = commit(t, s, "/v1/rollback", map[string]any{"id": 0}); committed {
			*last = ran{}
		}
		return "rollback", committed
	case 2, 3:
		if committed = commit(t, s, "/v1/edit", map[string]any{"edit": edit(r, here)}); committed {
			*last = ran{}
		}
		return "edit", committed
	}
	for range 1 + r.IntN(3) {
		here.step(r)
	}
	s.Write(here.text())
	// What only stands elsewhere in the file is nothing to do.
	_, plan := s.Admin("POST", "/v1/plan", strings.NewReader(fmt.Sprintf("{\"path\": %q}", s.Config)))
	placed := !strings.Contains(plan, `"changes":[]`) && !strings.Contains(plan, `"changes": []`)
	if !commit(t, s, "/v1/apply", map[string]any{"path": s.Config}) {
		t.Errorf("a good file was refused:\n%s", here.text())
	}
	*last = ran{here.text(), placed}
	return "file", true
}

// edit is a change by the API; what it names may be there no longer.
func edit(r *rand.Rand, here *site) map[string]any {
	b, v := pick(r, here.backends...).name, pick(r, here.vhosts...).name
	value := func(name, text string) map[string]string { return map[string]string{"name": name, "text": text} }
	switch r.IntN(7) {
	case 0:
		return map[string]any{"op": "set", "kind": "server", "key": b + "/s0", "values": []any{value("weight", fmt.Sprint(1+r.IntN(200)))}}
	case 1:
		return map[string]any{"op": "set", "kind": "backend", "key": b, "values": []any{value("balance", pick(r, "path", "ring", "first", "nonsense"))}}
	case 2:
		return map[string]any{"op": "add", "kind": "server", "key": b + "/extra", "values": []any{value("address", pick(r, here.servers...))}}
	case 3:
		return map[string]any{"op": "remove", "kind": "server", "key": b + "/s1"}
	case 4:
		return map[string]any{"op": "add", "kind": "route", "key": v + "/made", "before": "all", "values": []any{value("path", pick(r, "/old/*", "/exact")), value("backend", b)}}
	case 5:
		return map[string]any{"op": "remove", "kind": "vhost", "key": v}
	}
	return map[string]any{"op": "add", "kind": "vhost", "key": "late", "values": []any{value("hosts", "late.test"), value("backend", b)}}
}

// commit reports whether the change was taken; there may be nothing to do.
func commit(t *testing.T, s *harness.Server, path string, body map[string]any) bool {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	code, out := s.Admin("POST", path, bytes.NewReader(text))
	if code != 200 && code != 422 {
		t.Fatalf("%s %s: %d %s", path, text, code, out)
	}
	return code == 200
}

// aside are the blocks that the harness writes itself.
var aside = regexp.MustCompile(`(?ms)^(admin|state|log "access") \{.*?^\}\n`)

// places are those of a configuration in its file.
var places = regexp.MustCompile(`"range": ".*"`)

func exported(t *testing.T, s *harness.Server) string {
	t.Helper()
	code, text := s.Admin("GET", "/v1/export", nil)
	if code != 200 {
		t.Fatalf("export: %d %s", code, text)
	}
	return aside.ReplaceAllString(text, "")
}

// echo serves its own name and what it was asked.
func echo(t *testing.T, name string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %s %s host %s set %q, %d bytes\n", name, r.Method, r.URL.RequestURI(), r.Host, r.Header.Values("X-Set"), n)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

type probe struct {
	method, host, path string
	field              [2]string
}

func probes() (list []probe) {
	fields := [][2]string{{"X-Key", "1"}, {"X-Key", "2"}, {"Cookie", "c=1"}, {"X-Other", "x"}}
	for i, host := range append(hosts, "deep.c.test", "none.test", "late.test") {
		host = strings.Replace(host, "*", "wild", 1)
		for j, path := range paths {
			list = append(list, probe{methods[(i+j)%len(methods)], host, path, fields[(i*3+j)%len(fields)]})
		}
	}
	return list
}

// answer is what a client gets, without what the time makes of it.
func answer(t *testing.T, addr string, p probe) string {
	t.Helper()
	body := ""
	if p.method == "POST" {
		body = "twelve bytes"
	}
	req, err := http.NewRequest(p.method, "http://"+addr+p.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = p.host
	req.Header.Set(p.field[0], p.field[1])
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Header.Del("Date")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", resp.Status)
	_ = resp.Header.Write(&b)
	return b.String() + string(text)
}

// explained is what the process says of a request.
func explained(t *testing.T, s *harness.Server, addr string, p probe) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"method": p.method, "url": "http://" + p.host + p.path, "headers": [][2]string{p.field}})
	if err != nil {
		t.Fatal(err)
	}
	code, text := s.Admin("POST", "/v1/explain", bytes.NewReader(body))
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "generation")
	plain, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(code, " ", strings.ReplaceAll(strings.ReplaceAll(string(plain), addr, "HERE"), s.Dir, "DIR"))
}

func compare(t *testing.T, p probe, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%v (-fresh +after changes):\n%s", p, d)
	}
}
