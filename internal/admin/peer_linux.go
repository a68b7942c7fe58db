package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUID returns the user who connected, as the kernel saw it (SO_PEERCRED,
// unix(7)).
func peerUID(c *net.UnixConn) (uid int, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, true // unknown is refused here: this kernel can tell
	}
	uid = -1
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	if err != nil {
		return -1, true
	}
	return uid, true
}
