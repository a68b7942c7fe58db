package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Counts are the outcome of one kind of load.
type Counts struct {
	Done   int            `json:"done"`
	Failed int            `json:"failed"`           // nothing was killed that could excuse it
	Apart  int            `json:"apart,omitempty"`  // what a killed server had in its hands
	Closed int            `json:"closed,omitempty"` // idle connections that were closed under a request, which was sent again
	P50    float64        `json:"p50_ms,omitempty"`
	P999   float64        `json:"p99_9_ms,omitempty"`
	Why    map[string]int `json:"why,omitempty"` // of what failed

	times []time.Duration
}

// floor is the load that goes to a server past the system under test. What is slow
// there is slow by the machine, the servers or the clients.
const floor = "direct"

// load is everything that asks at once.
type load struct {
	size    size
	origins *origins
	plain   string // address
	secure  string
	sticky  bool // a cookie pins
	tenant  bool
	diary   *diary

	ctx context.Context
	wg  sync.WaitGroup
	mu  sync.Mutex
	all map[string]*Counts
}

// note counts one outcome; from is the server that had it, "" when none is known.
func (l *load) note(kind, from string, begin time.Time, err error) {
	if err != nil && l.ctx.Err() != nil {
		return // ours to end
	}
	apart := err != nil && l.origins.fell(from, begin, time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts(kind)
	switch {
	case err == nil:
		end := time.Now()
		c.Done++
		c.times = append(c.times, end.Sub(begin))
		if kind != "download" {
			l.diary.took(kind, begin, end)
		}
	case apart:
		c.Apart++
	default:
		c.Failed++
		c.Why[err.Error()]++
	}
}

func (l *load) counts(kind string) *Counts {
	if l.all[kind] == nil {
		l.all[kind] = &Counts{Why: map[string]int{}}
	}
	return l.all[kind]
}

// start begins all of it; it ends with the context.
func (l *load) start(ctx context.Context) {
	l.ctx, l.all = ctx, map[string]*Counts{}
	s := l.size
	l.paced(s.Conns, s.Rate, func(tick <-chan time.Time) { l.stay("keep-alive", l.plain, "GET", "/", tick) })
	l.paced(4, max(s.Rate/20, 1), func(tick <-chan time.Time) { l.stay("post", l.plain, "POST", "/post", tick) })
	l.paced(4, max(s.Rate/5, 1), func(tick <-chan time.Time) { l.stay(floor, l.origins.floor, "GET", "/", tick) })
	if l.tenant {
		l.paced(4, max(s.Rate/20, 1), func(tick <-chan time.Time) { l.stay("tenant", l.plain, "GET", "/tenant", tick) })
	}
	l.paced(s.Short/5+1, s.Short, func(tick <-chan time.Time) {
		for n := 0; ; n++ {
			select {
			case at := <-tick:
				l.short(at, n%4 == 0)
			case <-ctx.Done():
				return
			}
		}
	})
	for range s.Sockets {
		l.wg.Go(l.socket)
	}
	for range s.Downloads {
		l.wg.Go(l.downloads)
	}
	if l.sticky {
		for range s.Sessions {
			l.wg.Go(l.session)
		}
	}
}

// paced runs workers that get moments at the rate between them, whether or not the
// ones before are done: what waits is late, and its time counts from its moment.
func (l *load) paced(workers, rate int, work func(<-chan time.Time)) {
	ticks := make(chan time.Time, rate*60)
	for range workers {
		l.wg.Go(func() { work(ticks) })
	}
	l.wg.Go(func() {
		begin := time.Now()
		for n := 0; l.ctx.Err() == nil; {
			for due := int(time.Since(begin).Seconds() * float64(rate)); n <= due; n++ {
				select {
				case ticks <- begin.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second))):
				default: // a minute late: the figures tell
				}
			}
			select {
			case <-time.After(time.Millisecond):
			case <-l.ctx.Done():
			}
		}
	})
}

// line is one connection of a client.
type line struct {
	c net.Conn
	r *bufio.Reader
}

func dial(addr string, secure bool) (*line, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	var c net.Conn
	var err error
	if secure {
		c, err = tls.DialWithDialer(&d, "tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"})
	} else {
		c, err = d.Dial("tcp", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", reason(err))
	}
	return &line{c, bufio.NewReader(c)}, nil
}

// reason leaves the addresses out of an error, so that equal ones count as one.
func reason(err error) error {
	for _, word := range []string{"connection reset", "connection refused", "broken pipe", "timeout", "EOF", "timed out"} {
		if strings.Contains(err.Error(), word) {
			return fmt.Errorf("%s", word)
		}
	}
	return err
}

