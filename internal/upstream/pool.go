package upstream

import (
	"sync"
	"time"

	"fishplate/internal/netio"
)

// pool holds a server's idle connections, the one used last on top: it is the
// likeliest to be still open, and those below age out. Its mutex is a leaf.
type pool struct {
	mu     sync.Mutex
	idle   []*UpConn // ascending by the time they were put
	closed bool
}

// poolLimits bound the idle connections of a server.
type poolLimits struct {
	size      int
	idle, age time.Duration // 0 = none
	print     string        // of the TLS settings that connections must have been made with
}

// expired reports whether a connection may not be used any more.
func (l *poolLimits) expired(c *UpConn, now int64) bool {
	return l.idle > 0 && now-c.idleSince >= int64(l.idle) || l.age > 0 && now-c.born >= int64(l.age) || c.print != l.print
}

// take returns the connection put last, or nil.
func (p *pool) take() *UpConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	c := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	return c
}

// put keeps a connection; false means that there is no room for it.
func (p *pool) put(c *UpConn, size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= size {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

// sweep closes the connections that the limits no longer allow.
func (p *pool) sweep(l *poolLimits, now int64) {
	p.mu.Lock()
	var out []*UpConn
	kept := p.idle[:0]
	for i, c := range p.idle {
		if len(p.idle)-i > l.size || l.expired(c, now) {
			out = append(out, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	closeAll(out)
}

// close closes all connections and keeps none from now on.
func (p *pool) close() {
	p.mu.Lock()
	out := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	closeAll(out)
}

// open lets a closed pool keep connections again.
func (p *pool) open() {
	p.mu.Lock()
	p.closed = false
	p.mu.Unlock()
}

// size returns how many connections are idle.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

func closeAll(list []*UpConn) {
	for _, c := range list {
		c.close()
	}
}

// expiredAge reports whether a connection that was just used is too old.
func (l *poolLimits) expiredAge(c *UpConn, now int64) bool {
	return l.age > 0 && now-c.born >= int64(l.age) || c.print != l.print
}

// nowNanos is the coarse time in Unix nanoseconds.
func nowNanos() int64 { return netio.Now().UnixNano() }
