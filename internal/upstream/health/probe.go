package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fishplate/internal/netio"
)

// Probe is one way to ask a server whether it is well.
type Probe struct {
	Kind       string // "http" or "tcp" (a connection is enough)
	Path, Host string
	Low, High  int // statuses that are well
	Timeout    time.Duration
	LoadHeader string // response field with the server's own load, "" for none
	Dial       func(ctx context.Context) (net.Conn, error)
}

// maxHead bounds what a probe reads of an answer.
const maxHead = 64 << 10

// Run asks, and returns within Timeout. A question during which the process stood
// still says nothing of the server: it is asked again.
func (p *Probe) Run(ctx context.Context) Result {
	r := p.once(ctx)
	if !r.OK && r.Took > p.Timeout+stood && ctx.Err() == nil {
		r = p.once(ctx)
	}
	return r
}

func (p *Probe) once(ctx context.Context) Result {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	r := Result{At: start}
	r.Cause, r.OK = p.ask(ctx, &r)
	r.Took = time.Since(start)
	return r
}

func (p *Probe) ask(ctx context.Context, r *Result) (cause string, ok bool) {
	conn, err := p.Dial(ctx)
	if err != nil {
		if netio.Short(err) {
			r.Moot = err
		}
		return "connect: " + reason(err), false
	}
	defer func() { _ = conn.Close() }() // the answer is known; a failing close changes nothing
	if p.Kind == "tcp" {
		return "connected", true
	}
	if deadline, has := ctx.Deadline(); has {
		if err := conn.SetDeadline(deadline); err != nil {
			return "connect: " + reason(err), false
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: fishplate-check\r\nAccept: */*\r\nConnection: close\r\n\r\n", p.Path, p.Host)
	if _, err := io.WriteString(conn, head); err != nil {
		return "send: " + reason(err), false
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), nil)
	if err != nil {
		return "receive: " + reason(err), false
	}
	p.load(resp.Header, r)
	return fmt.Sprintf("status %d", resp.StatusCode), resp.StatusCode >= p.Low && resp.StatusCode <= p.High
}

// load reads the load that the server reports of itself: a number.
func (p *Probe) load(h http.Header, r *Result) {
	if p.LoadHeader == "" {
		return
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(h.Get(p.LoadHeader)), 64)
	if err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		r.Load, r.HasLoad = v, true
	}
}

// reason shortens an error to what an operator looks for.
func reason(err error) string {
	var number syscall.Errno
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the server"
	}
	return err.Error()
}
