package proxy

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/message"
)

// A family is what an inner exchange that is included knows of the pages above
// it. The zero value is that of a client's exchange.
type family struct {
	depth  int
	budget *atomic.Int64 // includes that the whole answer may still have
	parent *ancestor
	selves int           // self-requests of programs above it
	asks   *atomic.Int64 // that programs made for the client's request
	askers *asker        // programs that wait for it
}

// An ancestor is a page that is being composed.
type ancestor struct {
	host, target string
	up           *ancestor
}

// has reports whether a page includes itself by way of others.
func (a *ancestor) has(host, target string) bool {
	for ; a != nil; a = a.up {
		if a.host == host && a.target == target {
			return true
		}
	}
	return false
}

// A fragment is an include on its way: an inner exchange on a goroutine of its
// own writes into it, and the composer of the page reads it when its place has
// come. It holds a bounded part of the body; then the writer waits.
type fragment struct {
	mu      sync.Mutex
	changed sync.Cond
	status  int
	coding  cache.Coding
	buf     []byte // what the composer has not taken
	spare   []byte // what it took last
	ended   bool
	broken  bool // the body is not whole
	given   bool // nobody reads any more
}

// fragmentMost is how much of a fragment is held before its place has come, in
// bytes.
const fragmentMost = 128 << 10

func newFragment() *fragment {
	f := new(fragment)
	f.changed.L = &f.mu
	return f
}

// head implements sink.
func (f *fragment) head(resp *message.Response) {
	f.mu.Lock()
	f.status, f.coding = resp.Status, cache.CodingOf(&resp.Header)
	f.changed.Broadcast()
	f.mu.Unlock()
}

// errUnwanted ends an inner exchange whose answer is of no use.
var errUnwanted = errors.New("write fragment: nobody reads it")

// Write implements sink.
func (f *fragment) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := 0; n < len(p); {
		for len(f.buf) >= fragmentMost && !f.given {
			f.changed.Wait()
		}
		if f.given || !usable(f.status) {
			return n, errUnwanted
		}
		piece := p[n:min(len(p), n+fragmentMost)]
		f.buf = append(f.buf, piece...)
		n += len(piece)
		f.changed.Broadcast()
	}
	return len(p), nil
}

// usable reports whether an answer of that status is put in the include's place.
func usable(status int) bool { return status >= 200 && status < 300 && status != 206 }

// end says that nothing follows.
func (f *fragment) end(broken bool) {
	f.mu.Lock()
	f.ended, f.broken = true, broken
	f.changed.Broadcast()
	f.mu.Unlock()
}

// giveUp makes the writer stop.
func (f *fragment) giveUp() {
	f.mu.Lock()
	f.given = true
	f.changed.Broadcast()
	f.mu.Unlock()
}

// await waits for the head and reports whether the answer is usable.
func (f *fragment) await() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.status == 0 && !f.ended {
		f.changed.Wait()
	}
	return usable(f.status)
}

// begun reports whether await would not wait.
func (f *fragment) begun() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status != 0 || f.ended
}

// ready implements page.
func (f *fragment) ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended || len(f.buf) > 0
}

// next implements page.
func (f *fragment) next() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.buf) == 0 && !f.ended {
		f.changed.Wait()
	}
	if len(f.buf) == 0 {
		if f.broken {
			return nil, &message.Fault{Side: message.SideOrigin, Cause: "include-broken"}
		}
		return nil, io.EOF
	}
	f.buf, f.spare = f.spare[:0], f.buf
	f.changed.Broadcast()
	return f.spare, nil
}

// include begins the inner exchange for a reference; nil when there is none to
// be had, with the cause.
func (x *exchange) include(src []byte) (*fragment, string) {
	limits := x.visit.ESI()
	if x.family.depth >= limits.Depth {
		return nil, "esi-depth"
	}
	if x.family.budget == nil {
		x.family.budget = new(atomic.Int64)
		x.family.budget.Store(int64(limits.Includes))
	}
	if x.family.budget.Add(-1) < 0 {
		return nil, "esi-includes"
	}
	f := newFragment()
	y := x.inner(f)
	if cause := y.aim(x, src); cause != "" {
		y.srv.endInner(y)
		return nil, cause
	}
	x.srv.includes.Go(func() {
		y.srv.through(y, route)
		f.end(y.fault != nil)
		y.srv.endInner(y)
	})
	return f, ""
}

// aim makes the inner exchange's request that for the reference. It returns the
// cause when that may not be asked for.
func (y *exchange) aim(x *exchange, src []byte) string {
	y.gen = y.srv.generationFor(x.req.ClientIP)
	y.gen.pin(y.s.shard)
	y.s.refresh(y.gen)
	y.rec.Generation = y.gen.ID
	// The parent's request as it came: its route may have edited it since.
	base := cache.ESIBase{Host: x.rec.Host, Path: x.rec.Path, Same: func(host []byte) bool { return y.sharesVHost(x, host) }}
	target, host, err := cache.ResolveESI(nil, &base, src)
	if err != nil {
		y.rec.Detail = err.Error()
		return "esi-src"
	}
	req := &y.req
	path, query, hasQuery := bytes.Cut(target, []byte("?"))
	if path, err = http1.NormalizePath(nil, path, y.s.plan.Limits.Slashes); err != nil {
		return "esi-src"
	}
	req.Method, req.Target, req.Host = []byte("GET"), target, bytes.Clone(host)
	req.Path, req.Query, req.HasQuery = path, query, hasQuery
	req.Framing, req.Length, req.Close, req.Expect100, req.Upgrade = message.NoBody, 0, false, false, nil
	for _, name := range notIncluded() {
		req.Remove(name)
	}
	req.Set("Accept-Encoding", "identity")
	req.Set("Host", string(host))
	host, at := req.Host, string(target)
	y.family = x.family
	y.family.depth++
	y.family.parent = &ancestor{string(base.Host), x.target(), x.family.parent}
	if y.family.parent.has(string(host), at) {
		return "esi-cycle"
	}
	r := &y.rec
	r.HasRequest, r.Method, r.Host, r.Path, r.Query, r.Minor = true, req.Method, req.Host, req.Path, req.Query, req.Minor
	return ""
}

// target is what the exchange's client asked for.
func (x *exchange) target() string {
	t := string(x.rec.Path)
	if x.req.HasQuery {
		t += "?" + string(x.rec.Query)
	}
	return t
}

// notIncluded are fields of the client's request that are about the page or the
// connection, not about what it includes.
func notIncluded() []string {
	return []string{
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
		"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Transfer-Encoding",
		"Expect", "Upgrade", "TE", "Trailer", "Connection",
	}
}

// sharesVHost reports whether a host leads to the virtual host of x.
func (y *exchange) sharesVHost(x *exchange, host []byte) bool {
	own := y.req.Host
	y.req.Host = host
	y.env.Req = &y.req
	_, vh := y.gen.Router.Match(&y.env)
	y.req.Host = own
	return vh != nil && vh.Name == x.rec.VHost
}
