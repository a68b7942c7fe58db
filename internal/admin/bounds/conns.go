package bounds

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// Conns bounds the open connections of one address. One that comes when there are
// Most takes the place of the one that has been silent the longest: that has asked
// nothing yet, or nothing since its last answer. Where none is silent it is closed
// itself.
type Conns struct {
	Most int // 0 is no bound

	mu     sync.Mutex
	silent list.List // of net.Conn, the longest first
	at     map[net.Conn]*list.Element
	open   map[net.Conn]bool
}

// Follow is for http.Server.ConnState.
func (c *Conns) Follow(conn net.Conn, s http.ConnState) {
	if victim := c.follow(conn, s); victim != nil {
		_ = victim.Close() // its goroutine finds that, and tells
	}
}

func (c *Conns) follow(conn net.Conn, s http.ConnState) (victim net.Conn) {
	if c.Most == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.silent.Remove(e)
		delete(c.at, conn)
	}
	switch s {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		return nil
	case http.StateActive:
		return nil
	case http.StateIdle:
		if !c.open[conn] {
			return nil // it is closed already
		}
	case http.StateNew:
		if c.open == nil {
			c.open, c.at = map[net.Conn]bool{}, map[net.Conn]*list.Element{}
		}
		if len(c.open) >= c.Most {
			victim = conn
			if first := c.silent.Front(); first != nil {
				victim = c.silent.Remove(first).(net.Conn)
				delete(c.at, victim)
			}
			delete(c.open, victim) // its descriptor is free before the next one comes
			if victim == conn {
				return victim
			}
		}
		c.open[conn] = true
	}
	c.at[conn] = c.silent.PushBack(conn)
	return victim
}
