package serve

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// plain is the form without anything between the kernel and the answer.
type plain struct {
	sockets []int // that listen
	workers []*plainWorker
	boss    *boss
	all     sync.WaitGroup
}

// plainWorker is a thread with a poller, and with a listening socket unless
// there is a boss.
type plainWorker struct {
	talk     talk
	poller   int
	listener int // -1 with a boss
	quit     int // an eventfd
	conns    map[int32]*plainConn
	spare    []*plainConn
	buffer   []byte
	out      []byte
}

// plainConn is a connection that has said something unfinished, or may say more.
type plainConn struct {
	in []byte
	up bool
}

// boss is the single acceptor: it gives each connection to the next worker's
// poller, whose thread the kernel then has to wake.
type boss struct {
	listener, poller, quit int
	workers                []*plainWorker
}

// acceptsMax bounds the connections taken before others are answered.
const acceptsMax = 64

func startPlain(o Options, t talk) (*Server, error) {
	if strings.HasPrefix(o.Address, ":") {
		o.Address = "[::]" + o.Address
	}
	at, err := netip.ParseAddrPort(o.Address)
	if err != nil {
		return nil, err
	}
	p := &plain{}
	s := &Server{Address: at, Listeners: processors(), Workers: processors(), close: p.close}
	if o.SingleAcceptor {
		s.Listeners, s.Workers = 1, 2*processors()
	}
	if err := p.open(o, t, s); err != nil {
		p.release()
		return nil, err
	}
	s.Acceptors = p.start()
	return s, nil
}

// open makes the sockets and the pollers of s.
func (p *plain) open(o Options, t talk, s *Server) error {
	for range s.Listeners {
		fd, err := listen(s.Address, o.Backlog, s.Listeners > 1)
		if err != nil {
			return err
		}
		p.sockets = append(p.sockets, fd)
		if s.Address, err = boundTo(fd); err != nil {
			return err
		}
	}
	for i := range s.Workers {
		l := -1
		if !o.SingleAcceptor {
			l = p.sockets[i]
		}
		w, err := newPlainWorker(t, l)
		if err != nil {
			return err
		}
		p.workers = append(p.workers, w)
	}
	if !o.SingleAcceptor {
		return nil
	}
	var err error
	p.boss, err = newBoss(p.sockets[0], p.workers)
	return err
}

// start runs the threads and returns those that accept. A thread keeps its place
// in the runtime (GOMAXPROCS) while it sleeps in await: to give it away and take
// it back at each wake-up costs more than an answer. So there are as many more.
func (p *plain) start() (acceptors []int) {
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(p.workers) + 1)
	names := make(chan int)
	for _, w := range p.workers {
		p.all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			names <- threadID()
			w.run()
		})
		if id := <-names; p.boss == nil {
			acceptors = append(acceptors, id)
		}
	}
	if p.boss != nil {
		p.all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			names <- threadID()
			p.boss.run()
		})
		acceptors = append(acceptors, <-names)
	}
	return acceptors
}

func (p *plain) close() {
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	if p.boss != nil {
		_, _ = unix.Write(p.boss.quit, one)
	}
	for _, w := range p.workers {
		_, _ = unix.Write(w.quit, one)
	}
	p.all.Wait()
	runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-len(p.workers)-1))
	p.release()
}

// release closes what the threads had, the connections too.
func (p *plain) release() {
	if p.boss != nil {
		_, _ = unix.Close(p.boss.poller), unix.Close(p.boss.quit)
	}
	for _, w := range p.workers {
		for _, fd := range watched(w.poller) {
			if fd != w.quit && fd != w.listener {
				_ = unix.Close(fd)
			}
		}
		_, _ = unix.Close(w.poller), unix.Close(w.quit)
	}
	for _, fd := range p.sockets {
		_ = unix.Close(fd)
	}
}

// watched lists the descriptors of a poller as the kernel does (proc(5), fdinfo):
// a list of our own would be work for each connection.
func watched(poller int) (list []int) {
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(poller))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var fd int
		if _, err := fmt.Sscanf(line, "tfd: %d", &fd); err == nil {
			list = append(list, fd)
		}
	}
	return list
}

func listen(at netip.AddrPort, backlog int, shared bool) (fd int, err error) {
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	family := unix.AF_INET6
	if at.Addr().Is4() {
		sa, family = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, unix.AF_INET
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if shared {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if backlog <= 0 {
		backlog = 65535
	}
	if err = unix.Bind(fd, sa); err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("listen", err)
	}
	return fd, nil
}

func boundTo(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), nil
	}
	return netip.AddrPort{}, errors.New("not a TCP socket")
}

