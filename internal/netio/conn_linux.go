package netio

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a connected TCP or Unix stream socket. It implements net.Conn.
type Conn struct {
	raw    descriptor
	in     operation
	out    operation
	probe  func(fd uintptr) // Readable's, made when it is first asked
	remote netip.AddrPort   // invalid on a Unix socket
	local  *netip.AddrPort  // the listener's, nil where each connection may have another
	unix   bool
	last   bool // see Last
}

// operation is the argument and the result of one direction's pending call.
type operation struct {
	try    func(fd uintptr) bool // for the poller: made at the first call that may wait, so that later ones allocate nothing
	p      []byte
	pooled *[]byte // readPooled's buffer, attached only while bytes are there
	vec    *vector // the buffers of a Writev
	n      int
	err    syscall.Errno
	mode   opMode
}

type opMode uint8

const (
	plain  opMode = iota // read into p, write from p
	pooled               // read into a buffer taken from the pool
	peek                 // wait only
	ask                  // write p, then as pooled
)

// newConn takes ownership of a connected non-blocking descriptor.
func newConn(fd int, remote netip.AddrPort, isUnix bool) *Conn {
	c := &Conn{remote: remote, unix: isUnix}
	c.raw.fd = int32(fd)
	return c
}

// read carries out the operation in, waiting as long as it takes.
func (c *Conn) read() error {
	// A method value that nobody keeps is no allocation.
	if done, err := c.raw.alone(c.tryRead); done || err != nil {
		return err
	}
	if c.in.try == nil {
		c.in.try = c.tryRead
	}
	return c.raw.wait(c.in.try, syscall.RawConn.Read)
}

// write is its twin for the operation out.
func (c *Conn) write() error {
	if done, err := c.raw.alone(c.tryWrite); done || err != nil {
		return err
	}
	if c.out.try == nil {
		c.out.try = c.tryWrite
	}
	return c.raw.wait(c.out.try, syscall.RawConn.Write)
}

// BeforeWait makes the connection call f once, on the goroutine whose call is the
// first that has to wait. It must be called before the first call; nil takes it back.
func (c *Conn) BeforeWait(f func()) { c.raw.before = f }

// FD returns the descriptor; it is valid until Close.
func (c *Conn) FD() int { return int(c.raw.fd) }

// tryRead is one attempt that cannot block; false parks the goroutine. It runs
// under the descriptor's read lock, so Close cannot hand the number to another
// connection meanwhile.
func (c *Conn) tryRead(fd uintptr) bool {
	o := &c.in
	p := o.p
	switch o.mode {
	case ask:
		return c.tryAsk(fd)
	case pooled:
		o.pooled = GetBuffer()
		p = *o.pooled
	case peek:
		return c.tryPeek(fd)
	}
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno == 0 {
			o.n = int(n)
			return true
		}
		if errno == unix.EINTR {
			continue
		}
		if o.mode == pooled {
			PutBuffer(o.pooled)
			o.pooled = nil
		}
		if errno == unix.EAGAIN {
			return false
		}
		o.err = errno
		return true
	}
}

// tryAsk writes p at its first call and then parks: the answer cannot be there
// yet, and because the poller's edge was reset before the write, whatever
// arrives from now on wakes us. So the read that would find nothing is saved.
// The mode stays ask when p did not go out whole.
func (c *Conn) tryAsk(fd uintptr) bool {
	o := &c.in
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(o.p))),
			uintptr(len(o.p)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			if int(n) < len(o.p) {
				o.n = int(n)
				return true
			}
			o.mode = pooled
			return false
		case unix.EINTR:
		case unix.EAGAIN:
			return true
		default:
			o.err = errno
			return true
		}
	}
}

// Ask writes p and then waits as ReadPooled does, in one turn of the poller.
// Nothing may be pending on the connection, and nobody else may write. sent
// tells whether an error came after p had gone out.
func (c *Conn) Ask(p []byte) (b *[]byte, n int, sent bool, err error) {
	o := &c.in
	o.mode, o.p, o.n, o.err = ask, p, 0, 0
	err = c.read()
	o.p = nil
	if o.mode != ask {
		b, n, err = c.takePooled(err)
		return b, n, true, err
	}
	if err == nil && o.err == 0 { // the send buffer is full: the rest goes the long way
		if _, err = c.Write(p[o.n:]); err != nil {
			return nil, 0, false, err
		}
		b, n, err = c.ReadPooled()
		return b, n, true, err
	}
	if err == nil {
		err = o.err
	}
	return nil, 0, false, c.opError("write", err)
}

func (c *Conn) tryPeek(fd uintptr) bool {
	var b [1]byte
	_, errno := peekByte(fd, &b)
	return errno != unix.EAGAIN
}

func peekByte(fd uintptr, b *[1]byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(b)), 1,
			unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// Read implements io.Reader. At most one goroutine reads at a time.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	o := &c.in
	o.mode, o.p, o.n, o.err = plain, p, 0, 0
	err := c.read()
	o.p = nil
	return c.readResult(err)
}

// ReadPooled waits until bytes have arrived and only then takes a buffer from
// the pool and reads into it, so that a connection which waits holds none. The
// buffer is nil on error.
func (c *Conn) ReadPooled() (*[]byte, int, error) {
	o := &c.in
	o.mode, o.n, o.err = pooled, 0, 0
	return c.takePooled(c.read())
}

func (c *Conn) takePooled(err error) (*[]byte, int, error) {
	b := c.in.pooled
	c.in.pooled = nil
	n, err := c.readResult(err)
	if err != nil && b != nil {
		PutBuffer(b)
		b = nil
	}
	return b, n, err
}

