package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"fishplate/internal/tenant"
)

// gdbProtocol is what the connection of a debugger is switched to: gdb's remote
// serial protocol, as it is.
const gdbProtocol = "fishplate-gdb"

// Bounds of what is asked for.
const (
	profileTime  = 10 * time.Second // when nothing is said
	profileMost  = 10 * time.Minute
	attachWait   = 10 * time.Minute // for a request that fits
	maxWhere     = 4096             // bytes of an expression
	pastLogLines = 100
)

// watching returns a context that also ends with the Server.
func (s *Server) watching(r *http.Request) (context.Context, func()) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(s.stopped, cancel)
	return ctx, func() { stop(); cancel() }
}

func (s *Server) tenantRecords(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	list, err := s.o.Tenants.Records(t.Name())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, list)
}

func (s *Server) tenantRecord(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) error {
	b, err := s.o.Tenants.Record(t.Name(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // the caller may have left
	return nil
}

func (s *Server) tenantProfile(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) (err error) {
	d := profileTime
	if text := r.URL.Query().Get("for"); text != "" {
		if d, err = time.ParseDuration(text); err != nil || d <= 0 || d > profileMost {
			return fmt.Errorf("%w: for=%q is no time of at most %v", ErrInvalid, text, profileMost)
		}
	}
	ctx, done := s.watching(r)
	defer done()
	b := &begun{w: w}
	err = s.o.Tenants.Profile(ctx, t.Name(), d, b)
	if b.any {
		return nil
	}
	return err
}

// begun is a ResponseWriter's body that knows whether anything was written.
type begun struct {
	w   http.ResponseWriter
	any bool
}

// Write implements io.Writer.
func (b *begun) Write(p []byte) (int, error) {
	if !b.any {
		b.any = true
		b.w.Header().Set("Content-Type", "application/octet-stream")
	}
	return b.w.Write(p)
}

func (s *Server) tenantLogs(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) (err error) {
	q := r.URL.Query()
	n := pastLogLines
	if text := q.Get("lines"); text != "" {
		if n, err = strconv.Atoi(text); err != nil || n < 0 {
			return fmt.Errorf("%w: lines=%q is no number", ErrInvalid, text)
		}
	}
	ctx, done := s.watching(r)
	defer done()
	stream := newStream(w)
	if err := stream.begin(); err != nil {
		return err
	}
	err = s.o.Tenants.FollowLogs(ctx, t.Name(), q.Get("follow") == "1", n, func(l tenant.Line) error {
		line, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("encode line: %w", err)
		}
		return stream.send("", line)
	})
	if errors.Is(err, tenant.ErrNoTenant) {
		err = nil // it has gone since it was found: so its lines end
	}
	return stream.finish(err)
}

// tenantGDB gives the connection to the debugger of a request.
func (s *Server) tenantGDB(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) (err error) {
	q := r.URL.Query()
	o := tenant.AttachOptions{Where: q.Get("where"), Entry: q.Get("entry"), Wait: attachWait}
	if text := q.Get("wait"); text != "" {
		if o.Wait, err = time.ParseDuration(text); err != nil || o.Wait <= 0 || o.Wait > attachWait {
			return fmt.Errorf("%w: wait=%q is no time of at most %v", ErrInvalid, text, attachWait)
		}
	}
	if len(o.Where) > maxWhere {
		return fmt.Errorf("%w: the expression is longer than %d bytes", ErrInvalid, maxWhere)
	}
	if r.Header.Get("Upgrade") != gdbProtocol {
		return fmt.Errorf("%w: this call wants Upgrade: %s", ErrInvalid, gdbProtocol)
	}
	ctx, done := s.watching(r)
	defer done()
	hijacked := false
	err = s.o.Tenants.AttachGDB(ctx, t.Name(), o, func() (io.ReadWriteCloser, error) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return nil, err
		}
		hijacked = true
		_ = conn.SetDeadline(time.Time{}) // a person thinks for long
		if _, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+gdbProtocol+"\r\n\r\n"); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return &debugger{Conn: conn, in: rw.Reader}, nil
	})
	switch {
	case hijacked:
		return nil // there is nobody left to tell
	case errors.Is(err, tenant.ErrChoice):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

// debugger is a connection whose first bytes may have been read already.
type debugger struct {
	net.Conn
	in *bufio.Reader
}

// Read implements io.Reader.
func (d *debugger) Read(b []byte) (int, error) { return d.in.Read(b) }
