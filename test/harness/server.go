package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. It is for machines that
// do much else: who waits in vain has found a defect, and may take its time.
const patience = time.Minute

// Server is one started process of the product.
type Server struct {
	Dir    string // the test's folder; fishplate.hcl lies in it
	Config string // path of the configuration
	Socket string // of the admin API
	Log    string // path of the access log, JSON lines

	t      testing.TB
	cmd    *exec.Cmd
	stderr lockedBuffer
	exited chan struct{}
	err    error
}

// Option changes how a server is started.
type Option func(*exec.Cmd)

// Files limits the number of open descriptors of the process.
func Files(n int) Option {
	return func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"prlimit", fmt.Sprintf("--nofile=%d:%d", n, n)}, cmd.Args...)
		cmd.Path = "/usr/bin/prlimit"
	}
}

// Start writes text as the configuration and serves it. The admin socket, the
// state folder and the access log are added. It returns when the process says
// that it is ready.
func Start(t testing.TB, text string, options ...Option) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{
		Dir: dir, t: t, exited: make(chan struct{}),
		Config: filepath.Join(dir, "fishplate.hcl"),
		Socket: filepath.Join(dir, "admin.sock"),
		Log:    filepath.Join(dir, "access.log"),
	}
	s.Write(text)
	t.Cleanup(func() { s.finish() })
	s.launch(options)
	s.waitReady()
	return s
}

// Plain makes the process one without the race detector and invariants, for figures
// of time and memory.
func Plain(t testing.TB) Option {
	binary, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	return func(cmd *exec.Cmd) { cmd.Path = binary }
}

// Crashing makes the process one that is built with -tags crashpoints, and ends
// where the file at path says (package crash).
func Crashing(t testing.TB, path string) Option {
	binary, err := crashing()
	if err != nil {
		t.Fatal(err)
	}
	return func(cmd *exec.Cmd) {
		cmd.Path = binary
		cmd.Env = append(cmd.Env, "FISHPLATE_CRASH="+path)
	}
}

// Again starts another process with what the last one, which must have ended, left
// behind. It does not wait until that is ready.
func (s *Server) Again(options ...Option) {
	s.t.Helper()
	<-s.exited
	s.check()
	s.stderr.reset()
	s.exited = make(chan struct{})
	s.launch(options)
}

// Ready waits until the process serves; false means that it ended before.
func (s *Server) Ready() bool {
	for {
		if strings.Contains(s.Stderr(), "msg=serving") {
			return true
		}
		select {
		case <-s.exited:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *Server) launch(options []Option) {
	s.t.Helper()
	binary, err := Binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(binary, "serve", s.Config)
	s.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=0 exitcode=66")
	for _, o := range options {
		o(s.cmd)
	}
	s.cmd.Stderr = &s.stderr
	s.cmd.Stdout = &s.stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, exited := s.cmd, s.exited
	go func() {
		s.err = cmd.Wait()
		close(exited)
	}()
}

// Write replaces the configuration file.
func (s *Server) Write(text string) {
	s.t.Helper()
	head := fmt.Sprintf("admin {\n  socket = %q\n}\nstate {\n  dir = %q\n}\nlog \"access\" {\n  path = %q\n}\n",
		s.Socket, filepath.Join(s.Dir, "state"), s.Log)
	if err := os.WriteFile(s.Config, []byte(head+text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// waitReady waits until the process says that it serves, or ends.
func (s *Server) waitReady() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if strings.Contains(s.Stderr(), "msg=serving") {
			return
		}
		select {
		case <-s.exited:
			s.t.Fatalf("serve ended: %v\n%s", s.err, s.Stderr())
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.t.Fatalf("serve is not ready after %v\n%s", patience, s.Stderr())
}

// finish ends the process, and fails the test if it raced or panicked.
func (s *Server) finish() {
	select {
	case <-s.exited:
	default:
		// Two at once would count as one: the second follows when the first has
		// had its chance.
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(500 * time.Millisecond):
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
		}
		select {
		case <-s.exited:
		case <-time.After(patience):
			s.t.Errorf("serve did not end %v after a second SIGTERM", patience)
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
	}
	s.check()
}

// check fails the test if the process raced or panicked.
func (s *Server) check() {
	text := s.Stderr()
	if complaint.MatchString(ofGuests.ReplaceAllString(text, "")) {
		s.t.Errorf("the process complained:\n%s", text)
	} else if s.t.Failed() {
		s.t.Logf("stderr of serve:\n%s", text)
	}
}

// complaint is what no process of ours may write: of the race detector, of the
// runtime, and of a panic that was caught. Guests may panic in their own words,
// on lines of their log.
var complaint = regexp.MustCompile(`DATA RACE|fatal error:|(?m:^panic: )|msg="panic|goroutine \d+ \[`)

// ofGuests finds a guest's line, as the server logs it.
var ofGuests = regexp.MustCompile(`(?m)^time=\S+ level=\w+ msg=guest .*$`)

// Signal sends a signal to the process.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Exited is closed when the process has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// PID returns the process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stderr returns what the process printed so far.
func (s *Server) Stderr() string { return s.stderr.String() }

// Run runs a verb of the product against this server and returns its output
// and exit code.
func (s *Server) Run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	binary, err := Binary()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "FISHPLATE_SOCKET="+s.Socket)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("run %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Admin makes a request of the admin API and returns the status and the body.
func (s *Server) Admin(method, path string, body io.Reader) (status int, text string) {
	s.t.Helper()
	c := http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.Socket)
	}}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://admin"+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Apply writes text as the configuration and reloads it; the reload must succeed.
func (s *Server) Apply(text string) {
	s.t.Helper()
	s.Write(text)
	if out, errs, code := s.Run("reload"); code != 0 {
		s.t.Fatalf("reload: exit %d\n%s%s", code, out, errs)
	}
}

// Lines returns the access log's records so far.
func (s *Server) Lines() []map[string]any {
	s.t.Helper()
	text, err := os.ReadFile(s.Log)
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	var list []map[string]any
	for line := range bytes.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			break // the last line may be half written
		}
		list = append(list, m)
	}
	return list
}

// WaitLine waits until the access log has a record that matches, and returns it.
func (s *Server) WaitLine(what string, match func(map[string]any) bool) map[string]any {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, m := range s.Lines() {
			if match(m) {
				return m
			}
		}
	}
	s.t.Fatalf("no access log line: %s\nlines: %v", what, s.Lines())
	return nil
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// ToSocket dials the Unix socket at path, whatever the address.
func ToSocket(path string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
