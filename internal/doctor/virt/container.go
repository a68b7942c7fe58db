package virt

import (
	"fmt"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/place"
	"fishplate/internal/doctor/see"
)

func container() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.container", Title: "Container",
			Reads:    "/run/host/container-manager, /run/systemd/container, /proc/1/environ, /proc/{1,self}/cgroup, /run/.containerenv, /.dockerenv, /sys/fs/cgroup, /proc/self/{mountinfo,uid_map}",
			Rule:     "information; a mark in the file system counts only with a trace in the kernel",
			Why:      "In a container the kernel and half of the settings are the host's: what is missing here is looked for there.",
			Severity: fact.SevereInfo, Scope: fact.Process, Path: fact.Any,
			Sources: []string{"https://systemd.io/CONTAINER_INTERFACE/"},
		},
		Look: func(v *see.View) fact.Finding {
			if names, ev := stack(v.Env, fact.Container); len(names) > 0 {
				return fact.Say(fact.Info, "in "+strings.Join(names, ", "), ev...)
			}
			_, err := v.Read("/proc/self/cgroup")
			if ev, ok := place.Stale(v.System); ok && err == nil {
				return fact.Say(fact.Info, "no container: "+ev.Source+" is left over from an image, and nothing of the kernel speaks for it", ev)
			}
			if err != nil {
				return v.Unseen(err)
			}
			return fact.Say(fact.Info, "no container")
		},
	}
}

func openvz() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.openvz", Title: "OpenVZ's limits",
			Reads:    "/proc/user_beancounters (failcnt of numtcpsock, tcpsndbuf, tcprcvbuf, numothersock, kmemsize, numfile, dgramrcvbuf)",
			Rule:     "fail: one of them refused something since the container started",
			Why:      "A counter that stands at its limit refuses sockets and buffers in silence.",
			Severity: fact.SevereFail, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "vzctl set CTID --numtcpsock 65535 --tcpsndbuf 64M --tcprcvbuf 64M --save", Who: fact.ByHost,
				Risk: "more kernel memory for this container", Undo: "set the old values",
			}},
			Sources: []string{"https://wiki.openvz.org/UBC_parameters"},
		},
		Look: func(v *see.View) fact.Finding {
			if _, ok := v.Env.Is(fact.Container, "openvz"); !ok {
				return fact.Say(fact.Skip, "not in OpenVZ")
			}
			rows, ev, err := see.As(v.System, "/proc/user_beancounters", parse.Beancounters)
			if err != nil {
				return v.Unseen(err)
			}
			before := map[string]uint64{}
			if v.Before != nil {
				old, _, err := see.As(v.Before, "/proc/user_beancounters", parse.Beancounters)
				if err != nil {
					return v.Unseen(err)
				}
				for _, r := range old {
					before[r.Resource] = r.Failed
				}
			}
			var failed []string
			for _, r := range rows {
				if n := r.Failed - min(r.Failed, before[r.Resource]); n > 0 {
					failed = append(failed, fmt.Sprintf("%s %d times", r.Resource, n))
				}
			}
			if len(failed) > 0 {
				return fact.Say(fact.Fail, "refused "+v.Span()+": "+strings.Join(failed, ", "), ev)
			}
			return fact.Say(fact.OK, "no counter refused anything "+v.Span(), ev)
		},
	}
}

func lxc() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.lxc", Title: "LXC, LXD, Incus",
			Reads:    "/proc/self/mountinfo (fuse.lxcfs), /dev/lxd/sock, container= of process 1",
			Rule:     "information",
			Why:      "Packets pass the host's veth and bridge; lxcfs imitates /proc/stat and /proc/meminfo, so that stolen time reads zero.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Bridge,
			Sources: []string{"https://linuxcontainers.org/lxcfs/"},
		},
		Look: func(v *see.View) fact.Finding {
			for _, name := range []string{"lxc", "lxd", "incus"} {
				l, ok := v.Env.Is(fact.Container, name)
				if !ok {
					continue
				}
				if faked := imitated(v.System); len(faked) > 0 {
					return fact.Say(fact.Info, name+"; lxcfs imitates "+strings.Join(faked, ", "), l.Evidence...)
				}
				return fact.Say(fact.Info, name, l.Evidence...)
			}
			return fact.Say(fact.Skip, "not in LXC")
		},
	}
}

// imitated lists files of /proc that lxcfs stands in for.
func imitated(s *see.System) []string {
	mounts, _, err := see.As(s, "/proc/self/mountinfo", parse.Mounts)
	if err != nil {
		return nil
	}
	var list []string
	for _, m := range mounts {
		if m.Type == "fuse.lxcfs" && strings.HasPrefix(m.Point, "/proc/") {
			list = append(list, m.Point)
		}
	}
	return list
}

func wsl() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.wsl", Title: "Windows Subsystem for Linux",
			Reads:    "/proc/sys/kernel/osrelease",
			Rule:     "fail: WSL 1, which has no Linux kernel; warn: WSL 2",
			Why:      "WSL 1 imitates system calls and lacks most of what listeners need; WSL 2 stands behind a relay and address translation.",
			Severity: fact.SevereFail, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "run it on Linux; wsl --set-version DISTRO 2 at least", Who: fact.ByHost,
				Risk: "none for a test machine", Undo: "wsl --set-version DISTRO 1",
			}},
			Sources: []string{"https://learn.microsoft.com/windows/wsl/networking"},
		},
		Look: func(v *see.View) fact.Finding {
			if l, ok := v.Env.Is(fact.Container, "wsl1"); ok {
				return fact.Say(fact.Fail, "WSL 1", l.Evidence...)
			}
			if l, ok := v.Env.Is(fact.Container, "wsl2"); ok {
				return fact.Say(fact.Warn, "WSL 2", l.Evidence...)
			}
			return fact.Say(fact.Skip, "not in WSL")
		},
	}
}

func gvisor() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.gvisor", Title: "gVisor and Kata",
			Reads:    "/proc/version, /proc/cmdline",
			Rule:     "warn: gVisor; information: Kata, which is a virtual machine",
			Why:      "GVisor has a network stack of its own in user space: listeners by CPU, BPF and io_uring are missing, and each system call costs microseconds.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "run the container with runc or Kata (runtimeClassName), or gVisor with --network=host", Who: fact.ByHost,
				Risk: "another wall around the process", Undo: "set the old runtime",
			}},
			Sources: []string{"https://gvisor.dev/docs/user_guide/networking/"},
		},
		Look: func(v *see.View) fact.Finding {
			if l, ok := v.Env.Is(fact.Container, "gvisor"); ok {
				return fact.Say(fact.Warn, "gVisor", l.Evidence...)
			}
			text, ev, err := v.Says("/proc/cmdline")
			if err == nil && v.Env.Guest() && (strings.Contains(text, "agent.log") || strings.Contains(text, "kata")) {
				return fact.Say(fact.Info, "a virtual machine of Kata Containers", ev)
			}
			return fact.Say(fact.Skip, "neither gVisor nor Kata")
		},
	}
}
