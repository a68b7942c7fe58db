package measure

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/doctor/cpu"
)

// native are probes that ask the kernel.
func native() []probe { return []probe{calls, faults, slack, spin, wakeSame, wakeCross, connections} }

// bound runs f on a thread of its own, bound to a processor unless it is
// negative; the thread ends with it.
func bound(cpu int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		done <- func() error {
			if cpu >= 0 {
				var set unix.CPUSet
				set.Set(cpu)
				if err := unix.SchedSetaffinity(0, &set); err != nil {
					return fmt.Errorf("bind to processor %d: %w", cpu, err)
				}
			}
			return f()
		}()
	}()
	return <-done
}

// allowed are the processors that we may run on.
func allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("ask for processors: %w", err)
	}
	var list []int
	for n := range len(set) * 64 {
		if set.IsSet(n) {
			list = append(list, n)
		}
	}
	return list, nil
}

// calls measures system calls without the runtime's bookkeeping.
func calls() (map[string]float64, error) {
	r := map[string]float64{}
	err := bound(-1, func() error {
		var t unix.Timespec
		r[cpu.Syscall] = best(50_000, func() { unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) })
		r[cpu.ClockCall] = best(20_000, func() { clockCall(&t) })
		return nil
	})
	return r, err
}

// faults touches the pages of fresh memory, without huge pages.
func faults() (map[string]float64, error) {
	const size = 16 << 20
	page := unix.Getpagesize()
	least := 0.0
	for range 3 {
		m, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return nil, fmt.Errorf("map memory: %w", err)
		}
		unix.Madvise(m, unix.MADV_NOHUGEPAGE) // a kernel without huge pages refuses, and needs no telling
		start := time.Now()
		for i := 0; i < size; i += page {
			m[i] = 1
		}
		took := time.Since(start).Seconds() / float64(size/page)
		if err := unix.Munmap(m); err != nil {
			return nil, fmt.Errorf("unmap memory: %w", err)
		}
		if least == 0 || took < least {
			least = took
		}
	}
	return map[string]float64{cpu.Fault: least}, nil
}

