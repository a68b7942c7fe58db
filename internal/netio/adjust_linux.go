package netio

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Adjust gives an open listener other options, without closing its sockets: the
// backlog, the time that accepting is deferred, fast open, and spin. The
// number of shards stays: for that others are opened beside them. Connections that are queued keep theirs.
func (l *Listener) Adjust(o ListenOptions) error {
	l.Spin(o.Spin)
	var errs []error
	for _, s := range l.shards {
		err := s.raw.Control(func(fd uintptr) {
			errs = append(errs, os.NewSyscallError("listen", l.listen(int(fd), o)))
			if s.unix {
				return
			}
			fast := 0
			if o.FastOpen {
				fast = fastOpenQueue
			}
			for _, opt := range []option{
				{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, deferSeconds(o)}, {unix.IPPROTO_TCP, unix.TCP_FASTOPEN, fast},
			} {
				errs = append(errs, os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), opt.level, opt.name, opt.value)))
			}
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// fastOpenQueue bounds the connections that wait with data of their SYN.
const fastOpenQueue = 256

// deferSeconds is TCP_DEFER_ACCEPT's unit; 0 is off.
func deferSeconds(o ListenOptions) int {
	if o.Defer <= 0 {
		return 0
	}
	return max(int(o.Defer/time.Second), 1)
}
