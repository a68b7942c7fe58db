package netio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"fishplate/internal/netio/queue"
	"fishplate/internal/netio/share"
	"fishplate/internal/netio/spin"
	"fishplate/internal/netio/spread"

	"golang.org/x/sys/unix"
)

// Listener accepts connections on one address. Options that connections
// inherit are set on the listening sockets, once.
type Listener struct {
	exhausted func() // may be nil; see OnExhausted
	key       string
	addr      net.Addr
	shards    []*shard
	rule      atomic.Pointer[spread.Rule] // nil: what the sockets had when they were passed
	spin      atomic.Pointer[spin.Rule]   // nil: none
	unlink    string                      // path to remove on Drain or Close, "" for none
	unlinked  atomic.Bool
	shared    atomic.Bool // somebody else holds the sockets too, whose queues outlive this listener
	draining  atomic.Bool
	late      atomic.Bool  // connections are accepted with their first bytes; see descriptor.owed
	beside    *Listener    // has the very same address until Begin, nil for none
	ceded     atomic.Bool  // to such a one
	lingersTo atomic.Int64 // when its sockets are closed, nanoseconds since 1970
	closing   chan struct{}
	once      sync.Once
	counters  *Tally
	born      time.Time // looks count from here

	reserveMu sync.Mutex
	reserve   int // a descriptor to give up when there are none; -1 = lost

	quota *share.Quota // of clients; its owner may let other listeners use it too
}

type shard struct {
	file  *os.File
	raw   syscall.RawConn
	unix  bool
	local *netip.AddrPort // what all its connections are addressed to, nil when that varies
	drops atomic.Int64    // what it has told of Queue.Drops
	seen  atomic.Int64    // when look looked last, by its clock
}

// backOff is the pause after the process ran out of descriptors: others must
// get the chance to give some back.
const backOff = 10 * time.Millisecond

// Listen opens "host:port", "unix:/path" or "fd:name" (a socket passed by the
// service manager through LISTEN_FDS). The context bounds a name look-up only.
func Listen(ctx context.Context, address string, o ListenOptions) (*Listener, error) {
	la, err := parseListen(address)
	if err != nil {
		return nil, err
	}
	l := &Listener{key: address, closing: make(chan struct{}), reserve: -1, born: time.Now(), quota: &share.Quota{}, counters: o.Tallies.Of(address)}
	switch la.kind {
	case "tcp":
		err = l.openTCP(ctx, la.text, o)
	case "unix":
		err = l.openUnix(la.text, o)
	case "fd":
		err = l.openInherited(la.text)
	}
	if err != nil {
		l.closeShards()
		return nil, fmt.Errorf("listen %s: %w", address, err)
	}
	l.reserve = openReserve()
	l.Spin(o.Spin)
	return l, nil
}

