package debug

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// ServeGDB lets a debugger at the other end of conn control the guest, which
// waits meanwhile, until the debugger leaves, the connection breaks or ctx is
// done. It speaks gdb's remote serial protocol. It closes conn, and returns
// whether the program is over: it ended, or the debugger killed it. Otherwise
// the guest stands where it was stopped, for the next debugger. lines serves
// the command "monitor backtrace" and may be nil. Reading from conn must end when
// conn is closed, or when the debugger goes.
//
// A restart replaces *guest; its machine is then the caller's to close.
func ServeGDB(ctx context.Context, conn io.ReadWriteCloser, guest *Guest, lines *Lines) (over bool, err error) {
	c := &gdbConn{conn: conn, in: make(chan received), quit: make(chan struct{}), acks: true}
	s := newServer(guest, lines)
	s.poll = c.interrupted
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.readAll()
	}()
	// The reader ends by its connection; whoever returns from here leaves nothing
	// behind.
	defer func() {
		close(c.quit)
		conn.Close()
		<-ended
		stop()
	}()
	err = c.serve(s)
	if ctx.Err() != nil {
		return s.over, context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("serve gdb: %w", err)
	}
	return s.over, err
}

// gdbConn is one connection. The reader has its own goroutine so that a running
// program can be interrupted; everything but readErr belongs to the one that
// serves.
type gdbConn struct {
	conn    io.ReadWriteCloser
	in      chan received // closed by the reader
	readErr error         // why, set before
	quit    chan struct{} // tells the reader that nobody listens any more
	waiting []received    // what came while the program ran

	acks bool   // every packet is confirmed
	last []byte // the last packet sent, for "-"
}

// readAll is the reader's goroutine.
func (c *gdbConn) readAll() {
	defer close(c.in)
	r := bufio.NewReaderSize(c.conn, 4096)
	for {
		x, err := readPacket(r)
		if err != nil {
			c.readErr = err
			return
		}
		select {
		case c.in <- x:
		case <-c.quit:
			return
		}
	}
}

// serve answers packets until there are no more.
func (c *gdbConn) serve(s *server) error {
	for {
		x, err := c.next()
		switch {
		case err != nil:
			return err
		case x.interrupt: // the program stands already
			continue
		case x.resend:
			err = c.write(c.last)
		case x.damaged:
			err = c.write([]byte("-"))
		default:
			err = c.answer(s, x.packet)
		}
		if err != nil || s.gone {
			return err
		}
	}
}

// next returns what came while the program ran, then what comes.
func (c *gdbConn) next() (received, error) {
	if len(c.waiting) > 0 {
		x := c.waiting[0]
		c.waiting = c.waiting[1:]
		return x, nil
	}
	x, ok := <-c.in
	if !ok {
		return x, c.readErr
	}
	return x, nil
}

// answer executes one packet and sends what it gives.
func (c *gdbConn) answer(s *server, packet []byte) error {
	if c.acks {
		if err := c.write([]byte("+")); err != nil {
			return err
		}
	}
	reply := s.handle(packet)
	for _, note := range s.notes {
		if err := c.send(fmt.Appendf(nil, "O%x", note)); err != nil {
			return err
		}
	}
	s.notes = nil
	if string(packet) == "QStartNoAckMode" {
		c.acks = false
	}
	if reply == nil {
		return nil
	}
	return c.send(reply)
}

// send frames a packet and keeps it, in case the debugger asks for it again.
func (c *gdbConn) send(data []byte) error {
	c.last = appendPacket(c.last[:0], data)
	return c.write(c.last)
}

// write sends bytes as they are.
func (c *gdbConn) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// maxWaiting bounds what a debugger may send while the program runs.
const maxWaiting = 16

// interrupted says whether the running program shall stop: somebody pressed
// Ctrl-C, or the debugger is gone.
func (c *gdbConn) interrupted() bool {
	select {
	case x, ok := <-c.in:
		if !ok || x.interrupt || len(c.waiting) == maxWaiting {
			return true
		}
		c.waiting = append(c.waiting, x)
	default:
	}
	return false
}
