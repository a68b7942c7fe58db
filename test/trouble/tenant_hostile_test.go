package trouble

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// harms are paths of test/guests/hostile.c by the statuses that their client may
// see; 0 is an answer that breaks off.
func harms() map[string]string {
	return map[string]string{
		// What ends a call in on_recv is the client's 503.
		"503": "spin recurse own_code to_nowhere to_data bad_code breaks unknown cheap heap chunks calloc_ brk mmap reserve holes protect discard pages fillall memset_ compare " +
			"foreach_ever foreach_nest foreach_bad fault_handler fault_spin loop_return signal_storm signal_fault signal_all sigreturn threads thread_exit thread_fault " +
			"thread_foreach futex deadlock sleep robust synth_lies fields long_field urls tags notes logs bans regexes regex_many regex_large regex_slow regex_back regex_grow " +
			"json json_path xml entities glob jwt keys digests storage/0 storage/2 storage/3 storage/4 storage/5 storage/6 storage/7 storage_text storage_ever kv kv_small objects fetch_huge " +
			"status/101 status/100 status/103 status/0 status/999 status/65535 miss/spin miss/own_code hash/spin name/x fetch/spin fetch/own_code response/spin response/pages deliver/spin deliver/own_code synth/spin",
		"500": "forge/spin forge/recurse forge/pages forge/stop forge/own_code stream/spin stream/own_code stream/stream_lies/101 stream/stream_lies/100 stream/status/200",
		"200": "foreach_wide thread_synth storage/1 fetch_wide fetch_leave deliver/inject response/inject forge/inject synth/inject stream/stream_lies/200 stream/stream_twice",
		// Here it decides something, and what comes then is not its own.
		"200 404 500 502 503": "stop wfi foreach_stop thread_group inject decide/0 decide/1 decide/2 decide/3 decide/4 decide/5 decide/6 decide/7 decide/8 decide/9 decide/10 decide/11 " +
			"huge_word pause fetch_self fetch_other fetch_back fetch_wire fetch_hang miss/inject fetch/inject error/inject hash/inject deliver/stop response/stop",
		"204": "status/204 stream/stream_lies/204",
		"304": "status/304 stream/stream_lies/304",
		// on_synth has the last word about an error.
		"200 502": "error/spin error/recurse",
		"0 200":   "stream/stream_none stream/stream_short stream/stream_ever",
		"500 503": "stream/stream_read",
	}
}

// hostileSite has two tenants with the hostile program, which may ask an origin,
// a server that is not there, and the site itself, and a neighbour.
func hostileSite(addr, origin, nobody, hostile, hello string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listener \"web\" {\n bind = [%q]\n limits {\n per_client = 10000\n }\n}\nbackend \"app\" { servers = [%q] }\n", addr, origin)
	fmt.Fprintf(&b, "backend \"self\" { servers = [%q] }\nbackend \"down\" {\n servers = [%q]\n retry { attempts = 0 }\n}\n", addr, nobody)
	for _, name := range []string{"hostile", "hostile2"} {
		fmt.Fprintf(&b, "tenant %q {\n program = %q\n instructions = 5000000\n time = \"5s\"\n memory = \"16MiB\"\n concurrency = 16\n forks = 4096\n backends = [\"app\", \"self\"]\n storage { memory = \"1MiB\" }\n cache {}\n}\n", name, hostile)
		fmt.Fprintf(&b, "vhost %q {\n hosts = [\"%s.test\"]\n tenant = %q\n route \"down\" {\n path = \"/error/*\"\n backend = \"down\"\n }\n", name, name, name)
		fmt.Fprintf(&b, " route \"name\" {\n path = \"/name/*\"\n when = guest(\"name\", path) == \"x\"\n backend = \"app\"\n }\n route \"all\" { backend = \"app\" }\n}\n")
	}
	fmt.Fprintf(&b, "tenant \"hello\" {\n program = %q\n concurrency = 64\n}\nvhost \"hello\" {\n hosts = [\"hello.test\"]\n tenant = \"hello\"\n backend = \"app\"\n}\n", hello)
	return b.String()
}

