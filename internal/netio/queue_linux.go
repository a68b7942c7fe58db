package netio

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lookEvery is the least time between two looks at a queue by who accepts.
const lookEvery = 10 * time.Millisecond

// Queues looks at the queue of each socket: its length and its bound are two fields
// of TCP_INFO that mean this while a socket listens, its drops are the last of
// SO_MEMINFO.
func (l *Listener) Queues() []Queue {
	list := make([]Queue, len(l.shards))
	for i, s := range l.shards {
		q := &list[i]
		*q = Queue{Len: -1, Most: -1, Cap: -1, Drops: -1}
		// A closed socket has no queue, and stays unknown.
		_ = s.raw.Control(func(fd uintptr) {
			if s.unix {
				return
			}
			if n, most, ok := queueOf(int(fd)); ok {
				q.Len, q.Cap = n, most
				q.Most = int(s.grow(int64(n)))
			}
			q.Drops = dropsOf(fd)
		})
	}
	return list
}

func queueOf(fd int) (n, most int, ok bool) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, 0, false
	}
	return int(info.Unacked), int(info.Sacked), true
}

// dropsOf is what the kernel has dropped of one listening socket (sk_drops), -1
// before Linux 4.12.
func dropsOf(fd uintptr) int64 {
	const dropped, fields = 8, 9 // SK_MEMINFO_DROPS, SK_MEMINFO_VARS
	var info [fields]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || size <= dropped*4 {
		return -1
	}
	return int64(info[dropped])
}

// grow raises the greatest length that was found.
func (s *shard) grow(n int64) int64 {
	for {
		most := s.most.Load()
		if n <= most {
			return most
		}
		if s.most.CompareAndSwap(most, n) {
			return n
		}
	}
}

// look notes, now and then, how long the queue was behind an accepted connection
// and which processor its packets came in by. Whoever accepts again after a pause
// finds the queue at its longest, which somebody who looks by the clock would miss.
func (l *Listener) look(s *shard, fd int) {
	now := time.Since(l.born).Nanoseconds()
	if last := s.seen.Load(); s.unix || now-last < int64(lookEvery) || !s.seen.CompareAndSwap(last, now) {
		return
	}
	// A listener that was closed meanwhile has no queue any more.
	_ = s.raw.Control(func(lfd uintptr) {
		if n, _, ok := queueOf(int(lfd)); ok {
			s.grow(int64(n) + 1)
		}
	})
	from, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
	var at uint32
	_, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&at)), 0, 0)
	if err != nil || errno != 0 {
		return
	}
	l.counters.looks.Add(1)
	if from == int(at) {
		l.counters.hits.Add(1)
	}
}
