package netio

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Adjust gives an open listener other options, without closing its sockets: the
// backlog, the time that accepting is deferred, and fast open. What it cannot
// change, the number of shards, stays. Connections that are queued keep theirs.
func (l *Listener) Adjust(o ListenOptions) error {
	var errs []error
	for _, s := range l.shards {
		err := s.raw.Control(func(fd uintptr) {
			errs = append(errs, os.NewSyscallError("listen", unix.Listen(int(fd), backlog(o))))
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

// linger is how long a socket that is given up waits for handshakes that began
// before: the last packet of each is a round trip away.
const linger = 100 * time.Millisecond

// refuseNew makes the kernel ignore who begins to connect, while handshakes under
// way end and wait to be accepted. Without it a connection that is complete
// between the last accept and the close would be reset. Who is ignored asks
// again a second later, and is refused.
func (s *shard) refuseNew() error {
	const flags, syn, ack = 13, 0x02, 0x10 // of a TCP header, RFC 9293 §3.1
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	var set error
	err := s.raw.Control(func(fd uintptr) {
		set = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	return errors.Join(err, os.NewSyscallError("setsockopt", set))
}

// lingers says whether a shard whose queue is empty waits for handshakes under
// way, and waits a little.
func (l *Listener) lingers(s *shard) bool {
	return !s.unix && !l.shared && time.Since(time.Unix(0, l.drainedAt.Load())) < linger && l.pause()
}
