package pipes

import (
	"sync"

	"fishplate/internal/netio/share"

	"golang.org/x/sys/unix"
)

// Pipe carries spliced pages. One that is kept is empty.
type Pipe struct {
	R, W int
	Size int
}

const (
	// size is asked of F_SETPIPE_SZ. Larger pipes measured no faster, and use up the
	// user's quota of pipe pages sooner.
	size = 256 << 10
	kept = 64 // for reuse, at most
)

// pool keeps the pipes of the process that nobody uses, newest first.
var pool struct {
	mu   sync.Mutex // a leaf
	idle []*Pipe
	open int64 // idle or not
}

// Take returns an empty pipe, or nil when none is to be had.
func Take() *Pipe {
	pool.mu.Lock()
	if n := len(pool.idle); n > 0 {
		p := pool.idle[n-1]
		pool.idle = pool.idle[:n-1]
		pool.mu.Unlock()
		return p
	}
	limit := share.Limit()
	if pool.open >= share.Pipes(limit) {
		pool.mu.Unlock()
		return nil
	}
	pool.open++
	pool.mu.Unlock()
	p := open(share.Roof(limit))
	if p == nil {
		count(-1)
	}
	return p
}

// open makes a pipe, neither of whose ends is a descriptor from roof on.
func open(roof int64) *Pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &Pipe{R: fds[0], W: fds[1], Size: 64 << 10}
	if int64(max(p.R, p.W)) >= roof {
		p.close()
		return nil
	}
	// Over the user's quota the kernel refuses; a small pipe works too.
	if got, err := unix.FcntlInt(uintptr(p.W), unix.F_SETPIPE_SZ, size); err == nil {
		p.Size = got
	}
	return p
}

// Give gives a pipe back. One with bytes left in it is closed.
func Give(p *Pipe, empty bool) {
	pool.mu.Lock()
	if empty && len(pool.idle) < kept {
		pool.idle = append(pool.idle, p)
		pool.mu.Unlock()
		return
	}
	pool.open--
	pool.mu.Unlock()
	p.close()
}

// Trim closes the pipes that nobody uses, for somebody who found no descriptor. It
// reports whether there were any.
func Trim() bool {
	pool.mu.Lock()
	idle := pool.idle
	pool.idle, pool.open = nil, pool.open-int64(len(idle))
	pool.mu.Unlock()
	for _, p := range idle {
		p.close()
	}
	return len(idle) > 0
}

func count(n int64) {
	pool.mu.Lock()
	pool.open += n
	pool.mu.Unlock()
}

func (p *Pipe) close() {
	_ = unix.Close(p.R)
	_ = unix.Close(p.W)
}
