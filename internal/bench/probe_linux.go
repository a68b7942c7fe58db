package bench

import (
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
	defer func() { _, _ = unix.Close(there[0]), unix.Close(there[1]) }()
	if unix.Pipe2(back[:], unix.O_CLOEXEC) != nil {
		return 0
	}
	defer func() { _, _ = unix.Close(back[0]), unix.Close(back[1]) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		bindThread(b)
		one := make([]byte, 1)
		for range probeRounds {
			if n, _ := unix.Read(there[0], one); n != 1 {
				return
			}
			_, _ = unix.Write(back[1], one)
		}
	}()
	median := make(chan int64)
	go func() {
		bindThread(a)
		times := make([]int64, 0, probeRounds)
		one := make([]byte, 1)
		for range probeRounds {
			begin := time.Now()
			_, _ = unix.Write(there[1], one)
			if n, _ := unix.Read(back[0], one); n != 1 {
				break
			}
			times = append(times, int64(time.Since(begin)))
		}
		median <- middle(times)
	}()
	m := <-median
	<-done
	return m
}

// bindThread keeps the goroutine on one thread and that on one processor. The
// thread is not unlocked: it ends with its goroutine.
func bindThread(processor int) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(processor)
	_ = unix.SchedSetaffinity(0, &set)
}
