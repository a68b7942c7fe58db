package queue

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Len returns how many connections wait at a listening socket, and how many may: two
// fields of TCP_INFO mean this while a socket listens.
func Len(fd uintptr) (n, most int, ok bool) {
	var info unix.TCPInfo
	_, ok = option(fd, unix.IPPROTO_TCP, unix.TCP_INFO, unsafe.Pointer(&info), unsafe.Sizeof(info))
	return int(info.Unacked), int(info.Sacked), ok
}

// Drops is what the kernel has dropped of one listening socket (sk_drops), -1 before
// Linux 4.12.
func Drops(fd uintptr) int64 {
	const dropped, fields = 8, 9 // SK_MEMINFO_DROPS, SK_MEMINFO_VARS
	var info [fields]uint32
	if size, ok := option(fd, unix.SOL_SOCKET, unix.SO_MEMINFO, unsafe.Pointer(&info), unsafe.Sizeof(info)); !ok || size <= dropped*4 {
		return -1
	}
	return int64(info[dropped])
}

// Here reports whether the packets of a connection come in by the processor that
// asks.
func Here(fd uintptr) (here, ok bool) {
	var from int32
	var at uint32
	_, ok = option(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU, unsafe.Pointer(&from), unsafe.Sizeof(from))
	_, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&at)), 0, 0)
	return from == int32(at), ok && errno == 0
}

func option(fd uintptr, level, name int, to unsafe.Pointer, room uintptr) (size uint32, ok bool) {
	size = uint32(room)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, uintptr(level), uintptr(name), uintptr(to), uintptr(unsafe.Pointer(&size)), 0)
	return size, errno == 0
}
