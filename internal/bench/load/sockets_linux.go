package load

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file never block, so they are made without telling the
// scheduler (RawSyscall): a thread that drives thousands of connections would
// otherwise give its processor away and take it back a million times a second.

// peer is an address in the form that the kernel reads.
type peer struct {
	raw unix.RawSockaddrInet6 // large enough for IPv4 too
	len uintptr
}

func peerOf(ap netip.AddrPort) *peer {
	p := &peer{}
	port := [2]byte{byte(ap.Port() >> 8), byte(ap.Port())}
	if a := ap.Addr().Unmap(); a.Is4() {
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&p.raw))
		in.Family, in.Addr = unix.AF_INET, a.As4()
		*(*[2]byte)(unsafe.Pointer(&in.Port)) = port
		p.len = unix.SizeofSockaddrInet4
		return p
	}
	p.raw.Family, p.raw.Addr = unix.AF_INET6, ap.Addr().As16()
	*(*[2]byte)(unsafe.Pointer(&p.raw.Port)) = port
	p.len = unix.SizeofSockaddrInet6
	return p
}

func socket(family uint16) (int, syscall.Errno) {
	fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return int(fd), e
}

func bind(fd int, p *peer) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&p.raw)), p.len)
	return e
}

func connect(fd int, p *peer) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&p.raw)), p.len)
	return e
}

func setOption(fd, level, name, value int) {
	v := int32(value)
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&v)), 4, 0)
}

func setLingerZero(fd int) {
	v := unix.Linger{Onoff: 1}
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER, uintptr(unsafe.Pointer(&v)), unix.SizeofLinger, 0)
}

// socketError takes the error of a connection attempt off the socket.
func socketError(fd int) syscall.Errno {
	var v, n int32 = 0, 4
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR, uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&n)), 0)
	if e != 0 {
		return e
	}
	return syscall.Errno(v)
}

func send(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	return int(n), e
}

func receive(fd int, b []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return int(n), e
}

func closeFD(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// watch makes the poller report each change of the descriptor once, under id.
func watch(poller, fd int, id int32) syscall.Errno {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: id}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(poller), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// wait returns the number of events, waiting for the first of them as long as
// nanoseconds say. Not even this call tells the scheduler, although it sleeps:
// the runtime would take the thread's place (its P) away after 20 µs, wake
// another thread to use it, and give it back with the next answer. That is four
// times the work of a transaction, and while it goes on the processor does not
// sleep, so that a server need not wake it: it would look a sixth faster than
// when wrk asks it. Run gives the runtime one place more for each thread
// (GOMAXPROCS). To stop the world the runtime sends a signal, and that ends the
// call.
//
// A kernel before 5.11 has no epoll_pwait2: milliseconds are rounded down then,
// and the rest is waited for by asking again.
func wait(poller int, events []unix.EpollEvent, nanoseconds int64) int {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(events)))
	ts := unix.NsecToTimespec(max(nanoseconds, 0))
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(poller), first, uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 8)
	if e == unix.ENOSYS {
		n, _, e = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(poller), first, uintptr(len(events)), uintptr(max(nanoseconds, 0)/1e6), 0, 8)
	}
	if e != 0 {
		return 0
	}
	return int(n)
}
