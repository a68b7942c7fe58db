//go:build !linux

package see

import (
	"os"
	"runtime"
)

// machine sees little where the kernel is not Linux.
type machine struct{}

func (machine) MSR(int, uint32) (uint64, error) {
	return 0, &Error{What: "msr", Class: Absent}
}

func (machine) Ethtool(name string) (Ethtool, error) {
	return Ethtool{}, &Error{What: "ethtool " + name, Class: Absent}
}

func (machine) Network() Network {
	const why = "netlink is Linux's"
	return Network{
		Links: Part[Link]{Class: Absent, Error: why}, Qdiscs: Part[Qdisc]{Class: Absent, Error: why},
		Sockets: Part[Socket]{Class: Absent, Error: why}, Chains: Part[Chain]{Class: Absent, Error: why},
		Routes: Part[Route]{Class: Absent, Error: why},
	}
}

func (machine) Self() Self { return self() }

func self() Self {
	return Self{Uname: Uname{System: runtime.GOOS, Machine: runtime.GOARCH}, EUID: os.Geteuid()}
}
