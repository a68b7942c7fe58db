package idle

import (
	"sync"
	"time"
)

// Stay is what a pool goes by.
type Stay struct {
	Born, Since int64  // Unix nanoseconds: made, and last put
	Print       string // of the TLS settings that it was made with
}

// Conn is a connection that may be kept.
type Conn interface {
	comparable
	Stay() *Stay
	Close()
}

// Pool holds idle connections. The one used last is on top: it is the likeliest
// to be still open, and those below age out. Its mutex is a leaf. The zero Pool
// is empty and usable.
type Pool[C Conn] struct {
	mu     sync.Mutex
	idle   []C // ascending by the time they were put
	closed bool
}

// Limits bound the idle connections of a server.
type Limits struct {
	Size      int
	Idle, Age time.Duration // 0 = none
	Print     string        // of the TLS settings that connections must have been made with
}

// Expired reports whether a connection may not be used any more.
func (l *Limits) Expired(c *Stay, now int64) bool {
	return l.Idle > 0 && now-c.Since >= int64(l.Idle) || l.TooOld(c, now)
}

// TooOld reports whether a connection that was just used is not to be kept.
func (l *Limits) TooOld(c *Stay, now int64) bool {
	return l.Age > 0 && now-c.Born >= int64(l.Age) || c.Print != l.Print
}

// Take returns the connection put last, the zero C when there is none.
func (p *Pool[C]) Take() (c C) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return c
	}
	var none C
	c, p.idle[n] = p.idle[n], none
	p.idle = p.idle[:n]
	return c
}

// Usable returns the connection put last that the limits allow and that is not
// stale, and how many stale ones it closed on the way.
func (p *Pool[C]) Usable(l *Limits, now int64, stale func(C) bool) (c C, closed int) {
	for {
		var none C
		if c = p.Take(); c == none {
			return c, closed
		}
		switch {
		case l.Expired(c.Stay(), now):
		case stale(c):
			closed++
		default:
			return c, closed
		}
		c.Close()
	}
}

// Drop closes the connection that was put first. It reports whether there was one.
func (p *Pool[C]) Drop() bool {
	p.mu.Lock()
	if len(p.idle) == 0 {
		p.mu.Unlock()
		return false
	}
	var none C
	c := p.idle[0]
	copy(p.idle, p.idle[1:])
	p.idle[len(p.idle)-1] = none
	p.idle = p.idle[:len(p.idle)-1]
	p.mu.Unlock()
	c.Close()
	return true
}

// Put keeps a connection; false means that there is no room for it.
func (p *Pool[C]) Put(c C, size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= size {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

// Sweep closes the connections that the limits no longer allow.
func (p *Pool[C]) Sweep(l *Limits, now int64) {
	p.mu.Lock()
	var out []C
	kept := p.idle[:0]
	for i, c := range p.idle {
		if len(p.idle)-i > l.Size || l.Expired(c.Stay(), now) {
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

// Close closes all connections and keeps none until Open.
func (p *Pool[C]) Close() {
	p.mu.Lock()
	out := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	closeAll(out)
}

// Open lets a closed pool keep connections again.
func (p *Pool[C]) Open() {
	p.mu.Lock()
	p.closed = false
	p.mu.Unlock()
}

// Len returns how many connections are idle.
func (p *Pool[C]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

func closeAll[C Conn](list []C) {
	for _, c := range list {
		c.Close()
	}
}
