package script

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fishplate/test/harness"
)

// patience bounds every wait for a state, but that for a start, which may compile
// programs.
const (
	patience  = time.Minute
	startTime = 3 * time.Minute
)

type stateKey struct{}

// state is what the commands of one script share.
type state struct {
	server  *process
	origins map[string]*origin
}

func (s *state) close() {
	for _, o := range s.origins {
		_ = o.server.Close()
	}
	if s.server != nil {
		s.server.kill()
	}
}

func stateOf(ts *testscript.TestScript) *state { return ts.Value(stateKey{}).(*state) }

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands is the table of README.md.
func commands() map[string]command {
	return map[string]command{
		"origin":   cmdOrigin,
		"freeport": cmdFreeport,
		"waitport": cmdWaitport,
		"expand":   cmdExpand,
		"serve":    cmdServe,
		"stop":     cmdStop,
		"signal":   cmdSignal,
		"http":     cmdHTTP,
		"until":    cmdUntil,
	}
}

func usage(ts *testscript.TestScript, ok bool, form string) {
	if !ok {
		ts.Fatalf("usage: %s", form)
	}
}

// origin answers every request with its own name and what it was asked.
type origin struct {
	name   string
	server *http.Server
}

func cmdOrigin(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && (len(args) == 1 || len(args) == 2), "origin NAME [ADDR]")
	address := "127.0.0.1:0"
	if len(args) == 2 {
		address = args[1]
	}
	l, err := net.Listen("tcp", address)
	ts.Check(err)
	o := &origin{name: args[0]}
	o.server = &http.Server{Handler: o}
	go func() { _ = o.server.Serve(l) }() // ends with Close
	stateOf(ts).origins[o.name] = o
	ts.Setenv(o.name, l.Addr().String())
}

// ServeHTTP implements the origin. ?status=N chooses the status, ?sleep=D waits
// first, ?size=N sends so many bytes; fields that begin with X-Answer- come back
// without that prefix.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if d, err := time.ParseDuration(q.Get("sleep")); err == nil {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	body, _ := io.ReadAll(r.Body)
	for name, values := range r.Header {
		if rest, ok := strings.CutPrefix(name, "X-Answer-"); ok {
			w.Header()[rest] = values
		}
	}
	w.Header().Set("X-Origin", o.name)
	if n, err := strconv.Atoi(q.Get("status")); err == nil && n >= 200 {
		w.WriteHeader(n)
	}
	if n, err := strconv.Atoi(q.Get("size")); err == nil {
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
		return
	}
	fmt.Fprintf(w, "origin %s\n%s %s\nhost %s\n", o.name, r.Method, r.URL.RequestURI(), r.Host)
	var fields bytes.Buffer
	_ = r.Header.Write(&fields)
	fmt.Fprintf(w, "%s", strings.ReplaceAll(fields.String(), "\r\n", "\n"))
	if len(body) > 0 {
		fmt.Fprintf(w, "body %s\n", body)
	}
}

func cmdFreeport(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "freeport NAME…")
	var held []net.Listener
	for _, name := range args {
		l, err := harness.ListenLow()
		ts.Check(err)
		held = append(held, l)
		ts.Setenv(name, l.Addr().String())
	}
	for _, l := range held {
		_ = l.Close()
	}
}

func cmdWaitport(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1, "waitport ADDR")
	network := "tcp"
	if strings.HasPrefix(args[0], "/") {
		network = "unix"
	}
	wait(ts, fmt.Sprintf("port %s", args[0]), func() bool {
		c, err := net.DialTimeout(network, args[0], time.Second)
		if err == nil {
			_ = c.Close()
		}
		return (err == nil) != neg
	})
}

func wait(ts *testscript.TestScript, what string, done func() bool) {
	waitFor(ts, patience, what, done)
}

func waitFor(ts *testscript.TestScript, most time.Duration, what string, done func() bool) {
	for end := time.Now().Add(most); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s: not so after %v", what, most)
		}
	}
}

func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "expand FILE…")
	for _, name := range args {
		path := ts.MkAbs(name)
		text := os.Expand(ts.ReadFile(path), func(word string) string {
			if v := ts.Getenv(word); v != "" {
				return v
			}
			return "${" + word + "}"
		})
		ts.Check(os.WriteFile(path, []byte(text), 0o644))
	}
}

