package load

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// phase is what a connection waits for.
type phase uint8

const (
	resting    phase = iota // open without a transaction
	connecting              // for the handshake
	opening                 // for the answer to Plan.Opening
	writing                 // for room to send the rest of the request
	reading                 // for the answer
)

// conn is one place for a connection; fd is -1 while none is open. Times are
// those of the schedule.
type conn struct {
	fd       int
	place    int32
	phase    phase
	meant    int64 // when the transaction was meant to begin
	begun    int64 // when it did
	stood    int64
	answered int64 // first byte; 0 = none yet
	sent     int   // of the request or the opening
	got      int   // of the answer
	response response
}

func addrOnly(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 0) }

// open begins a transaction with a connection of its own.
func (w *worker) open(c *conn, meant int64) {
	c.meant, c.begun, c.stood = meant, w.times.now(), 0
	c.phase = connecting
	c.clear()
	fd, e := socket(w.target.raw.Family)
	if e != 0 {
		w.fail(c, "socket", e)
		return
	}
	c.fd = fd
	w.flying.Add(1)
	if w.plan.Reset {
		setLingerZero(fd)
	}
	if len(w.plan.Request) > 0 {
		setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if len(w.sources) > 0 {
		// The port is chosen when the peer is known: one port then serves many
		// peers, and looking for a free one stays cheap.
		setOption(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		w.turn++
		if e := bind(fd, w.sources[w.turn%len(w.sources)]); e != 0 {
			w.fail(c, "bind", e)
			return
		}
	}
	if e := connect(fd, w.target); e != 0 && e != unix.EINPROGRESS {
		w.fail(c, "connect", e)
		return
	}
	if e := watch(w.poller, fd, c.place); e != 0 {
		w.fail(c, "watch", e)
		return
	}
	// On the loopback the handshake is over by now, unless the server's queue
	// is full: then sending says EAGAIN.
	if len(w.hello()) > 0 {
		w.greet(c)
	}
}

// hello is what is sent first on a connection.
func (w *worker) hello() []byte {
	if len(w.plan.Opening) > 0 {
		return w.plan.Opening
	}
	return w.plan.Request
}

func (c *conn) clear() {
	c.answered, c.sent, c.got = 0, 0, 0
	c.response.reset()
}

// greet sends the first bytes on a connection that may or may not stand yet.
func (w *worker) greet(c *conn) {
	n, e := send(c.fd, w.hello())
	switch {
	case e == unix.EAGAIN:
		return
	case e != 0:
		w.fail(c, "connect", e)
		return
	}
	w.stood(c, w.times.now())
	c.sent = n
	switch {
	case len(w.plan.Opening) > 0:
		c.phase = opening // an opening is a few hundred bytes: it is sent whole
	case n < len(w.plan.Request):
		c.phase = writing
	default:
		c.phase = reading
	}
}

// ask sends a request on a connection that stands.
func (w *worker) ask(c *conn) {
	c.clear()
	c.begun = w.times.now()
	c.phase = writing
	w.write(c)
}

func (w *worker) write(c *conn) {
	n, e := send(c.fd, w.plan.Request[c.sent:])
	switch {
	case e == unix.EAGAIN:
		return
	case e != 0:
		w.fail(c, "write", e)
		return
	}
	if c.sent += n; c.sent == len(w.plan.Request) {
		c.phase = reading
	}
}

// happened goes on with a connection of which the poller reported something.
func (w *worker) happened(c *conn, events uint32) {
	if c.phase == connecting {
		if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			if e := socketError(c.fd); e != 0 {
				w.fail(c, "connect", e)
				return
			}
		}
		if events&(unix.EPOLLOUT|unix.EPOLLIN|unix.EPOLLHUP) == 0 {
			return
		}
		switch {
		case len(w.hello()) > 0:
			w.greet(c)
		case w.plan.Ending == AtConnect:
			w.stood(c, w.times.now())
			w.ended(c, true)
			return
		default:
			w.stood(c, w.times.now())
			c.phase = reading
		}
	}
	if c.fd >= 0 && c.phase == writing && events&unix.EPOLLOUT != 0 {
		w.write(c)
	}
	if c.fd >= 0 && events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		w.read(c)
	}
}

// read takes what there is. With edges for events it must ask until a call
// gives less than it might have, or the answer is complete.
func (w *worker) read(c *conn) {
	for c.fd >= 0 && c.phase != connecting {
		n, e := receive(c.fd, w.buffer)
		switch {
		case e == unix.EAGAIN:
			return
		case n == 0, c.phase == resting:
			// A server may end what rests as it likes: by a reset, or with a word that
			// its time is over. No transaction is lost by that.
			w.closed(c)
			return
		case e != 0:
			w.fail(c, "read", e)
			return
		}
		if c.answered == 0 {
			c.answered = w.times.now()
		}
		c.got += n
		done, where := w.answered(c, w.buffer[:n])
		if where != "" {
			w.fail(c, where, 0)
			return
		}
		if done {
			w.complete(c)
			return
		}
	}
}

// answered reports whether an answer is complete with these bytes, or what is
// wrong with it.
func (w *worker) answered(c *conn, b []byte) (done bool, wrong string) {
	if c.phase == opening || w.plan.Ending == AtHTTP || w.plan.HTTP {
		done, err := c.response.take(b)
		switch {
		case err != nil:
			return false, err.Error()
		case c.response.known && c.response.head.status >= 400:
			return false, "status " + digit(c.response.head.status/100) + "xx"
		}
		return done && (c.phase == opening || w.plan.Ending == AtHTTP), ""
	}
	if w.plan.Ending == AtSize {
		if c.got > w.plan.Size {
			return false, "bytes after the answer"
		}
		return c.got == w.plan.Size, ""
	}
	return false, ""
}

func digit(n int) string { return string(rune('0' + n)) }

// complete goes on after an answer.
func (w *worker) complete(c *conn) {
	if c.phase == opening {
		w.ask(c)
		return
	}
	w.ended(c, !w.plan.Persist || c.response.head.close)
}

// closed goes on when the server has closed.
func (w *worker) closed(c *conn) {
	switch {
	case c.phase == resting: // it may: the next transaction opens another
		w.drop(c)
		for i, p := range w.idle {
			if p == c.place {
				w.idle = append(w.idle[:i], w.idle[i+1:]...)
				break
			}
		}
		w.free = append(w.free, c.place)
	case w.plan.Ending == AtClose && (!w.plan.HTTP || c.response.ended()):
		w.ended(c, true)
	case w.plan.Ending == AtHTTP && c.phase == reading && c.response.ended():
		w.ended(c, true)
	default:
		w.fail(c, "closed early", 0)
	}
}

// ended counts the transaction and begins the next, if there is to be one at
// once.
func (w *worker) ended(c *conn, closing bool) {
	w.finish(c)
	now := w.times.now()
	over := now >= w.times.shuts || w.stopped.Load()
	if closing {
		w.drop(c)
		w.free = append(w.free, c.place) // begin opens it again
		return
	}
	if w.plan.Rate > 0 || over {
		c.phase = resting
		w.idle = append(w.idle, c.place)
		return
	}
	c.meant = now
	w.ask(c)
}
