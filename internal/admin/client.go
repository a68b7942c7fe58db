package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fishplate/internal/control"
)

// Client talks to the process behind a unix socket.
type Client struct {
	socket   string
	http     *http.Client
	patience time.Duration // for a sign of life before each call
}

// signOfLife is how long a process may take to say that it is there: many times
// what one needs that is overloaded.
const signOfLife = 10 * time.Second

// NewClient returns a Client for the socket at that path; nothing is dialled
// before the first call.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{socket, &http.Client{Transport: &http.Transport{DialContext: dial, ExpectContinueTimeout: signOfLife}}, signOfLife}
}

// DefaultSocket returns where a process of this user listens, and verbs look,
// when nothing else is said: /run/fishplate.sock as root, else in the XDG
// runtime directory, else, where there is none, in the XDG state directory. It
// is what a configuration without admin { socket } comes to.
func DefaultSocket() string {
	if os.Geteuid() == 0 {
		return "/run/fishplate.sock"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fishplate.sock")
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		dir = filepath.Join(os.Getenv("HOME"), ".local", "state")
	}
	return filepath.Join(dir, "fishplate", "fishplate.sock")
}

// FindSocket returns the socket that a verb uses: the one that was named, the
// environment's, or the first that exists of the usual places.
func FindSocket(named string) string {
	if named != "" {
		return named
	}
	if s := os.Getenv("FISHPLATE_SOCKET"); s != "" {
		return s
	}
	if _, err := os.Stat("/run/fishplate.sock"); err == nil {
		return "/run/fishplate.sock"
	}
	return DefaultSocket()
}

// APIError is an answer that is not a success.
type APIError struct {
	Status  int
	Message string
	body    []byte
}

// Error implements error.
func (e *APIError) Error() string { return e.Message }

// Status asks for the status.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, "GET", "/v1/status", nil, &s)
}

// RawStatus asks for the status as it is on the wire.
func (c *Client) RawStatus(ctx context.Context) (raw json.RawMessage, err error) {
	return raw, c.call(ctx, "GET", "/v1/status", nil, &raw)
}

// Counters asks for every counter.
func (c *Client) Counters(ctx context.Context) (list []Counters, err error) {
	return list, c.call(ctx, "GET", "/v1/counters", nil, &list)
}

// History asks for the commits.
func (c *Client) History(ctx context.Context) (list []control.Entry, err error) {
	return list, c.call(ctx, "GET", "/v1/history", nil, &list)
}

// Plan compares the file or folder at path with what runs.
func (c *Client) Plan(ctx context.Context, path string) (p control.Plan, err error) {
	return p, c.call(ctx, "POST", "/v1/plan", ChangeRequest{Path: path}, &p)
}

// Explain asks where a request would go. The answer is decoded into into.
func (c *Client) Explain(ctx context.Context, r ExplainRequest, into any) error {
	return c.call(ctx, "POST", "/v1/explain", r, into)
}

// Log calls line with access log lines until there are no more, ctx ends or
// line fails.
func (c *Client) Log(ctx context.Context, r LogRequest, line func([]byte) error) error {
	q := url.Values{"format": {r.Format}, "lines": {strconv.Itoa(r.Lines)}}
	if r.Where != "" {
		q.Set("where", r.Where)
	}
	if r.Follow {
		q.Set("follow", "1")
	}
	return c.stream(ctx, "/v1/log?"+q.Encode(), func(_ string, data []byte) error { return line(data) })
}

// Events calls f with each commit and refusal until ctx ends or f fails.
func (c *Client) Events(ctx context.Context, f func(name string, data []byte) error) error {
	return c.stream(ctx, "/v1/events", f)
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	return c.callWith(ctx, method, path, body, nil, into)
}

func (c *Client) callWith(ctx context.Context, method, path string, body any, fields http.Header, into any) error {
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode question: %w", err)
		}
		reader = bytes.NewReader(encoded)
	}
	resp, err := c.doWith(ctx, method, path, reader, fields)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	return nil
}

// do sends one request. A 422 and a 412 are answers: they carry the reasons of
// a refusal.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	return c.doWith(ctx, method, path, body, nil)
}

// alive asks for a sign of life. What is called may take minutes, and streams never
// end: only whether anybody answers can be told soon. A stopped process has a socket
// to which one connects, too.
func (c *Client) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.patience, errMute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://localhost/healthz", nil)
	if err != nil {
		return err
	}
	req.Close = true // the call's connection is a fresh one, as it would be without this
	resp, err := c.http.Do(req)
	var op *net.OpError
	switch {
	case err == nil:
		return resp.Body.Close()
	case context.Cause(ctx) == errMute, errors.Is(err, syscall.EAGAIN): // EAGAIN: as many wait there as may
		return fmt.Errorf("connect %s: %w", c.socket, errMute)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("connect %s: permission denied: only the user that fishplate runs as, and root, may use it: try again as that user, or with sudo", c.socket)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("connect %s: %w (is fishplate serving? --socket names another)", c.socket, op.Err)
	}
	return fmt.Errorf("connect %s: %w", c.socket, err)
}

var errMute = errors.New("the process does not answer: it is stopped (kill -CONT continues it), hangs, or has far too much to do")

func (c *Client) doWith(ctx context.Context, method, path string, body io.Reader, fields http.Header) (*http.Response, error) {
	if err := c.alive(ctx); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, body)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", path, err)
	}
	for name, values := range fields {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", path, err)
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusUnprocessableEntity, http.StatusPreconditionFailed, http.StatusSwitchingProtocols:
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, apiError(resp)
}

// apiError reads an answer that is an error.
func apiError(resp *http.Response) error {
	var told struct{ Error string }
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil || json.Unmarshal(body, &told) != nil || told.Error == "" {
		told.Error = resp.Status
	}
	return &APIError{resp.StatusCode, told.Error, body}
}

func (c *Client) stream(ctx context.Context, path string, f func(name string, data []byte) error) error {
	resp, err := c.do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(make([]byte, 64<<10), maxBody)
	name, data, some := "", []byte(nil), false
	for scanner.Scan() {
		line := scanner.Text()
		switch {
		case line == "" && some:
			if name == "error" {
				return &APIError{resp.StatusCode, string(data), nil}
			}
			if err := f(name, data); err != nil {
				return err
			}
			name, data, some = "", data[:0], false
		case strings.HasPrefix(line, "event: "):
			name, some = line[len("event: "):], true
		case strings.HasPrefix(line, "data: "):
			if len(data) > 0 {
				data = append(data, '\n')
			}
			data, some = append(data, line[len("data: "):]...), true
		}
	}
	if ctx.Err() != nil {
		return nil // the caller has enough
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
