package bench

import (
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/bench/outcome"
)

const (
	probeCalls  = 20_000
	probeRounds = 300
)

// probe measures what a system call and a wake-up cost, in some ten
// milliseconds.
func probe() outcome.Probe {
	p := outcome.Probe{Syscall: syscallCost()}
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return p
	}
	var list []int
	for i := range 1024 {
		if allowed.IsSet(i) {
			list = append(list, i)
		}
	}
	if len(list) > 0 {
		p.WakeSame = pingPong(list[0], list[0])
	}
	if len(list) > 1 {
		p.WakeCross = pingPong(list[0], list[1])
	}
	return p
}

// descriptors is how many this process may have open.
func descriptors() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return math.MaxInt32
	}
	return int(min(l.Cur, math.MaxInt32))
}

func syscallCost() int64 {
	best := int64(0)
	for range 3 {
		begin := time.Now()
		for range probeCalls {
			_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		if d := int64(time.Since(begin)) / probeCalls; best == 0 || d < best {
			best = d
		}
	}
	return best
}

// pingPong returns the median time of a byte to another thread and back, each
// bound to a processor. The threads are given up afterwards: their binding goes
// with them.
func pingPong(a, b int) int64 {
	var there, back [2]int
	if unix.Pipe2(there[:], unix.O_CLOEXEC) != nil {
		return 0
	}
	if unix.Pipe2(back[:], unix.O_CLOEXEC) != nil {
		_, _ = unix.Close(there[0]), unix.Close(there[1])
		return 0
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		bindThread(b)
		pong(there[0], back[1], probeRounds)
	}()
	median := make(chan int64)
	go func() {
		bindThread(a)
		median <- middle(ping(there[1], back[0], probeRounds))
	}()
	m := <-median
	<-done
	return m
}

// pong answers each byte. Like ping it closes its ends of the pipes, so that the
// other side ends when this one does.
func pong(in, out, rounds int) {
	defer func() { _, _ = unix.Close(in), unix.Close(out) }()
	one := make([]byte, 1)
	for range rounds {
		if n, _ := unix.Read(in, one); n != 1 {
			return
		}
		_, _ = unix.Write(out, one)
	}
}

// ping sends a byte and waits for its answer, again and again.
func ping(out, in, rounds int) []int64 {
	defer func() { _, _ = unix.Close(in), unix.Close(out) }()
	times := make([]int64, 0, rounds)
	one := make([]byte, 1)
	for range rounds {
		begin := time.Now()
		_, _ = unix.Write(out, one)
		if n, _ := unix.Read(in, one); n != 1 {
			break
		}
		times = append(times, int64(time.Since(begin)))
	}
	return times
}

// bindThread keeps the goroutine on one thread and that on one processor. The
// thread is not unlocked: it ends with its goroutine.
func bindThread(processor int) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(processor)
	_ = unix.SchedSetaffinity(0, &set)
}
