package tenant

import (
	"encoding/binary"

	"fishplate/internal/tenant/thread"
)

// There is nothing to poll but one counter, an eventfd, by which the runtime of
// Go wakes the thread that waits for its timers. Programs without threads are
// told, as on the original host, that there is none.

const (
	pollSet     = 3 // the descriptor of the epoll set
	pollCounter = 4 // and of the counter
	pollWord    = 8 // what its waiters wait for: no program's address
)

// poll is the counter, and who waits for it.
type poll struct {
	count  uint64
	data   uint64 // what the program attached to the counter
	buffer uint64 // where the one who waits wants its event
}

func pollCalls() []Call {
	return []Call{
		{19, "EVENTFD2", "a0 count, a1 flags", "a0 = 4", "-9: the program has no threads", "", "The one counter.", linuxEventFD},
		{20, "EPOLL_CREATE1", "a0 flags", "a0 = 3", "-9: the program has no threads", "", "The one set.", linuxEpollCreate},
		{21, "EPOLL_CTL", "a0 set, a1 operation, a2 descriptor, a3 event", "a0 = 0", "-9: not the counter", "", "", linuxEpollCtl},
		{25, "FCNTL", "a0 descriptor, a1 command", "a0 = 0, or 2 for F_GETFL", "-9: not 0–2, or the program reserves no more than the usual address space", "", "The runtime of Go does not start without its three descriptors.", linuxFcntl},
		{22, "EPOLL_PWAIT", "a0 set, a1 events, a2 room, a3 milliseconds", "a0 = events", "-9: not the set", "", "Waits as FUTEX does.", linuxEpollWait},
	}
}

// polls reports whether the program has threads, or a runtime that makes some.
func (v *vm) polls() bool { return v.wide || v.threads.Used() }

func linuxFcntl(v *vm, _ *pacer) error {
	const getFlags, readWrite = 3, 2
	switch {
	case !v.wide || v.arg(0) > 2:
		v.errno(eBadFile)
	case v.arg(1) == getFlags:
		v.result(readWrite)
	default:
		v.result(0)
	}
	return nil
}

func linuxEventFD(v *vm, _ *pacer) error {
	if !v.polls() {
		v.errno(eBadFile)
		return nil
	}
	v.poll.count = uint64(uint32(v.arg(0)))
	v.result(pollCounter)
	return nil
}

func linuxEpollCreate(v *vm, _ *pacer) error {
	if !v.polls() {
		v.errno(eBadFile)
		return nil
	}
	v.result(pollSet)
	return nil
}

func linuxEpollCtl(v *vm, _ *pacer) error {
	const remove = 2
	if !v.polls() || v.arg(0) != pollSet || v.arg(2) != pollCounter {
		v.errno(eBadFile)
		return nil
	}
	if v.arg(1) != remove {
		data, err := v.load64(v.arg(3) + 8)
		if err != nil {
			return err
		}
		v.poll.data = data
	}
	v.result(0)
	return nil
}

func linuxEpollWait(v *vm, p *pacer) error {
	if !v.polls() || v.arg(0) != pollSet {
		v.errno(eBadFile)
		return nil
	}
	v.poll.buffer = v.arg(1)
	if v.poll.count > 0 {
		v.result(1)
		return v.pollEvent()
	}
	ms := int32(v.arg(3))
	if ms == 0 {
		v.result(0)
		return nil
	}
	until := thread.Never
	if ms > 0 {
		var err error
		if until, err = v.deadline(p.ctx, int64(ms)*1e6, false, false); err != nil {
			return err
		}
	}
	return v.await(p.ctx, pollWord, until, 0)
}

// pollEvent writes the counter's event where it was asked for.
func (v *vm) pollEvent() error {
	const readable = 1
	var b [16]byte
	binary.LittleEndian.PutUint32(b[:], readable)
	binary.LittleEndian.PutUint64(b[8:], v.poll.data)
	return v.store(v.poll.buffer, b[:])
}

// addEvents serves write to the counter.
func (v *vm) addEvents(b []byte) error {
	if len(b) != 8 {
		v.errno(eInval)
		return nil
	}
	v.poll.count += binary.LittleEndian.Uint64(b)
	v.result(8)
	if woken := v.threads.WakeWith(pollWord, 1); woken {
		return v.pollEvent()
	}
	return nil
}

// takeEvents serves read from the counter.
func (v *vm) takeEvents(at, n uint64) error {
	switch {
	case n < 8:
		v.errno(eInval)
		return nil
	case v.poll.count == 0:
		v.errno(eAgain)
		return nil
	}
	count := v.poll.count
	v.poll.count = 0
	v.result(8)
	return v.store64(at, count)
}