func (c *Conn) readResult(err error) (int, error) {
	switch {
	case err != nil:
		return 0, c.opError("read", err)
	case c.in.err != 0:
		return 0, c.opError("read", c.in.err)
	case c.in.n == 0:
		return 0, io.EOF
	}
	return c.in.n, nil
}

// WaitRead returns when the connection is readable, has ended or failed (the
// next read tells which), or with an error when the read deadline has passed.
func (c *Conn) WaitRead() error {
	c.in.mode = peek
	if err := c.read(); err != nil {
		return c.opError("read", err)
	}
	return nil
}

// Readable reports whether bytes, the end or an error are pending. An idle
// connection to a server that is readable must not be used again.
func (c *Conn) Readable() bool {
	if c.probe == nil {
		c.probe = func(fd uintptr) {
			var b [1]byte
			_, c.in.err = peekByte(fd, &b)
		}
	}
	return c.raw.Control(c.probe) != nil || c.in.err != unix.EAGAIN
}

// Gone reports whether the peer has ended its stream or reset the connection
// and nothing of it is left to read. Unlike Readable it may be asked while
// another goroutine reads.
func (c *Conn) Gone() bool {
	gone := true
	err := c.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, err := peekByte(fd, &b)
		gone = err == 0 && n == 0 || err != 0 && err != unix.EAGAIN
	})
	return err != nil || gone
}

// Ended reports whether the peer has ended its stream or reset the connection,
// whatever of it is left to read. It may be asked while another goroutine reads.
func (c *Conn) Ended() bool {
	ended := true
	err := c.raw.Control(func(fd uintptr) {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p[:], 0)
		ended = err == nil && n > 0
	})
	return err != nil || ended
}

// Write implements io.Writer. At most one goroutine writes at a time.
func (c *Conn) Write(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		o := &c.out
		o.vec, o.p, o.n, o.err = nil, p[total:], 0, 0
		err := c.write()
		o.p = nil
		total += o.n
		if err != nil {
			return total, c.opError("write", err)
		}
		if o.err != 0 {
			return total, c.opError("write", o.err)
		}
	}
	return total, nil
}

// tryWrite is tryRead's twin. MSG_NOSIGNAL spares the process a SIGPIPE.
func (c *Conn) tryWrite(fd uintptr) bool {
	o, flags := &c.out, uintptr(unix.MSG_NOSIGNAL)
	if c.last {
		flags |= unix.MSG_MORE
	}
	for {
		var n uintptr
		var errno syscall.Errno
		if o.vec != nil {
			n, _, errno = syscall.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&o.vec.msg)), flags)
		} else {
			n, _, errno = syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(o.p))),
				uintptr(len(o.p)), flags, 0, 0)
		}
		switch errno {
		case 0:
			o.n = int(n)
			if !c.raw.joined.Load() {
				c.raw.owed = false
			}
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			o.err = errno
			return true
		}
	}
}

// Last says that what is written next is the last, and that Close or CloseWrite
// follows at once: the kernel keeps the last packet until then, and sends it with the
// end of the stream, which saves both sides a packet and the client a wake-up.
func (c *Conn) Last() { c.last = !c.unix }

// CloseWrite sends the end of our stream; reading goes on.
func (c *Conn) CloseWrite() error {
	var errno error
	if err := c.raw.Control(func(fd uintptr) { errno = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return c.opError("close", err)
	}
	if errno != nil {
		return c.opError("close", errno)
	}
	return nil
}

// Abort makes Close tell the peer by a reset that its stream was broken off;
// what it has not received yet may be lost.
func (c *Conn) Abort() {
	c.last = false
	_ = c.raw.Control(func(fd uintptr) { // a Unix socket knows no resets
		_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

// Close closes the connection and wakes who waits on it.
func (c *Conn) Close() error {
	if err := c.raw.Close(c.last); err != nil {
		return c.opError("close", err)
	}
	return nil
}

// SetDeadline sets both deadlines; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error { return c.raw.setDeadline(t, (*os.File).SetDeadline) }

// SetReadDeadline bounds present and future reads and WaitRead.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.raw.setDeadline(t, (*os.File).SetReadDeadline)
}

// SetWriteDeadline bounds present and future writes.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.raw.setDeadline(t, (*os.File).SetWriteDeadline)
}

// AddrPorts returns both ends, invalid ones on a Unix socket. The local end is
// that of the listener, or is asked of the kernel each time: keeping it would cost
// every idle connection.
func (c *Conn) AddrPorts() (local, remote netip.AddrPort) {
	switch {
	case c.local != nil:
		local = *c.local
	case !c.unix:
		local = c.askLocal()
	}
	return local, c.remote
}

func (c *Conn) askLocal() (local netip.AddrPort) {
	_ = c.raw.Control(func(fd uintptr) {
		var a address
		if getsockname(fd, &a) == 0 {
			local = a.addrPort()
		}
	})
	return local
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr {
	if c.unix {
		return &net.UnixAddr{Net: "unix"}
	}
	local, _ := c.AddrPorts()
	return net.TCPAddrFromAddrPort(local)
}

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr {
	if c.unix {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(c.remote)
}

// Mark returns the socket's SO_MARK, which the kernel takes from the SYN when
// net.ipv4.tcp_fwmark_accept is set; 0 when it has none.
func (c *Conn) Mark() uint32 {
	var mark int
	_ = c.raw.Control(func(fd uintptr) { mark, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK) })
	return uint32(mark)
}

// SyscallConn implements syscall.Conn.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return &c.raw, nil }

// opError gives a failure its public form. What the poller says, as opposed to
// the kernel, is either that a deadline passed or that the file was closed, and
// for the latter it has a value of its own that cannot be named here.
func (c *Conn) opError(op string, err error) error {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return os.NewSyscallError(op, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	}
	return ErrClosed
}
