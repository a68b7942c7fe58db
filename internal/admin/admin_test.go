package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fishplate/internal/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Control that notes what it was asked.
type fake struct {
	mu      sync.Mutex
	asked   []string
	result  control.Result
	trouble error // of a confirmation
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
}

func (f *fake) Plan(_ context.Context, path string) control.Plan {
	f.note("plan %s", path)
	return f.result.Plan
}

func (f *fake) Apply(_ context.Context, path string, o control.ApplyOptions) control.Result {
	f.note("apply %s %q by %s", path, o.Comment, o.Author)
	return f.result
}

func (f *fake) Reload(_ context.Context, o control.ApplyOptions) control.Result {
	f.note("reload by %s", o.Author)
	return f.result
}

func (f *fake) Rollback(_ context.Context, id uint64, o control.ApplyOptions) control.Result {
	f.note("rollback %d by %s", id, o.Author)
	return f.result
}

func (f *fake) Revise(_ context.Context, revise func([]byte) ([]byte, []control.Problem), _ control.ApplyOptions) control.Result {
	text, errs := revise([]byte("vhost \"a\" {\n}\n"))
	f.note("revise: %q, %v", text, errs)
	return f.result
}

func (f *fake) Confirm(context.Context) (uint64, error) { return 7, f.trouble }

func (f *fake) Compare(_ context.Context, from, to string) control.Plan {
	f.note("compare %s and %s", from, to)
	return f.result.Plan
}

func (f *fake) Text(id uint64) ([]byte, error) {
	if id > 9 {
		return nil, control.ErrNone
	}
	return fmt.Appendf(nil, "# change %d\n", id), nil
}

func (f *fake) History() []control.Entry { return []control.Entry{{ID: 3, State: "committed"}} }

// open returns a Server that answers on a socket, and its Client.
func open(t *testing.T, o Options) (*Server, *Client, string) {
	t.Helper()
	if o.Control == nil {
		o.Control = &fake{}
	}
	s := New(o)
	t.Cleanup(s.Close)
	socket := filepath.Join(t.TempDir(), "a.sock")
	commit(t, s, socket, "127.0.0.1:0")
	c := NewClient(socket)
	t.Cleanup(c.http.CloseIdleConnections)
	return s, c, socket
}

func commit(t *testing.T, s *Server, socket, bind string) {
	t.Helper()
	u, err := s.Prepare(socket, bind)
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
}

func TestCalls(t *testing.T) {
	f := &fake{result: control.Result{Committed: true, Plan: control.Plan{Generation: 4, Changes: []control.Change{{Kind: "vhost", Key: "x", Action: "add"}}}}}
	_, c, _ := open(t, Options{
		Control: f,
		Status:  func() Status { return Status{Generation: 4, Version: "v"} },
		Explain: func(_ context.Context, r ExplainRequest) (any, error) {
			return map[string]string{"route": r.URL, "field": r.Headers[0][1]}, nil
		},
	})
	ctx := t.Context()
	if p, err := c.Plan(ctx, "/a"); err != nil || p.Generation != 4 || p.Changes[0].Key != "x" {
		t.Errorf("plan: %+v, %v", p, err)
	}
	if r, err := c.Change(ctx, "apply", ChangeRequest{Path: "/b", Comment: "why"}); err != nil || !r.Committed {
		t.Errorf("apply: %+v, %v", r, err)
	}
	if r, err := c.Change(ctx, "reload", ChangeRequest{}); err != nil || r.Generation != 4 {
		t.Errorf("reload: %+v, %v", r, err)
	}
	me := fmt.Sprintf("uid %d", os.Geteuid())
	if d := cmp.Diff([]string{"plan /a", `apply /b "why" by ` + me, "reload by " + me}, f.asked); d != "" {
		t.Error(d)
	}
	if s, err := c.Status(ctx); err != nil || s.Generation != 4 || s.Version != "v" {
		t.Errorf("status: %+v, %v", s, err)
	}
	if h, err := c.History(ctx); err != nil || len(h) != 1 || h[0].ID != 3 {
		t.Errorf("history: %+v, %v", h, err)
	}
	var e map[string]string
	if err := c.Explain(ctx, ExplainRequest{URL: "u", Headers: [][2]string{{"A", "b"}}}, &e); err != nil || e["route"] != "u" || e["field"] != "b" {
		t.Errorf("explain: %v, %v", e, err)
	}
}