// prudent is an origin that remembers when a request has what was injected; it
// never answers /hang.
func prudent(injected *atomic.Int64) func(net.Conn) {
	return harness.Each(func(c net.Conn, r *http.Request) bool {
		for name, values := range r.Header {
			// A program may put lines of fields into a request of its own, to /x.
			if strings.EqualFold(name, "X-Injected") && r.URL.Path != "/x" || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
				injected.Add(1)
			}
		}
		if r.URL.Path == "/hang" {
			_, _ = io.Copy(io.Discard, c) // until the other side leaves
			return false
		}
		_, err := fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\norigin\n")
		return err == nil
	})
}

// lawful reads one answer and returns its status, 0 when it breaks off. Whatever
// a program wrote, there is one answer, and no field that was smuggled in.
func lawful(addr, host, path string) (status int, err error) {
	c, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host); err != nil {
		return 0, err
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	if resp.StatusCode < 200 {
		return 0, fmt.Errorf("interim answer %d", resp.StatusCode)
	}
	for name, values := range resp.Header {
		if strings.EqualFold(name, "X-Injected") || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
			return 0, fmt.Errorf("injected field %q: %q", name, values)
		}
	}
	// An answer without end is left, as a client would do.
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 8<<20))
	switch {
	case err != nil || n == 8<<20:
		return 0, nil
	case strings.HasPrefix(path, "/stream/") && resp.ContentLength < 0 && !slices.Contains(resp.TransferEncoding, "chunked") && resp.StatusCode == 200:
		return 0, fmt.Errorf("an answer without framing")
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		return 0, fmt.Errorf("%d: %q behind the answer", resp.StatusCode, rest)
	}
	return resp.StatusCode, nil
}

// neighbour asks the victim until stop is closed, and checks every answer.
func neighbour(t *testing.T, addr string, id int, stop chan struct{}) (took []time.Duration) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return took
		default:
		}
		name := fmt.Sprintf("n%d-%d", id, i)
		begin := time.Now()
		got := harness.Exchange(t, addr, "GET /hello HTTP/1.1\r\nHost: hello.test\r\nX-Name: "+name+"\r\nConnection: close\r\n\r\n", time.Minute)
		took = append(took, time.Since(begin))
		if status(got) != "200" || !strings.HasSuffix(got, "\r\n\r\nHello "+name+"\n") {
			t.Errorf("the neighbour is answered %q", got)
			return took
		}
	}
}

// A harm is a path, and the statuses that its client may see.
type harm struct{ path, want string }

// endure asks for all of the list, eight at a time.
func endure(t *testing.T, addr string, list []harm) {
	work := make(chan harm)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for h := range work {
				got, err := lawful(addr, "hostile.test", h.path)
				if err != nil || !slices.Contains(strings.Fields(h.want), strconv.Itoa(got)) {
					t.Errorf("%s: %d %v, want %s", h.path, got, err, h.want)
				}
			}
		})
	}
	for _, h := range list {
		work <- h
	}
	close(work)
	clients.Wait()
}