// slack measures how much longer sleeps take than they should.
func slack() (map[string]float64, error) {
	const nap = time.Millisecond
	var over []float64
	err := bound(-1, func() error {
		for range 40 {
			t := unix.NsecToTimespec(int64(nap))
			start := time.Now()
			if err := unix.Nanosleep(&t, nil); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("sleep: %w", err)
			}
			over = append(over, (time.Since(start) - nap).Seconds())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	late, err := median(over)
	return map[string]float64{cpu.Slack: max(0, late)}, err
}

// spin looks for gaps in a loop that does nothing: time that somebody took. Gaps
// in which the kernel ran another thread of ours are not the hypervisor's.
func spin() (map[string]float64, error) {
	const long, gap = 200 * time.Millisecond, time.Millisecond
	list, err := allowed()
	if err != nil {
		return nil, err
	}
	worst, gaps := time.Duration(0), 0
	err = bound(list[0], func() error {
		var use unix.Rusage
		switches := func() int64 {
			if unix.Getrusage(unix.RUSAGE_THREAD, &use) != nil {
				return -1
			}
			return int64(use.Nivcsw)
		}
		before := switches()
		start := time.Now()
		last := time.Duration(0)
		for last < long {
			now := time.Since(start)
			if now-last > gap || now-last > worst {
				if n := switches(); n != before {
					before, now = n, time.Since(start)
				} else {
					worst = max(worst, now-last)
					if now-last > gap {
						gaps++
					}
				}
			}
			last = now
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]float64{cpu.Jitter: worst.Seconds(), cpu.Gaps: float64(gaps) / long.Seconds()}, nil
}

func wakeSame() (map[string]float64, error) {
	list, err := allowed()
	if err != nil {
		return nil, err
	}
	t, err := pingPong(list[0], list[0], long)
	return map[string]float64{cpu.WakeSame: t}, err
}

func wakeCross() (map[string]float64, error) {
	t, err := WakeUp(long)
	return map[string]float64{cpu.WakeCross: t.Seconds()}, err
}

// WakeUp measures for a time what cpu.WakeCross is, for who wants to know just that.
func WakeUp(long time.Duration) (time.Duration, error) {
	list, err := allowed()
	if err != nil {
		return 0, err
	}
	if len(list) < 2 {
		return 0, errors.New("measure wake-ups: only one processor")
	}
	t, err := pingPong(list[0], list[1], long)
	return time.Duration(t * float64(time.Second)), err
}

// long is how long a probe takes whose figure is the median of many.
const long = 150 * time.Millisecond

// pingPong sends a byte to and fro between threads on two processors, and returns
// the seconds that a round takes: the median of batches.
func pingPong(a, b int, long time.Duration) (float64, error) {
	var there, back [2]int
	if err := unix.Pipe2(there[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("open pipe: %w", err)
	}
	defer shut(there[0])
	if err := unix.Pipe2(back[:], unix.O_CLOEXEC); err != nil {
		shut(there[1])
		return 0, fmt.Errorf("open pipe: %w", err)
	}
	defer shut(back[0])
	echo := make(chan error, 1)
	go func() {
		err := bound(b, func() error { return repeat(there[0], back[1]) })
		shut(back[1]) // which ends the wait of this side, whatever happened
		echo <- err
	}()
	const batch = 20
	var times []float64
	err := bound(a, func() error {
		one := []byte{0}
		for begin := time.Now(); time.Since(begin) < long; {
			start := time.Now()
			for range batch {
				if _, err := unix.Write(there[1], one); err != nil {
					return fmt.Errorf("write to pipe: %w", err)
				}
				if n, err := unix.Read(back[0], one); n != 1 {
					return fmt.Errorf("read from pipe: %d bytes, %w", n, err)
				}
			}
			times = append(times, time.Since(start).Seconds()/batch)
		}
		return nil
	})
	shut(there[1]) // which ends the other side
	if err := errors.Join(err, <-echo); err != nil {
		return 0, err
	}
	return median(times)
}

// repeat sends back each byte until the other side closes.
func repeat(from, to int) error {
	one := []byte{0}
	for {
		n, err := unix.Read(from, one)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 {
			return err
		}
		if _, err := unix.Write(to, one); err != nil {
			return fmt.Errorf("write to pipe: %w", err)
		}
	}
}

// connections makes connections on loopback, one after the other, both ends on
// one processor, which is the cheapest way to make one: connect, a byte there, a
// byte back, close.
func connections() (map[string]float64, error) {
	list, err := allowed()
	if err != nil {
		return nil, err
	}
	door, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	defer shut(door)
	if err := errors.Join(unix.Bind(door, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(door, 16)); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	at, err := unix.Getsockname(door)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	// Whoever connects can be let in: nobody else knows the port, and a stranger
	// gets a byte for a byte.
	served := make(chan error, 1)
	go func() {
		err := bound(list[0], func() error { return serve(door) })
		unix.Shutdown(door, unix.SHUT_RDWR) // visitors do not wait for who does not come
		served <- err
	}()
	var times []float64
	const long = 250 * time.Millisecond
	begin := time.Now()
	var took time.Duration
	err = bound(list[0], func() error {
		for time.Since(begin) < long {
			start := time.Now()
			if err := visit(at); err != nil {
				return err
			}
			times = append(times, time.Since(start).Seconds())
		}
		took = time.Since(begin)
		return nil
	})
	unix.Shutdown(door, unix.SHUT_RDWR) // wakes the accept, whose error says so
	if err := errors.Join(err, <-served); err != nil {
		return nil, err
	}
	slow, err := quantile(times, 0.99)
	if err != nil {
		return nil, err
	}
	return map[string]float64{cpu.CRR: float64(len(times)) / took.Seconds(), cpu.CRRLatency: slow}, nil
}

func serve(door int) error {
	one := []byte{0}
	for {
		c, _, err := unix.Accept4(door, unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINVAL):
			return nil // it was shut
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		if n, _ := unix.Read(c, one); n == 1 { // else the visitor is gone, which it notices itself
			unix.Write(c, one)
		}
		shut(c)
	}
}

func visit(at unix.Sockaddr) error {
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer shut(c)
	if err := unix.Connect(c, at); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	one := []byte{0}
	if _, err := unix.Write(c, one); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for {
		n, err := unix.Read(c, one)
		switch {
		case errors.Is(err, unix.EINTR):
		case n != 1:
			return fmt.Errorf("read: %d bytes, %w", n, err)
		default:
			return nil
		}
	}
}

// shut closes what held nothing that could be lost.
func shut(fd int) { unix.Close(fd) }