// TestRefusalIsAResult carries the reasons with a status that is no success.
func TestRefusalIsAResult(t *testing.T) {
	f := &fake{result: control.Result{Plan: control.Plan{Generation: 1, Errors: []control.Problem{{File: "x", Line: 2, Column: 3, Summary: "no"}}}}}
	_, c, _ := open(t, Options{Control: f})
	r, err := c.Change(t.Context(), "apply", ChangeRequest{Path: "/b"})
	if err != nil || r.Committed || len(r.Errors) != 1 || r.Errors[0].Line != 2 {
		t.Errorf("apply: %+v, %v", r, err)
	}
	resp, err := c.do(t.Context(), "POST", "/v1/apply", strings.NewReader(`{"path":"/b"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestNotNow: what another change keeps away is a conflict and a result, and what
// cannot be written is no fault of the caller's.
func TestNotNow(t *testing.T) {
	f := &fake{result: control.Result{Busy: true, Plan: control.Plan{Generation: 1, Errors: []control.Problem{{Summary: "change 2 waits"}}}}}
	_, c, _ := open(t, Options{Control: f})
	if r, err := c.Change(t.Context(), "apply", ChangeRequest{Path: "/b"}); err != nil || !r.Busy || len(r.Errors) != 1 {
		t.Errorf("apply: %+v, %v", r, err)
	}
	_, err := c.do(t.Context(), "POST", "/v1/reload", strings.NewReader(`{}`))
	if e, ok := errors.AsType[*APIError](err); !ok || e.Status != http.StatusConflict {
		t.Errorf("reload: %v", err)
	}
	for _, row := range []struct {
		trouble error
		status  int
	}{{control.ErrSettled, 409}, {errors.New("confirm change 2: disk full"), 500}, {fmt.Errorf("confirm: %w", control.ErrBusy), 409}} {
		f.trouble = row.trouble
		_, err := c.Confirm(t.Context())
		if e, ok := errors.AsType[*APIError](err); !ok || e.Status != row.status || !strings.Contains(e.Message, row.trouble.Error()) {
			t.Errorf("confirm: %v, want %d", err, row.status)
		}
	}
}

func TestErrors(t *testing.T) {
	_, c, _ := open(t, Options{Explain: func(context.Context, ExplainRequest) (any, error) {
		return nil, fmt.Errorf("%w: no host", ErrInvalid)
	}})
	ctx := t.Context()
	for _, row := range []struct {
		call   func() error
		status int
		text   string
	}{
		{func() error { return c.Explain(ctx, ExplainRequest{}, new(any)) }, 400, "invalid request: no host"},
		{func() error { _, err := c.Status(ctx); return err }, 501, "unsupported"},
		{func() error { _, err := c.Counters(ctx); return err }, 501, "unsupported"},
		{func() error { return c.Log(ctx, LogRequest{}, nil) }, 501, "unsupported"},
		{func() error { return c.call(ctx, "POST", "/v1/plan", map[string]int{"pth": 1}, new(any)) }, 400, "unknown field"},
		{func() error { return c.call(ctx, "GET", "/v1/plan", nil, new(any)) }, 405, ""},
		{func() error { return c.call(ctx, "GET", "/v2/status", nil, new(any)) }, 404, ""},
	} {
		err := row.call()
		var api *APIError
		if !errors.As(err, &api) || api.Status != row.status || !strings.Contains(api.Message, row.text) {
			t.Errorf("got %v, want status %d and %q", err, row.status, row.text)
		}
	}
	err := func() error { _, err := NewClient("/nonexistent/x.sock").Status(ctx); return err }()
	if err == nil || !strings.Contains(err.Error(), "is fishplate serving?") {
		t.Errorf("no process: %v", err)
	}
}

func TestLog(t *testing.T) {
	_, c, _ := open(t, Options{Log: func(ctx context.Context, r LogRequest, write func([]byte) error) error {
		if r.Where == "bad" {
			return fmt.Errorf("%w: where: bad", ErrInvalid)
		}
		for i := range r.Lines {
			if err := write(fmt.Appendf(nil, "%s %d", r.Format, i)); err != nil {
				return err
			}
		}
		if r.Follow {
			<-ctx.Done()
			return nil
		}
		if r.Where == "late" {
			return errors.New("ring is gone")
		}
		return nil
	}})
	collect := func(ctx context.Context, r LogRequest, enough int) (lines []string, err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err = c.Log(ctx, r, func(line []byte) error {
			if lines = append(lines, string(line)); len(lines) == enough {
				cancel()
			}
			return nil
		})
		return lines, err
	}
	lines, err := collect(t.Context(), LogRequest{Lines: 3, Format: "json"}, -1)
	if d := cmp.Diff([]string{"json 0", "json 1", "json 2"}, lines); d != "" || err != nil {
		t.Error(d, err)
	}
	if lines, err = collect(t.Context(), LogRequest{Lines: 2, Follow: true, Format: "text"}, 2); len(lines) != 2 || err != nil {
		t.Errorf("follow: %v, %v", lines, err)
	}
	var api *APIError
	if _, err = collect(t.Context(), LogRequest{Where: "bad"}, -1); !errors.As(err, &api) || api.Status != 400 {
		t.Errorf("bad where: %v", err)
	}
	if lines, err = collect(t.Context(), LogRequest{Lines: 1, Where: "late"}, -1); len(lines) != 1 || err == nil || err.Error() != "ring is gone" {
		t.Errorf("late error: %v, %v", lines, err)
	}
}

func TestEvents(t *testing.T) {
	s, c, _ := open(t, Options{})
	begun := make(chan struct{})
	got := make(chan string, 8)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- c.Events(ctx, func(name string, data []byte) error {
			got <- name + " " + string(data)
			return nil
		})
	}()
	go func() { // until the listener has joined
		defer close(begun)
		for {
			s.hub.mu.Lock()
			n := len(s.hub.feeds)
			s.hub.mu.Unlock()
			if n > 0 {
				return
			}
			runtime.Gosched()
		}
	}()
	<-begun
	s.Settled(7, true)
	s.Settled(7, false)
	for _, want := range []string{`committed {"generation":7}`, `refused {"generation":7}`} {
		if g := <-got; g != want {
			t.Errorf("event %q, want %q", g, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestCloseEndsStreams does not wait for readers who follow.
func TestCloseEndsStreams(t *testing.T) {
	s, c, _ := open(t, Options{Log: func(ctx context.Context, _ LogRequest, write func([]byte) error) error {
		_ = write([]byte("x"))
		<-ctx.Done()
		return nil
	}})
	one := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- c.Log(context.Background(), LogRequest{Follow: true}, func([]byte) error { close(one); return nil })
	}()
	<-one
	s.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSocketIsTheOwners(t *testing.T) {
	_, _, socket := open(t, Options{})
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(socket))
	if len(entries) != 1 {
		t.Errorf("other files were left: %v", entries)
	}
}

func TestAllowed(t *testing.T) {
	for _, row := range []struct {
		uid, own int
		want     bool
	}{{0, 0, true}, {0, 1000, true}, {1000, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {-1, 0, false}, {-1, 1000, false}} {
		if got := allowed(row.uid, row.own); got != row.want {
			t.Errorf("uid %d of a process of %d: %v", row.uid, row.own, got)
		}
	}
}

// TestPeerIsRefused lets another user's credentials knock.
func TestPeerIsRefused(t *testing.T) {
	var log bytes.Buffer
	s := New(Options{Control: &fake{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	for uid, want := range map[int]int{os.Geteuid(): 200, 54321: 403} {
		r, _ := http.NewRequestWithContext(context.WithValue(t.Context(), peerKey{}, peer{uid, true}), "GET", "/healthz", nil)
		w := newRecorder()
		s.socket.ServeHTTP(w, r)
		if w.status != want {
			t.Errorf("uid %d: %d", uid, w.status)
		}
	}
	if !strings.Contains(log.String(), "uid=54321") {
		t.Errorf("log: %s", log.String())
	}
}

type recorder struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder                    { return &recorder{head: http.Header{}, status: 200} }
func (r *recorder) Header() http.Header         { return r.head }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestTCPOnlyReads(t *testing.T) {
	f := &fake{}
	s, _, _ := open(t, Options{Control: f, Status: func() Status { return Status{Generation: 9} }})
	_, bind := s.Addresses()
	defer http.DefaultClient.CloseIdleConnections()
	for _, e := range Endpoints() {
		req, _ := http.NewRequest(e.Method, "http://"+bind+e.Path, strings.NewReader("{}"))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if e.Token() {
			if resp.StatusCode != 401 {
				t.Errorf("%s %s: %d on TCP without a token", e.Method, e.Path, resp.StatusCode)
			}
			continue
		}
		if answered := resp.StatusCode != 404 && resp.StatusCode != 405; answered != e.TCP {
			t.Errorf("%s %s: %d on TCP", e.Method, e.Path, resp.StatusCode)
		}
		if e.TCP && e.Method != "GET" {
			t.Errorf("%s %s is open on TCP", e.Method, e.Path)
		}
	}
	if len(f.asked) != 0 {
		t.Errorf("control was asked over TCP: %v", f.asked)
	}
}

func TestOwnHost(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1:9180": true, "[::1]:9180": true, "[::1]": true, "10.1.2.3": true, "localhost": true, "LOCALHOST:1": true,
		"edge-1:9180": true, "evil.example": false, "evil.example:9180": false, "127.0.0.1.evil.example": false, "": false,
	} {
		if got := ownHost(host, "edge-1"); got != want {
			t.Errorf("host %q: %v", host, got)
		}
	}
}

func TestAddressesChange(t *testing.T) {
	s, c, first := open(t, Options{Status: func() Status { return Status{} }})
	second := filepath.Join(t.TempDir(), "b.sock")
	u, err := s.Prepare(second, "")
	if err != nil {
		t.Fatal(err)
	}
	u.Abort()
	if _, err := os.Stat(second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an aborted socket stays: %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("the old socket after an abort: %v", err)
	}
	commit(t, s, second, "")
	c2 := NewClient(second)
	defer c2.http.CloseIdleConnections()
	if _, err := c2.Status(t.Context()); err != nil {
		t.Errorf("the new socket: %v", err)
	}
	for _, gone := range []func() bool{
		func() bool { _, err := os.Stat(first); return errors.Is(err, os.ErrNotExist) },
		func() bool { _, bind := s.Addresses(); return bind == "" },
	} {
		for !gone() {
			runtime.Gosched() // the old door closes in the background
		}
	}
	commit(t, s, second, "") // the same again: nothing to bind
	if _, err := c2.Status(t.Context()); err != nil {
		t.Errorf("after the same again: %v", err)
	}
}

func TestStaleSocketIsReplacedAndALiveOneIsNot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	s := New(Options{Control: &fake{}})
	defer s.Close()
	if _, err := s.Prepare(path, ""); err == nil || !strings.Contains(err.Error(), "another process answers") {
		t.Errorf("a live socket: %v", err)
	}
	l.Close()
	commit(t, s, path, "")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	other := filepath.Join(dir, "b.sock")
	if _, err := s.Prepare(other, busy.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a busy port: %v", err)
	}
	if _, err := os.Stat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket bound before the failure stays: %v", err)
	}
	for name, put := range map[string]func(string) error{
		"a file":   func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":   func(path string) error { return os.Symlink("nowhere", path) },
	} {
		taken := filepath.Join(dir, name)
		if err := put(taken); err != nil {
			t.Fatal(err)
		}
		was, err := os.Lstat(taken)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prepare(taken, ""); err == nil || !strings.Contains(err.Error(), "something else than a socket") {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.Lstat(taken); err != nil || !os.SameFile(now, was) {
			t.Errorf("%s is not left alone: %v, %v", name, now, err)
		}
	}
}

// TestEndpointsGolden pins the surface that tools rely on.
func TestEndpointsGolden(t *testing.T) {
	var got bytes.Buffer
	for _, e := range Endpoints() {
		fmt.Fprintf(&got, "%s %s tcp=%v token=%v\n", e.Method, e.Path, e.TCP, e.Token())
	}
	golden(t, "endpoints.txt", got.Bytes())
	var status bytes.Buffer
	e := json.NewEncoder(&status)
	e.SetIndent("", "  ")
	_ = e.Encode(Status{
		Listeners: []ListenerStatus{{Failed: []string{""}, Accept: &AcceptStatus{}}}, Checks: []CheckStatus{{}}, VHosts: []VHostStatus{{Tenant: "t", Routes: []RouteStatus{{Backend: "b"}}}},
		Backends: []BackendStatus{{Servers: []ServerStatus{{Check: "up"}}}}, Tenants: []TenantStatus{{}}, Cache: &CacheStatus{},
		Findings: []Finding{{}}, Draining: []DrainStatus{{}}, Canary: &control.Ongoing{Conditions: []control.Condition{{}}},
	})
	golden(t, "status.json", status.Bytes())
}

func TestHealthz(t *testing.T) {
	_, c, _ := open(t, Options{})
	resp, err := c.do(t.Context(), "GET", "/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != "ok\n" {
		t.Errorf("healthz: %q", text)
	}
}