// TestHostilePrograms runs every harm four times, many at once, beside a neighbour
// whose every answer must be right, and wants the process as it was afterwards.
// Latencies are printed, not judged.
func TestHostilePrograms(t *testing.T) {
	var injected atomic.Int64
	o := harness.NewOrigin(t, prudent(&injected))
	addr := harness.FreeAddr(t)
	t.Setenv("GOGC", "50") // of the process: what is resident is what it keeps, and little garbage
	s := harness.Start(t, hostileSite(addr, o.Addr, harness.FreeAddr(t), guest(t, "hostile"), guest(t, "hello")))
	alone := neighbourFor(t, addr, 200)
	before := harness.Memory(t, s.PID(), "VmRSS") >> 20

	var list []harm
	for want, paths := range harms() {
		for p := range strings.FieldsSeq(paths) {
			if stage, _, _ := strings.Cut(p, "/"); !strings.Contains(" stream forge hit miss fetch response error synth deliver hash name ", " "+stage+" ") {
				p = "recv/" + p
			}
			list = append(list, harm{"/" + p, want})
		}
	}
	t.Logf("%d harms", len(list))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var beside []time.Duration
	for id := range 2 {
		wg.Go(func() {
			took := neighbour(t, addr, id, stop)
			mu.Lock()
			beside = append(beside, took...)
			mu.Unlock()
		})
	}
	harm := func() int64 {
		endure(t, addr, list)
		// Nothing stays admitted.
		harness.Eventually(t, "no request is left", func() bool {
			out, _, code := s.Run("status")
			return code == 0 && !busy(out)
		})
		return harness.Memory(t, s.PID(), "VmRSS") >> 20
	}
	// How much garbage there is at one moment is chance; what is kept is there at
	// each.
	first := min(harm(), harm())
	second := min(harm(), harm())
	close(stop)
	wg.Wait()
	slices.Sort(beside)
	if len(beside) < 50 {
		t.Errorf("the neighbour was answered %d times only", len(beside))
	}
	t.Logf("neighbour alone p50 %v p99 %v; beside %d hostile requests %d answers, p50 %v p99 %v", alone[len(alone)/2], alone[len(alone)*99/100],
		4*len(list), len(beside), beside[len(beside)/2], beside[len(beside)*99/100])
	if n := injected.Load(); n > 0 {
		t.Errorf("%d requests reached the origin with what was injected", n)
	}
	// What the race detector keeps is many times what the process does: what counts
	// is that the second time needs no more.
	t.Logf("resident %d MiB before, %d MiB after, %d MiB after the same again", before, first, second)
	if second > first+first/2+100 {
		t.Errorf("the process grew from %d to %d MiB by the same requests", first, second)
	}
	if got := neighbourFor(t, addr, 20); len(got) != 20 {
		t.Error("the neighbour is not answered any more")
	}
}

// busy reports whether status shows a tenant with requests, or none at all.
func busy(out string) bool {
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^hostile2? +ready +(\d+) +(\d+) `).FindAllStringSubmatch(out, -1) {
		if seen++; m[1] != "0" || m[2] != "0" {
			return true
		}
	}
	return seen != 2
}

// TestEveryCallWithBadRegisters lets the program make every call of the ABI with
// registers of many kinds of harm, in on_recv and in a forge. What comes of it is
// the client's in any case, and the neighbour's answers stay right.
func TestEveryCallWithBadRegisters(t *testing.T) {
	const kinds = 14
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(root + "/sdk/abi/abi.h")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`FP_(?:SYS|NATIVE|LINUX)_\w+ (\d+)`).FindAllSubmatch(header, -1)
	if len(calls) < 200 {
		t.Fatalf("%d calls in abi.h", len(calls))
	}
	var injected atomic.Int64
	o := harness.NewOrigin(t, prudent(&injected))
	addr := harness.FreeAddr(t)
	harness.Start(t, hostileSite(addr, o.Addr, harness.FreeAddr(t), guest(t, "hostile"), guest(t, "hello")))
	stop, work := make(chan struct{}), make(chan string)
	var victim, clients sync.WaitGroup
	victim.Go(func() { neighbour(t, addr, 0, stop) })
	statuses := map[int]int{}
	var mu sync.Mutex
	for range 4 {
		clients.Go(func() {
			for path := range work {
				got, err := lawful(addr, "hostile.test", path)
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				mu.Lock()
				statuses[got]++
				mu.Unlock()
			}
		})
	}
	for _, call := range calls {
		for kind := range kinds {
			stage := [...]string{"recv", "forge"}[kind%2]
			work <- fmt.Sprintf("/%s/call/%s/%d", stage, call[1], kind)
		}
	}
	close(work)
	clients.Wait()
	close(stop)
	victim.Wait()
	t.Logf("%d calls, answers by status: %v", len(calls), statuses)
	if injected.Load() > 0 || statuses[200] == 0 || statuses[503] == 0 || statuses[500] == 0 {
		t.Errorf("%d injected, statuses %v", injected.Load(), statuses)
	}
}

// neighbourFor asks the victim n times.
func neighbourFor(t *testing.T, addr string, n int) []time.Duration {
	t.Helper()
	var list []time.Duration
	for i := range n {
		begin := time.Now()
		if got := ask(t, addr, "hello.test", "/hello"); !strings.HasSuffix(got, "Hello World\n") {
			t.Fatalf("the neighbour is answered %q: %d", got, i)
		}
		list = append(list, time.Since(begin))
	}
	slices.Sort(list)
	return list
}