// process is the fishplate that a script serves.
type process struct {
	cmd    *exec.Cmd
	output lockedBuffer
	done   chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// cmdServe starts a verb that serves and waits until its socket answers.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "serve FILE [FLAG…]")
	s := stateOf(ts)
	if s.server != nil {
		ts.Fatalf("something is served already")
	}
	verb := append([]string{"serve"}, args...)
	if args[0] == "demo" {
		verb = args
	}
	p := &process{cmd: exec.Command(ts.Getenv("WORK")+"/.bin/fishplate", verb...), done: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = append(os.Environ(), environment(ts)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	ts.Check(p.cmd.Start())
	s.server = p
	go func() {
		_ = p.cmd.Wait() // the exit code is looked at by stop
		close(p.done)
	}()
	waitFor(ts, startTime, "serve", func() bool {
		select {
		case <-p.done:
			ts.Fatalf("it ended: %v\n%s", p.cmd.ProcessState, p.output.String())
		default:
		}
		c, err := net.Dial("unix", ts.Getenv("FISHPLATE_SOCKET"))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func environment(ts *testscript.TestScript) (list []string) {
	for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "FISHPLATE_SOCKET", "GORACE", "NO_COLOR"} {
		list = append(list, name+"="+ts.Getenv(name))
	}
	return list
}

// cmdStop ends the served process with SIGTERM and shows what it printed. It
// must exit with 0, and without a race or a panic.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 0, "stop")
	p := served(ts)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
		ts.Fatalf("it did not end %v after SIGTERM\n%s", patience, p.output.String())
	}
	stateOf(ts).server = nil
	text := p.output.String()
	ts.Check(os.WriteFile(ts.MkAbs("serve.out"), []byte(text), 0o644))
	if code := p.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
		ts.Fatalf("exit code %d\n%s", code, text)
	}
}

func served(ts *testscript.TestScript) *process {
	p := stateOf(ts).server
	if p == nil {
		ts.Fatalf("nothing is served")
	}
	return p
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT}
	if len(args) == 1 && args[0] == "KILL" {
		served(ts).kill()
		stateOf(ts).server = nil
		return
	}
	usage(ts, !neg && len(args) == 1 && signals[args[0]] != nil, "signal HUP|TERM|INT|KILL")
	ts.Check(served(ts).cmd.Process.Signal(signals[args[0]]))
}

// cmdHTTP sends one request and puts the answer into stdout: the status line,
// the fields in order of their names, an empty line, the body.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	form := "http METHOD URL|ADDR [-H 'K: V']… [-d BODY]"
	usage(ts, len(args) >= 2, form)
	url := args[1]
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	var body io.Reader
	fields := http.Header{}
	host := ""
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		usage(ts, len(rest) >= 2, form)
		switch rest[0] {
		case "-H":
			name, value, _ := strings.Cut(rest[1], ":")
			if value = strings.TrimSpace(value); strings.EqualFold(name, "Host") {
				host = value
			}
			fields.Add(name, value)
		case "-d":
			body = strings.NewReader(rest[1])
		default:
			usage(ts, false, form)
		}
	}
	req, err := http.NewRequest(args[0], url, body)
	ts.Check(err)
	req.Header, req.Host = fields, host
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	resp, err := client.Do(req)
	if err != nil {
		if neg {
			return
		}
		ts.Fatalf("%v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if neg {
		ts.Fatalf("an answer came: %s", resp.Status)
	}
	ts.Check(err)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n", resp.Status)
	_ = resp.Header.Write(&out)
	fmt.Fprintf(&out, "\n%s", text)
	_, err = io.WriteString(ts.Stdout(), strings.ReplaceAll(out.String(), "\r\n", "\n"))
	ts.Check(err)
}

// cmdUntil runs a command again and again until its output matches.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "until REGEXP COMMAND [ARG…]")
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var last []byte
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		cmd := exec.Command(args[1], args[2:]...)
		if args[1] == "fishplate" {
			cmd.Path = ts.Getenv("WORK") + "/.bin/fishplate"
			cmd.Err = nil
		}
		cmd.Dir, cmd.Env = ts.MkAbs("."), append(os.Environ(), environment(ts)...)
		last, _ = cmd.CombinedOutput()
		if re.Match(last) {
			_, err := ts.Stdout().Write(last)
			ts.Check(err)
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q never matched; the last output was\n%s", args[0], last)
		}
	}
}
