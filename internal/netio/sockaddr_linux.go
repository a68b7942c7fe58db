package netio

import (
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// address is the kernel's sockaddr, large enough for the families in use.
type address struct {
	raw unix.RawSockaddrAny
	len uint32
}

// addrPort returns the address of an IPv4 or IPv6 socket, an IPv4-mapped one
// as IPv4; invalid for other families.
func (a *address) addrPort() netip.AddrPort {
	switch a.raw.Addr.Family {
	case unix.AF_INET:
		p := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(p.Addr), port(&p.Port))
	case unix.AF_INET6:
		p := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.raw))
		ip := netip.AddrFrom16(p.Addr).Unmap()
		if p.Scope_id != 0 && ip.Is6() && ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.Itoa(int(p.Scope_id)))
		}
		return netip.AddrPortFrom(ip, port(&p.Port))
	}
	return netip.AddrPort{}
}

// port reads a port that lies in network byte order.
func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

func getsockname(fd uintptr, a *address) syscall.Errno {
	a.len = unix.SizeofSockaddrAny
	_, _, errno := syscall.RawSyscall(unix.SYS_GETSOCKNAME, fd, uintptr(unsafe.Pointer(&a.raw)), uintptr(unsafe.Pointer(&a.len)))
	return errno
}

// sockaddrOf returns family and sockaddr of an address.
func sockaddrOf(ap netip.AddrPort) (int, unix.Sockaddr, error) {
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ip.As4()}, nil
	}
	sa := &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		id, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			index, err := interfaceIndex(zone)
			if err != nil {
				return 0, nil, fmt.Errorf("zone %q: %w", zone, err)
			}
			id = uint64(index)
		}
		sa.ZoneId = uint32(id)
	}
	return unix.AF_INET6, sa, nil
}
