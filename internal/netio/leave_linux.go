package netio

import (
	"errors"
	"os"
	"strings"
	"time"

	"fishplate/internal/netio/spread"

	"golang.org/x/sys/unix"
)

// Share lets a listener of this process's user that is opened with
// ListenOptions.Shared have an address which overlaps that of this one, or none any
// more. It wants a kernel with SO_REUSEPORT, which looks at both sockets when the
// second is bound, and when that begins to listen. Shards share theirs always.
func (l *Listener) Share(on bool) error {
	if !on && len(l.shards) > 1 {
		return nil
	}
	return l.reuse(on)
}

// reuse sets SO_REUSEPORT of every socket. The kernel asks for it in two places: at
// bind and listen, where sockets of one address join a group for good, and for each
// client, where a socket that has it hands the choice to its group, and one that
// has it no longer takes the client itself.
func (l *Listener) reuse(on bool) error {
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

// call makes a system call on the socket; without a name the error is as it comes.
func (s *shard) call(name string, do func(fd int) error) error {
	var failed error
	err := s.raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	if name != "" {
		failed = os.NewSyscallError(name, failed)
	}
	return errors.Join(err, failed)
}

// Begin makes a listener that was opened with ListenOptions.Shared take clients. The
// address is its own since then, also when this fails. Sockets of the very same one
// that are to go (ListenOptions.Beside) are in one group with these, and give it up
// to the first. Until Settle that has all clients: no choice is left to a group whose
// sockets are hidden one by one.
func (l *Listener) Begin(o ListenOptions) error {
	var errs []error
	for _, s := range l.shards {
		errs = append(errs, s.call("listen", func(fd int) error {
			err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), l.listen(fd, o))
			if err != nil { // as before: connections of before have the address, and nobody else is to listen there
				_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
			}
			return err
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	err := l.reuse(false)
	if b := l.beside; b != nil && err == nil {
		l.beside = nil
		b.ceded.Store(b.shards[0].call("", func(fd int) error { return spread.Elect(fd, len(b.shards)) }) == nil)
	}
	return err
}

// Settle makes the shards share their clients, when the sockets are closed, in
// every process, that had the address before Begin. One that drains has left the
// choice to others.
func (l *Listener) Settle() error {
	if len(l.shards) < 2 || l.draining.Load() {
		return nil
	}
	return errors.Join(l.choose(), l.reuse(true))
}

// Spread makes the kernel choose among the shards by another rule.
func (l *Listener) Spread(r spread.Rule) error {
	l.rule.Store(&r)
	return l.choose()
}

// Rule returns how the kernel chooses among the shards, "" for one and where it is
// not known.
func (l *Listener) Rule() spread.Rule {
	r := l.rule.Load()
	switch {
	case r == nil || len(l.shards) < 2:
		return ""
	case *r == "":
		return spread.Hash
	}
	return *r
}

// choose tells the kernel the rule.
func (l *Listener) choose() error {
	r := l.Rule()
	if r == "" {
		return nil
	}
	var list []int
	var within func(i int) error // descriptors are good inside of Control only
	within = func(i int) error {
		if i == len(l.shards) {
			return spread.Apply(r, list)
		}
		return l.shards[i].call("", func(fd int) error {
			list = append(list, fd)
			return within(i + 1)
		})
	}
	return within(0)
}

// Yield gives up what makes the kernel prefer these sockets to others that have the
// address, and their choice among a group. A client who has got to a socket a moment
// before it is hidden is lost to it, and asks again a second later: so the clients
// are to go elsewhere first. Those that were given up to others stay so. Of sockets
// for IPv6 whose addresses merely overlap the kernel may take the older still.
func (l *Listener) Yield() {
	if l.ceded.Load() {
		return
	}
	_ = l.reuse(false) // best effort: what fails costs a client a second
	for _, s := range l.shards {
		if !s.unix {
			_ = s.call("setsockopt", func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU, -1) })
		}
	}
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

// admitSilent ends deferral: who has connected and said nothing yet is to be
// accepted while the listener lingers. The kernel dropped the last packet of such a
// handshake, and asks for it again a second after the first.
func (s *shard) admitSilent() error {
	return s.call("setsockopt", func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 0) })
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
