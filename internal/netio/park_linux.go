package netio

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Parker keeps connections that are expected to stay idle without a goroutine
// each. Their descriptors are in an epoll set of its own, which in turn lies in
// the runtime's poller, so that waiting for all of them costs one parked
// goroutine and no thread.
//
// A parked descriptor stays registered with the runtime's poller too, if it was. Bytes
// that arrive mark it ready there as well, which nobody waits for and the next
// read resets.
type Parker struct {
	file *os.File // the epoll set
	raw  syscall.RawConn
	done chan struct{}

	mu      sync.Mutex
	entries []parked
	free    []uint32 // indexes of unused entries
	count   int
	armed   bool // a tick is set
	closed  bool
}

// parked is one connection at rest, 32 bytes.
type parked struct {
	conn       *Conn
	ready      func(c *Conn, expired bool)
	deadline   int64  // Unix seconds, rounded up; 0 = never
	generation uint32 // tells an event of a former owner of the index
}

// parkTick is how often deadlines are looked at, and thus their precision.
const parkTick = time.Second

// NewParker starts a parker; its goroutine ends with Close.
func NewParker() (*Parker, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &Parker{file: os.NewFile(uintptr(fd), "parker"), done: make(chan struct{})}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, err
	}
	go p.run()
	return p, nil
}

// Park takes the connection over until ready is called, once, on a goroutine of
// its own: expired is false when bytes or the end are there to be read, true
// when the deadline passed (to a second) or the parker is closing. The zero
// deadline is none. The caller must not use c after Park, but may Close it:
// ready is then called at the deadline. False means that the parker is closed
// or the kernel refused, and c stays the caller's.
func (p *Parker) Park(c *Conn, deadline time.Time, ready func(c *Conn, expired bool)) bool {
	var seconds int64
	if !deadline.IsZero() {
		seconds = max(deadline.Add(time.Second-1).Unix(), 1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	i := p.take()
	e := &p.entries[i]
	e.conn, e.ready, e.deadline = c, ready, seconds
	if !p.control(c, unix.EPOLL_CTL_ADD, i) {
		p.release(i)
		return false
	}
	if !p.armed {
		p.armed = true
		_ = p.file.SetReadDeadline(time.Now().Add(parkTick))
	}
	return true
}

// take returns the index of an unused entry. The lock is held.
func (p *Parker) take() uint32 {
	p.count++
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	p.entries = append(p.entries, parked{})
	return uint32(len(p.entries) - 1)
}

// release forgets entry i. The lock is held.
func (p *Parker) release(i uint32) {
	p.entries[i] = parked{generation: p.entries[i].generation + 1}
	p.free = append(p.free, i)
	p.count--
}

// control adds c to the set or removes it. It asks through the connection, so
// that the number of a closed one is never mistaken for its successor's.
func (p *Parker) control(c *Conn, op int, i uint32) bool {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(i), Pad: int32(p.entries[i].generation)}
	ok := false
	err := c.raw.Control(func(fd uintptr) {
		inner := p.raw.Control(func(set uintptr) { ok = unix.EpollCtl(int(set), op, int(fd), &ev) == nil })
		ok = ok && inner == nil
	})
	return ok && err == nil
}

// Len returns how many connections are parked.
func (p *Parker) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// ExpireAll calls every parked connection's ready with expired, for a drain.
func (p *Parker) ExpireAll() { p.expire(1<<63-1, true) }

// Close ends the goroutine and then expires what is parked. It returns after
// the goroutine has ended; the ready functions may still run.
func (p *Parker) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()
	p.ExpireAll()
	_ = p.file.Close()
	<-p.done
}

func (p *Parker) run() {
	defer close(p.done)
	events := make([]unix.EpollEvent, 128)
	n := 0
	wait := func(fd uintptr) bool {
		got, err := unix.EpollWait(int(fd), events, 0)
		n = max(got, 0)
		return n > 0 || err != nil && err != unix.EINTR
	}
	for {
		n = 0
		err := p.raw.Read(wait)
		switch {
		case err == nil:
			p.wake(events[:n])
		case os.IsTimeout(err):
			p.tick()
		default:
			return
		}
	}
}

// wake starts the connections that the kernel reported.
func (p *Parker) wake(events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ev := range events {
		i := uint32(ev.Fd)
		if e := p.entries[i]; e.conn != nil && e.generation == uint32(ev.Pad) {
			p.control(e.conn, unix.EPOLL_CTL_DEL, i)
			p.release(i)
			go e.ready(e.conn, false)
		}
	}
}

// tick expires what is due and sets the next tick while anything is parked.
func (p *Parker) tick() {
	p.expire(time.Now().Unix(), false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = p.count > 0
	next := time.Time{}
	if p.armed {
		next = time.Now().Add(parkTick)
	}
	_ = p.file.SetReadDeadline(next)
}

// expire starts the connections whose deadline is at or before now. A walk
// over all entries once a second costs about 2 ns each; a heap would cost every
// connection that parks and wakes before its deadline, which is nearly all.
func (p *Parker) expire(now int64, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.entries {
		e := p.entries[i]
		if e.conn == nil || !all && (e.deadline == 0 || e.deadline > now) {
			continue
		}
		p.control(e.conn, unix.EPOLL_CTL_DEL, uint32(i))
		p.release(uint32(i))
		go e.ready(e.conn, true)
	}
}
