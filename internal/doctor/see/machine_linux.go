package see

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"
)

// machine is the Probe of the machine that we run on.
type machine struct{}

// MSR reads a register by the msr driver, which root may, if it is loaded. A
// guest's hypervisor refuses most registers, which is EIO.
func (machine) MSR(cpu int, register uint32) (uint64, error) {
	what := fmt.Sprintf("msr %#x", register)
	f, err := os.Open(fmt.Sprintf("/dev/cpu/%d/msr", cpu))
	if err != nil {
		return 0, failed(what, err)
	}
	defer f.Close() // read only
	var b [8]byte
	if _, err := f.ReadAt(b[:], int64(register)); err != nil {
		return 0, failed(what, err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// Ethtool asks the driver of a card of our network namespace. What the driver
// does not have stays nil.
func (machine) Ethtool(name string) (Ethtool, error) {
	h, err := ethtool.NewEthtool()
	if err != nil {
		return Ethtool{}, failed("ethtool", err)
	}
	defer h.Close()
	d, err := h.DriverInfo(name)
	if err != nil {
		return Ethtool{}, failed("ethtool "+name, err)
	}
	e := Ethtool{Driver: d.Driver, Version: d.Version, Bus: d.BusInfo}
	if c, err := h.GetChannels(name); err == nil {
		e.Channels = &Channels{MaxCombined: c.MaxCombined, Combined: c.CombinedCount, MaxRX: c.MaxRx, RX: c.RxCount}
	}
	if r, err := h.GetRing(name); err == nil {
		e.Ring = &Ring{MaxRX: r.RxMaxPending, RX: r.RxPending, MaxTX: r.TxMaxPending, TX: r.TxPending}
	}
	if c, err := h.GetCoalesce(name); err == nil {
		e.Coalesce = &Coalesce{AdaptiveRX: c.UseAdaptiveRxCoalesce != 0, RXUsecs: c.RxCoalesceUsecs}
	}
	if f, err := h.Features(name); err == nil {
		e.Features = f
	}
	if s, err := h.Stats(name); err == nil {
		e.Stats = s
	}
	if r, err := h.GetIndir(name); err == nil {
		e.RSS = append([]uint32(nil), r.RingIndex[:min(int(r.Size), len(r.RingIndex))]...)
	}
	return e, nil
}

func (machine) Self() Self {
	s := self()
	s.Calls = tried()
	return s
}

// self is all of it that takes no tries.
func self() Self {
	s := Self{EUID: os.Geteuid(), Limits: map[string]Limit{}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		s.Uname = Uname{
			System: unix.ByteSliceToString(u.Sysname[:]), Release: unix.ByteSliceToString(u.Release[:]),
			Version: unix.ByteSliceToString(u.Version[:]), Machine: unix.ByteSliceToString(u.Machine[:]),
		}
	}
	for name, which := range map[string]int{"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "memlock": unix.RLIMIT_MEMLOCK} {
		var l unix.Rlimit
		if unix.Getrlimit(which, &l) == nil {
			s.Limits[name] = Limit{Soft: l.Cur, Hard: l.Max}
		}
	}
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil {
		for cpu := range len(set) * 64 {
			if set.IsSet(cpu) {
				s.Affinity = append(s.Affinity, cpu)
			}
		}
	}
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err == nil {
		s.Clock = &Clock{
			Unsynchronised: t.Status&unix.STA_UNSYNC != 0, MaxError: float64(t.Maxerror) / 1e6, Status: int(t.Status),
		}
	}
	var mono, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) == nil && unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) == nil {
		s.Boottime = float64(boot.Nano()-mono.Nano()) / 1e9
	}
	return s
}

// tried makes system calls that change nothing and are refused by seccomp or the
// kernel's configuration: their parameters are wrong, so that EFAULT and EINVAL
// say that the call is there.
func tried() map[string]string {
	calls := map[string]string{}
	for name, number := range map[string]uintptr{"bpf": unix.SYS_BPF, "io_uring_setup": unix.SYS_IO_URING_SETUP, "perf_event_open": unix.SYS_PERF_EVENT_OPEN} {
		_, _, e := unix.Syscall6(number, ^uintptr(0), 0, 0, 0, 0, 0)
		switch {
		case e == unix.EPERM, e == unix.EACCES, e == unix.ENOSYS:
			calls[name] = unix.ErrnoName(e)
		default:
			calls[name] = "ok"
		}
	}
	return calls
}

// asPart is a list with the error of the call that made it.
func asPart[T any](list []T, err error) Part[T] {
	if err == nil {
		return Part[T]{List: list, Seen: true}
	}
	class := ClassOf(err)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
		class = Absent // the kernel was built without it
	}
	return Part[T]{Error: err.Error(), Class: class}
}
