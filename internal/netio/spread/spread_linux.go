package spread

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Apply makes the kernel choose by a rule among listening sockets that share an
// address, all that do. What an earlier call set is undone.
func Apply(r Rule, sockets []int) error {
	if len(sockets) == 0 {
		return nil
	}
	cpus, err := allowed()
	if err != nil {
		return err
	}
	for i, fd := range sockets {
		cpu := -1
		if r == IncomingCPU {
			cpu = cpus[i%len(cpus)]
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU, cpu); err != nil && r == IncomingCPU {
			return os.NewSyscallError("setsockopt SO_INCOMING_CPU", err)
		}
	}
	if r == CBPF {
		return attach(sockets[0], byCPU(len(sockets)))
	}
	if err := detach(sockets[0]); !errors.Is(err, unix.ENOPROTOOPT) {
		return err
	}
	return nil // a kernel before 5.3: there was no program
}

// Elect makes the kernel give all clients to one socket of a group, until Apply: to
// that before which n others that are still open began to listen. It does nothing
// that cannot be undone.
func Elect(socket, n int) error {
	if err := detach(socket); err != nil {
		return err
	}
	return attach(socket, []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(n)}})
}

// attach gives the socket's group a program that chooses. A number that no socket of
// the group has leaves the choice to the hash.
func attach(socket int, program []unix.SockFilter) error {
	return os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF",
		unix.SetsockoptSockFprog(socket, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}

// detach takes the program of the socket's group away, if there is a group that has one.
func detach(socket int) error {
	err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return os.NewSyscallError("setsockopt SO_DETACH_REUSEPORT_BPF", err)
}

// byCPU is the program of CBPF: which socket is the number of the processor, modulo
// their number. Which has which number changes when one is closed, and is no matter
// as long as each processor has its own.
func byCPU(sockets int) []unix.SockFilter {
	const ancillary, cpu = 0xfffff000, 36 // SKF_AD_OFF, SKF_AD_CPU of linux/filter.h
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: ancillary + cpu},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(sockets)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}

// allowed returns the processors that this process may use.
func allowed() (list []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no processor is allowed")
	}
	return list, nil
}

// tries is how often each processor connects: by chance a hash is right 1 in 2¹⁶
// times with two processors, and less often with more.
const tries = 8

// patience is how long a handshake on the loopback interface may take, when the
// kernel has other work or drops its packets.
const patience = time.Second

// prove connects on the loopback interface from up to eight processors to as many
// sockets, and fails unless each client gets to the socket of its processor. Kernels
// from 4.5 to 6.1 take SO_INCOMING_CPU and do not heed it in a group.
func prove(r Rule) (err error) {
	cpus, err := allowed()
	if err != nil {
		return err
	}
	if len(cpus) < 2 {
		return errors.New("there is one processor")
	}
	cpus = cpus[:min(len(cpus), 8)]
	done := make(chan error)
	// The thread ends with the goroutine, which never unlocks it: its processors are
	// nobody else's.
	go func() {
		runtime.LockOSThread()
		done <- watch(r, cpus)
	}()
	return <-done
}

func watch(r Rule, cpus []int) error {
	var sockets []int
	defer func() {
		for _, fd := range sockets {
			_ = unix.Close(fd)
		}
	}()
	var at unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	for range cpus {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		sockets = append(sockets, fd)
		if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1), unix.Bind(fd, at), unix.Listen(fd, tries)); err != nil {
			return err
		}
		if at, err = unix.Getsockname(fd); err != nil {
			return os.NewSyscallError("getsockname", err)
		}
	}
	if err := Apply(r, sockets); err != nil {
		return err
	}
	owner := map[int]int{} // socket by processor
	for i, cpu := range cpus {
		if err := pin(cpu); err != nil {
			return err
		}
		for range tries {
			got, err := knock(at, sockets)
			if err != nil {
				return err
			}
			if first, ok := owner[cpu]; !ok {
				owner[cpu] = got
			} else if got != first {
				return fmt.Errorf("clients of processor %d got to sockets %d and %d", cpu, first, got)
			}
		}
		if r == IncomingCPU && owner[cpu] != i {
			return fmt.Errorf("clients of processor %d got to the socket of processor %d", cpu, cpus[owner[cpu]])
		}
		if want := cpu % len(cpus); r == CBPF && owner[cpu] != want {
			return fmt.Errorf("clients of processor %d got to socket %d, not %d", cpu, owner[cpu], want)
		}
	}
	return nil
}

// pin keeps the thread on one processor.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &set))
}

// knock connects once and returns which socket has the client.
func knock(at unix.Sockaddr, sockets []int) (int, error) {
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(c) }()
	if err := unix.Connect(c, at); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return 0, os.NewSyscallError("connect", err)
	}
	list := make([]unix.PollFd, len(sockets))
	for i, fd := range sockets {
		list[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	// Signals of the runtime end a call, and begin the time anew.
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		_, err = unix.Poll(list, int(patience.Milliseconds()))
	}
	for i, fd := range sockets {
		if got, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC); err == nil {
			_ = unix.Close(got)
			return i, nil
		}
	}
	return 0, errors.New("no socket has the client")
}