func openReserve() int {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

func (l *Listener) openTCP(ctx context.Context, hostPort string, o ListenOptions) error {
	if hostPort[0] == ':' {
		hostPort = "[::]" + hostPort
	}
	addresses, err := resolve(ctx, hostPort)
	if err != nil {
		return err
	}
	ap := addresses[0]
	if l.beside = o.Beside; l.beside != nil {
		ap = l.beside.addr.(*net.TCPAddr).AddrPort()
	}
	for range max(o.Shards, 1) {
		fd, err := l.openTCPSocket(ap, o)
		if err != nil {
			return err
		}
		if err := l.addShard(fd); err != nil {
			return err
		}
		// Port 0 is chosen once; the other shards share what it became.
		ap = l.addr.(*net.TCPAddr).AddrPort()
	}
	l.rule.Store(&o.Spread)
	if o.Shared {
		return nil
	}
	return l.choose()
}

// option is one integer socket option.
type option struct{ level, name, value int }

func tcpOptions(o ListenOptions) []option {
	out := []option{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	}
	if o.Shards > 1 || o.Shared {
		out = append(out, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	if o.KeepAlive >= 0 {
		idle := o.KeepAlive
		if idle == 0 {
			idle = defaultKeepAlive
		}
		seconds := max(int(idle/time.Second), 1)
		out = append(out, option{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			option{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds},
			option{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15}, option{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5})
	}
	if o.Defer > 0 {
		out = append(out, option{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, deferSeconds(o)})
	}
	if o.FastOpen {
		out = append(out, option{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, fastOpenQueue})
	}
	return out
}

func (l *Listener) openTCPSocket(ap netip.AddrPort, o ListenOptions) (fd int, err error) {
	family, sa, err := sockaddrOf(ap)
	if err != nil {
		return -1, err
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if errors.Is(err, unix.EAFNOSUPPORT) && ap.Addr() == netip.IPv6Unspecified() {
		// A kernel without IPv6: ":port" then means every IPv4 address.
		return l.openTCPSocket(netip.AddrPortFrom(netip.IPv4Unspecified(), ap.Port()), o)
	}
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	for _, opt := range tcpOptions(o) {
		if err = unix.SetsockoptInt(fd, opt.level, opt.name, opt.value); err != nil {
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	if family == unix.AF_INET6 {
		only := 1
		if ap.Addr() == netip.IPv6Unspecified() {
			only = 0
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if err = unix.Bind(fd, sa); errors.Is(err, unix.EACCES) && o.Binder != nil {
		err = o.Binder.Bind(fd, ap)
	} else {
		err = os.NewSyscallError("bind", err)
	}
	if err != nil {
		return -1, err
	}
	if o.Shared {
		// Most programs bind with SO_REUSEADDR, and would get by a socket that has it
		// and does not listen: until Begin the address is nobody else's to listen at.
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0))
		return fd, err
	}
	return fd, os.NewSyscallError("listen", l.listen(fd, o))
}

// listen makes a socket listen, or gives one that listens another backlog. Whoever is
// accepted with a request may be answered at once: then the answer acknowledges it,
// and saves a packet. Connections inherit this, and sockets forget it when they begin
// to listen.
func (l *Listener) listen(fd int, o ListenOptions) error {
	backlog, quick := defaultBacklog, 1
	if o.Backlog > 0 {
		backlog = o.Backlog
	}
	if o.Defer > 0 {
		quick = 0
	}
	err := unix.Listen(fd, backlog)
	l.late.Store(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, quick) == nil && quick == 0)
	return err
}

func (l *Listener) openUnix(path string, o ListenOptions) error {
	if err := removeStale(path); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError("bind", err)
	}
	l.unlink = path
	if o.Mode != 0 {
		err = os.Chmod(path, o.Mode)
	}
	if err == nil {
		err = os.NewSyscallError("listen", l.listen(fd, o))
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	return l.addShard(fd)
}

// removeStale removes a socket file that nobody listens on any more. A file of
// another kind, and a socket that answers, are left alone: bind then reports
// the address in use.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if err != nil || st.Mode()&os.ModeSocket == 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if errors.Is(unix.Connect(fd, &unix.SockaddrUnix{Name: path}), unix.ECONNREFUSED) {
		return os.Remove(path)
	}
	return nil
}

func (l *Listener) openInherited(name string) error {
	fd, err := inherited(name, os.Getenv)
	if err != nil {
		return err
	}
	l.shared.Store(true)
	// A copy, so that closing this listener leaves the passed one for the next.
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("dup", err)
	}
	unix.CloseOnExec(fd)
	if on, err := unix.GetsockoptInt(dup, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || on == 0 {
		_ = unix.Close(dup)
		return errors.New("the passed descriptor is not a listening socket")
	}
	if err := unix.SetNonblock(dup, true); err != nil {
		_ = unix.Close(dup)
		return os.NewSyscallError("fcntl", err)
	}
	_ = unix.SetsockoptInt(dup, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return l.addShard(dup)
}

// addShard takes ownership of a listening descriptor.
func (l *Listener) addShard(fd int) error {
	s := &shard{file: os.NewFile(uintptr(fd), "listener")}
	l.shards = append(l.shards, s)
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	s.raw = raw
	var a address
	if errno := getsockname(uintptr(fd), &a); errno != 0 {
		return os.NewSyscallError("getsockname", errno)
	}
	if a.raw.Addr.Family == unix.AF_UNIX {
		s.unix = true
		l.addr = &net.UnixAddr{Net: "unix", Name: l.unlink}
		return nil
	}
	quick, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK)
	l.late.Store(err == nil && quick == 0)
	s.drops.Store(max(queue.Drops(uintptr(fd)), 0)) // of before are who had it before's to count
	local := a.addrPort()
	l.addr = net.TCPAddrFromAddrPort(local)
	// A socket that somebody else opened may be transparent, and take connections to any address.
	if !local.Addr().IsUnspecified() && !strings.HasPrefix(l.key, "fd:") {
		s.local = &local
	}
	return nil
}

// Spin says how long an empty queue is looked at before a goroutine sleeps.
func (l *Listener) Spin(r spin.Rule) { l.spin.Store(&r) }

// Addr returns the address that the first shard is bound to.
func (l *Listener) Addr() net.Addr { return l.addr }

// An Acceptor accepts at one shard of a listener. It holds the argument and the
// result of its pending call, so that accepting allocates nothing but connections:
// at most one goroutine at a time uses it, and each that accepts has its own.
type Acceptor struct {
	l    *Listener
	s    *shard
	try  func(fd uintptr) bool
	once func(fd uintptr)
	wait bool // until somebody connects
	from address
	fd   int
	err  syscall.Errno

	// Waited tells whether the last connection had to be waited for. Otherwise it
	// lay in the queue, and more may lie behind it.
	Waited  bool
	spinner spin.Spinner
}

// Acceptor returns an acceptor of shard i.
func (l *Listener) Acceptor(i int) *Acceptor {
	a := &Acceptor{l: l, s: l.shards[i]}
	a.try = a.tryAccept
	a.once = func(fd uintptr) { a.tryAccept(fd) }
	return a
}

// AcceptShard is Accept of a new acceptor.
func (l *Listener) AcceptShard(i int) (*Conn, error) { return l.Acceptor(i).Accept() }

// Accept waits for a connection. It returns ErrClosed after
// Close, and after Drain once the queue is empty. Want of descriptors is
// survived here: the waiting connection is closed, counted as shed, and
// accepting goes on after a pause.
func (a *Acceptor) Accept() (*Conn, error) {
	l, s := a.l, a.s
	for {
		err := a.accept(!l.draining.Load())
		switch {
		case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && l.draining.Load():
			continue
		case err != nil:
			return nil, ErrClosed
		}
		errno := a.err
		if errno != 0 && share.Exhausted(errno) && l.shed(s) {
			// The kernel looks for a descriptor before it looks at the queue, and that is empty.
			if errno = unix.EAGAIN; !l.draining.Load() {
				s.await()
				continue
			}
		}
		if errno == 0 && l.crowded(a.fd) {
			errno = unix.EMFILE
		}
		switch errno {
		case 0:
			l.look(s, a.fd)
			return a.taken(), nil
		case unix.EAGAIN: // only while draining
			if l.lingers(s) {
				continue
			}
			l.closeShard(s)
			return nil, ErrClosed
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM: // a client was let go
			if l.exhausted != nil {
				l.exhausted()
			}
			if !l.pause() {
				return nil, ErrClosed
			}
		case unix.EINVAL, unix.EBADF, unix.ENOTSOCK, unix.EOPNOTSUPP:
			return nil, os.NewSyscallError("accept", errno)
		}
		// What remains are faults of the one connection (ECONNABORTED and the
		// network errors of accept(2)): take the next.
	}
}

// Waiting takes a connection that waits, whoever else accepts at the shard. It
// returns nil when there is none, or no descriptor for it.
func (a *Acceptor) Waiting() *Conn {
	err := a.accept(false)
	switch {
	case err != nil || a.err != 0:
		return nil
	case !a.l.crowded(a.fd):
		return a.taken()
	case a.l.exhausted != nil:
		a.l.exhausted()
	}
	return nil
}

// taken makes a connection of the accepted descriptor.
func (a *Acceptor) taken() *Conn {
	a.l.counters.Accepted.Add(1)
	c := newConn(a.fd, a.from.addrPort(), a.s.unix)
	c.local, c.raw.owed = a.s.local, a.l.late.Load()
	return c
}

// accept takes one connection, or waits for it.
func (a *Acceptor) accept(wait bool) error {
	a.Waited, a.wait = false, wait
	if wait {
		return a.s.raw.Read(a.try)
	}
	return a.s.raw.Control(a.once)
}

func (a *Acceptor) tryAccept(lfd uintptr) bool {
	a.take(lfd)
	if a.err != unix.EAGAIN || !a.wait {
		return true
	}
	a.Waited = true
	if !a.spinner.Until(a.l.spin.Load().For(), func() bool {
		a.take(lfd)
		return a.err != unix.EAGAIN
	}) {
		return false
	}
	a.l.counters.Spun.Add(1)
	return true
}

func (a *Acceptor) take(lfd uintptr) {
	a.from.len = unix.SizeofSockaddrAny
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, lfd, uintptr(unsafe.Pointer(&a.from.raw)), uintptr(unsafe.Pointer(&a.from.len)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	a.fd, a.err = int(fd), errno
}

// crowded lets a client go whose descriptor is wanted for others, and says so.
func (l *Listener) crowded(fd int) bool {
	if l.quota.Admits(fd) {
		return false
	}
	_ = unix.Close(fd)
	l.counters.Shed.Add(1)
	return true
}

// await waits until somebody is in the queue, or the listener is given up or closed.
func (s *shard) await() {
	_ = s.raw.Read(func(lfd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(lfd), Events: unix.POLLIN}}, 0)
		return n != 0 || err != nil
	})
}

// shed gives up the reserve descriptor to accept and close one connection, so
// that its client learns at once, and takes a reserve again. It says whether
// nobody was there.
func (l *Listener) shed(s *shard) (empty bool) {
	l.reserveMu.Lock()
	defer l.reserveMu.Unlock()
	l.quota.Forget()
	if l.reserve >= 0 {
		_ = unix.Close(l.reserve)
		l.reserve = -1
		a := Acceptor{l: l, s: s}
		err := s.raw.Control(func(fd uintptr) { a.tryAccept(fd) })
		if err == nil && a.err == 0 {
			l.counters.Shed.Add(1)
			_ = unix.Close(a.fd)
		}
		empty = err == nil && a.err == unix.EAGAIN
	}
	select {
	case <-l.closing:
	default:
		l.reserve = openReserve()
	}
	return empty
}

// pause waits for backOff; false means that the listener was closed.
func (l *Listener) pause() bool {
	t := time.NewTimer(backOff)
	defer t.Stop()
	select {
	case <-l.closing:
		return false
	case <-t.C:
		return true
	}
}

// Drain makes the accepting goroutines take what is queued, and what is about to
// be within that time, and then get ErrClosed; each shard's socket is closed by its
// own last Accept. The path of a Unix socket is removed at once, for a successor to
// bind. The queue of a socket that the service manager keeps is left to the next
// process.
func (l *Listener) Drain(linger time.Duration) {
	if l.shared.Load() {
		l.Close()
		return
	}
	l.removePath()
	l.lingersTo.Store(time.Now().Add(linger).UnixNano())
	l.draining.Store(true)
	l.Yield()
	l.Queues() // notes what was, for who has the address now
	for _, s := range l.shards {
		if !s.unix {
			_ = s.admitSilent() // best effort, as what follows: without it a few are reset
			if s.hide() != nil {
				_ = s.refuseNew()
			}
		}
		_ = s.file.SetReadDeadline(time.Unix(1, 0)) // wakes a waiting Accept
	}
}

// Close closes the sockets; queued connections are reset by the kernel.
func (l *Listener) Close() {
	l.once.Do(func() {
		close(l.closing)
		l.removePath()
		l.closeShards()
		l.reserveMu.Lock()
		defer l.reserveMu.Unlock()
		if l.reserve >= 0 {
			_ = unix.Close(l.reserve)
			l.reserve = -1
		}
	})
}

func (l *Listener) removePath() {
	if l.unlink != "" && !l.shared.Load() && !l.unlinked.Swap(true) { // another may have the path by then
		_ = os.Remove(l.unlink)
	}
}

func (l *Listener) closeShards() {
	for _, s := range l.shards {
		l.closeShard(s)
	}
}

func (l *Listener) closeShard(s *shard) {
	l.drops(s)
	_ = s.file.Close()
}

// Files returns copies of the listening descriptors, for a successor process.
// The caller closes them.
func (l *Listener) Files() ([]*os.File, error) {
	var out []*os.File
	for _, s := range l.shards {
		var fd int
		var dupErr error
		err := s.raw.Control(func(lfd uintptr) { fd, dupErr = unix.FcntlInt(lfd, unix.F_DUPFD_CLOEXEC, 0) })
		if err = errors.Join(err, os.NewSyscallError("dup", dupErr)); err != nil {
			for _, f := range out {
				_ = f.Close()
			}
			return nil, fmt.Errorf("hand over %s: %w", l.key, err)
		}
		out = append(out, os.NewFile(uintptr(fd), l.key))
	}
	return out, nil
}