// pollerWith returns a poller that watches these descriptors.
func pollerWith(fds ...int) (int, error) {
	poller, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("epoll_create1", err)
	}
	for _, fd := range fds {
		if fd < 0 {
			continue
		}
		if err := unix.EpollCtl(poller, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			_ = unix.Close(poller)
			return -1, os.NewSyscallError("epoll_ctl", err)
		}
	}
	return poller, nil
}

func newPlainWorker(t talk, listener int) (*plainWorker, error) {
	quit, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	poller, err := pollerWith(listener, quit)
	if err != nil {
		_ = unix.Close(quit)
		return nil, err
	}
	return &plainWorker{
		talk: t, poller: poller, listener: listener, quit: quit,
		conns: map[int32]*plainConn{}, buffer: make([]byte, 64<<10), out: make([]byte, 0, 4<<10),
	}, nil
}

func newBoss(listener int, workers []*plainWorker) (*boss, error) {
	quit, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	poller, err := pollerWith(listener, quit)
	if err != nil {
		_ = unix.Close(quit)
		return nil, err
	}
	return &boss{listener: listener, poller: poller, quit: quit, workers: workers}, nil
}

// run accepts for the others.
func (b *boss) run() {
	events := make([]unix.EpollEvent, 8)
	for turn := 0; ; {
		for _, ev := range events[:await(b.poller, events)] {
			if int(ev.Fd) == b.quit {
				return
			}
			for range acceptsMax {
				fd := accept(b.listener)
				if fd < 0 {
					break
				}
				w := b.workers[turn%len(b.workers)]
				turn++
				if addTo(w.poller, fd, w.talk.hangUp) != 0 {
					shut(fd)
				}
			}
		}
	}
}

func (w *plainWorker) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		for _, ev := range events[:await(w.poller, events)] {
			switch int(ev.Fd) {
			case w.quit:
				return
			case w.listener:
				w.accept()
			default:
				w.hear(ev.Fd)
			}
		}
	}
}

func (w *plainWorker) accept() {
	for range acceptsMax {
		fd := accept(w.listener)
		if fd < 0 {
			return
		}
		if w.talk.hangUp {
			shut(fd)
			continue
		}
		// The request has often come with the end of the handshake.
		if !w.hear(int32(fd)) {
			continue
		}
		if addTo(w.poller, fd, false) != 0 {
			w.part(int32(fd))
		}
	}
}

// hear reads what there is and answers it; false means that the connection is
// over.
func (w *plainWorker) hear(fd int32) bool {
	if w.talk.hangUp {
		shut(int(fd))
		return false
	}
	n, e := receive(int(fd), w.buffer)
	switch {
	case e == unix.EAGAIN:
		return true
	case e != 0 || n == 0:
		w.part(fd)
		return false
	}
	c := w.conns[fd]
	in := w.buffer[:n]
	up := false
	if c != nil {
		up = c.up
		if len(c.in) > 0 {
			c.in = append(c.in, in...)
			in = c.in
		}
	}
	out, rest, end := w.talk.all(&up, in, w.out[:0])
	w.out = out
	if len(out) > 0 {
		// An answer is small: a socket that has no room for it is not read.
		if n, e := send(int(fd), out); e != 0 || n < len(out) {
			end = true
		}
	}
	if end {
		w.part(fd)
		return false
	}
	if c == nil && (up || len(rest) > 0) {
		c = w.fresh()
		w.conns[fd] = c
	}
	if c != nil {
		c.up = up
		c.in = append(c.in[:0], rest...)
	}
	return true
}

func (w *plainWorker) fresh() *plainConn {
	if n := len(w.spare); n > 0 {
		c := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return c
	}
	return &plainConn{}
}

func (w *plainWorker) part(fd int32) {
	if c := w.conns[fd]; c != nil {
		delete(w.conns, fd)
		*c = plainConn{in: c.in[:0]}
		w.spare = append(w.spare, c)
	}
	shut(int(fd))
}

// The calls below never block, await aside, and are made without telling the
// scheduler.

func accept(fd int) int {
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1
	}
	return int(n)
}

func receive(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return int(n), e
}

func send(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	return int(n), e
}

func shut(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// addTo makes a worker's poller watch a connection; room to write makes it
// report at once.
func addTo(poller, fd int, atOnce bool) syscall.Errno {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}
	if atOnce {
		ev.Events |= unix.EPOLLOUT
	}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(poller), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// await sleeps without telling the scheduler: see start.
func await(poller int, events []unix.EpollEvent) int {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(events)))
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(poller), first, uintptr(len(events)), ^uintptr(0), 0, 8)
	if e != 0 {
		return 0
	}
	return int(n)
}

func threadID() int { return unix.Gettid() }
