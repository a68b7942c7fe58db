package netio

import (
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Share lets a listener of this process's user that is opened with
// ListenOptions.Shared have an address which overlaps that of this one, or none any
// more. It wants a kernel with SO_REUSEPORT, which looks at both sockets when the
// second is bound, and when that begins to listen.
func (l *Listener) Share(on bool) error {
	if len(l.shards) > 1 {
		return nil // they always do
	}
	value := 0
	if on {
		value = 1
	}
	var errs []error
	for _, s := range l.shards {
		if !s.unix {
			errs = append(errs, s.call("setsockopt", func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, value) }))
		}
	}
	return errors.Join(errs...)
}

// call makes a system call on the socket.
func (s *shard) call(name string, do func(fd int) error) error {
	var failed error
	err := s.raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	return errors.Join(err, os.NewSyscallError(name, failed))
}

// Begin makes a listener that was opened with ListenOptions.Shared take clients.
// It shares the address no longer.
func (l *Listener) Begin(o ListenOptions) error {
	var errs []error
	for _, s := range l.shards {
		errs = append(errs, s.call("listen", func(fd int) error { return unix.Listen(fd, backlog(o)) }))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return l.Share(false)
}

// Keep says whether somebody else holds the sockets too, for another process to
// take: then Drain and Close leave them, their queues and their path alone.
func (l *Listener) Keep(on bool) { l.shared.Store(on || strings.HasPrefix(l.key, "fd:")) }

// nowhere is the number of a network interface that no machine has.
const nowhere = 1<<31 - 1

// hide takes a listening socket out of the kernel's sight: who begins to connect
// gets to another one that has the address, or is refused, while handshakes under
// way end and wait to be accepted. Without it a connection that is complete between
// the last accept and the close would be reset. Connections have the interface that
// their handshake began with.
func (s *shard) hide() error {
	return s.call("setsockopt", func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, nowhere) })
}

// refuseNew is hide for a kernel that cannot: it ignores who begins to connect.
// Who is ignored asks again a second later.
func (s *shard) refuseNew() error {
	const flags, syn, ack = 13, 0x02, 0x10 // of a TCP header, RFC 9293 §3.1
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	return s.call("setsockopt", func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}

// lingers says whether a shard whose queue is empty waits for handshakes under
// way, and waits a little.
func (l *Listener) lingers(s *shard) bool {
	return !s.unix && !l.shared.Load() && time.Now().UnixNano() < l.lingersTo.Load() && l.pause()
}