// ask makes one request. silent says that the connection was closed without a byte.
func (x *line) ask(method, path, fields string) (resp *http.Response, silent bool, err error) {
	_ = x.c.SetDeadline(time.Now().Add(20 * time.Second))
	body := ""
	if method == "POST" {
		body = "twelve bytes"
		fields += "Content-Length: 12\r\n"
	}
	if _, err := fmt.Fprintf(x.c, "%s %s HTTP/1.1\r\nHost: a.test\r\n%s\r\n%s", method, path, fields, body); err != nil {
		return nil, true, reason(err)
	}
	if _, err := x.r.Peek(1); err != nil {
		return nil, true, reason(err)
	}
	resp, err = http.ReadResponse(x.r, nil)
	if err != nil {
		return nil, false, fmt.Errorf("head: %w", reason(err))
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	switch {
	case err != nil:
		return resp, false, fmt.Errorf("body: %w", reason(err))
	case resp.StatusCode != 200:
		return resp, false, fmt.Errorf("status %d", resp.StatusCode)
	case n == 0:
		return resp, false, fmt.Errorf("an empty body")
	}
	return resp, false, nil
}

// stay asks on one connection as long as that lasts. A connection that was closed
// while it was idle is replaced and the request sent again, once, and counted.
func (l *load) stay(kind, addr, method, path string, tick <-chan time.Time) {
	var x *line
	for {
		var at time.Time
		select {
		case at = <-tick:
		case <-l.ctx.Done():
			return
		}
		var resp *http.Response
		var err error
		for try := 0; try < 2; try++ {
			used := x != nil
			if x == nil {
				if x, err = dial(addr, false); err != nil {
					break
				}
			}
			var silent bool
			resp, silent, err = x.ask(method, path, "")
			if err != nil || resp.Close {
				x.c.Close()
				x = nil
			}
			if !silent || !used {
				break
			}
			l.mu.Lock()
			l.counts(kind).Closed++
			l.mu.Unlock()
		}
		l.note(kind, fromOf(resp), at, err)
	}
}

// fromOf is the server that answered.
func fromOf(resp *http.Response) string {
	if resp == nil {
		return ""
	}
	return resp.Header.Get("X-From")
}

func (l *load) short(at time.Time, secure bool) {
	kind, addr := "short", l.plain
	if secure {
		kind, addr = "short TLS", l.secure
	}
	x, err := dial(addr, secure)
	var resp *http.Response
	if err == nil {
		resp, _, err = x.ask("GET", "/", "Connection: close\r\n")
		x.c.Close()
	}
	l.note(kind, fromOf(resp), at, err)
}

// pause waits for a moment, or the end.
func (l *load) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.ctx.Done():
		return false
	}
}

// socket keeps a WebSocket open; each echo counts, and each one that breaks.
func (l *load) socket() {
	for l.ctx.Err() == nil {
		begin := time.Now()
		c, resp, err := websocket.Dial(l.ctx, "ws://"+l.plain+"/ws", nil)
		from := fromOf(resp)
		for err == nil && l.pause(time.Second) {
			begin = time.Now()
			if err = c.Write(l.ctx, websocket.MessageText, []byte("hello")); err == nil {
				_, _, err = c.Read(l.ctx)
			}
			if err == nil {
				l.note("WebSocket", from, begin, nil)
			}
		}
		if err != nil {
			l.note("WebSocket", from, begin, reason(err))
			l.pause(100 * time.Millisecond)
		}
		if c != nil {
			_ = c.CloseNow()
		}
	}
}

// downloads takes one long answer after the other.
func (l *load) downloads() {
	for l.ctx.Err() == nil {
		begin := time.Now()
		from, err := l.download()
		l.note("download", from, begin, err)
	}
}

func (l *load) download() (from string, err error) {
	req, err := http.NewRequestWithContext(l.ctx, "GET", "http://"+l.plain+"/long", nil)
	if err != nil {
		return "", err
	}
	t := &http.Transport{DisableKeepAlives: true}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return "", reason(err)
	}
	defer resp.Body.Close()
	from = fromOf(resp)
	n, err := io.Copy(io.Discard, resp.Body)
	switch {
	case resp.StatusCode != 200:
		return from, fmt.Errorf("status %d", resp.StatusCode)
	case err != nil:
		return from, reason(err)
	case n != chunkSize*chunks:
		return from, fmt.Errorf("%d of %d bytes", n, chunkSize*chunks)
	}
	return from, nil
}

// session is a client with a cookie; another server than before is a failure.
func (l *load) session() {
	cookie, mine := "", ""
	for l.pause(500 * time.Millisecond) {
		begin := time.Now()
		x, err := dial(l.plain, false)
		if err != nil {
			l.note("pinned", mine, begin, err)
			continue
		}
		fields := "Connection: close\r\n"
		if cookie != "" {
			fields += "Cookie: " + cookie + "\r\n"
		}
		resp, _, err := x.ask("GET", "/", fields)
		x.c.Close()
		from := fromOf(resp)
		if err == nil && mine != "" && from != mine {
			err = fmt.Errorf("another server")
		}
		l.note("pinned", mine, begin, err)
		if resp == nil {
			continue
		}
		if set := resp.Header.Get("Set-Cookie"); set != "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		mine = from
	}
}

// outcome waits for the end and returns the figures.
func (l *load) outcome() map[string]*Counts {
	l.wg.Wait()
	for _, c := range l.all {
		c.sum()
	}
	return l.all
}

func (c *Counts) sum() {
	slices.Sort(c.times)
	if n := len(c.times); n > 0 {
		c.P50, c.P999 = ms(c.times[n/2]), ms(c.times[min(n-1, n*999/1000)])
	}
}

// add takes the counts of another part of the same.
func (c *Counts) add(o *Counts) {
	c.Done, c.Failed, c.Apart, c.Closed = c.Done+o.Done, c.Failed+o.Failed, c.Apart+o.Apart, c.Closed+o.Closed
	for why, n := range o.Why {
		c.Why[why] += n
	}
	c.times = append(c.times, o.times...)
	c.sum()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
