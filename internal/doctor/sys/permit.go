package sys

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Bits of a set of capabilities, linux/capability.h.
const (
	capNetBindService = 10
	capNetAdmin       = 12
	capSysAdmin       = 21
	capBPF            = 39
)

const statusFile = "/proc/self/status"

// capable reads the effective capabilities of the process.
func capable(v *see.View) (uint64, fact.Evidence, error) {
	texts, _, err := gauge.Read(v, statusFile, parse.Texts)
	if err != nil {
		return 0, fact.Evidence{}, err
	}
	set, err := parse.Capabilities(texts["CapEff"])
	if err != nil {
		return 0, fact.Evidence{}, &see.Error{What: statusFile + " CapEff", Class: see.Broken, Err: err}
	}
	return set, fact.Read(statusFile, "CapEff "+texts["CapEff"], set), nil
}

func ioUring() see.Row {
	const file, call = "/proc/sys/kernel/io_uring_disabled", "io_uring_setup"
	return see.Row{Check: fact.Check{
		ID: "sys.io_uring", Title: "Whether io_uring is permitted", Reads: file + ", a try of " + call,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Kernel, Path: fact.Any,
		Why:     "Fishplate works by epoll and does not need it; containers often forbid it.",
		Sources: []string{kernelDoc},
	}, Look: func(v *see.View) fact.Finding {
		answer, tried := v.Probe.Self().Calls[call]
		n, e, err := gauge.Number(v, file)
		switch {
		case tried && answer == "ok":
			return fact.Say(fact.Info, "permitted", fact.Read(call, answer, answer))
		case tried:
			return fact.Say(fact.Info, "refused: "+answer, fact.Read(call, answer, answer))
		case err != nil:
			return gauge.Unseen(v, err)
		case n == 0:
			return fact.Say(fact.Info, "not switched off; whether a filter refuses it was not tried", e)
		case n == 1:
			return fact.Say(fact.Info, "for the privileged alone", e)
		}
		return fact.Say(fact.Info, "switched off", e)
	}}
}

func bpf() see.Row {
	const unprivileged, types = "/proc/sys/kernel/unprivileged_bpf_disabled", "/sys/kernel/btf/vmlinux"
	return see.Row{Check: fact.Check{
		ID: "sys.bpf", Title: "Whether eBPF programs may be loaded", Reads: statusFile + ", " + unprivileged + ", " + types,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Process, Path: fact.Any,
		Why:     "A program can choose the listener of a connection by its processor. The classic filter, which needs no privilege, can as well, but its numbers shift when a listener closes.",
		Fix:     []fact.Fix{{Command: "AmbientCapabilities=CAP_BPF CAP_NET_ADMIN in the service's unit", Risk: "the process may change the network", Who: fact.Root, Undo: "take them out"}},
		Sources: []string{kernelDoc, "https://man7.org/linux/man-pages/man7/capabilities.7.html"},
	}, Look: func(v *see.View) fact.Finding {
		set, e, err := capable(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		list := []fact.Evidence{e}
		answer, tried := v.Probe.Self().Calls["bpf"]
		if tried {
			list = append(list, fact.Read("bpf", answer, answer))
		}
		if _, e, err := gauge.Number(v, unprivileged); err == nil {
			list = append(list, e)
		}
		may := set>>capSysAdmin&1 == 1 || set>>capBPF&1 == 1 && set>>capNetAdmin&1 == 1
		switch {
		case tried && answer == "ENOSYS":
			return fact.Say(fact.Info, "the kernel has no eBPF: the classic filter is used", list...)
		case !may || tried && answer != "ok":
			return fact.Say(fact.Info, "not permitted: the classic filter is used", list...)
		case !tried:
			return fact.Say(fact.Info, "the process has the privilege; whether a filter refuses the call was not tried", list...)
		}
		return fact.Say(fact.OK, "permitted", list...)
	}}
}

func seccomp() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.seccomp", Title: "A filter of system calls", Reads: statusFile,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Process, Path: fact.Any,
		Why:     "It explains calls that are refused, and costs some nanoseconds a call.",
		Fix:     []fact.Fix{{Command: "the profile of the container or the SystemCallFilter of the unit", Risk: "fewer walls", Who: fact.ByHost, Undo: "the old profile"}},
		Sources: []string{"https://docs.kernel.org/userspace-api/seccomp_filter.html"},
	}, Look: func(v *see.View) fact.Finding {
		texts, _, err := gauge.Read(v, statusFile, parse.Texts)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		mode, ok := texts["Seccomp"]
		e := fact.Read(statusFile, "Seccomp "+mode+" NoNewPrivs "+texts["NoNewPrivs"], mode)
		switch {
		case !ok:
			return gauge.Unseen(v, &see.Error{What: statusFile + " Seccomp", Class: see.Absent})
		case mode == "0":
			return fact.Say(fact.OK, "none", e)
		}
		return fact.Say(fact.Info, "mode "+mode, e)
	}}
}

func lsm() see.Row {
	const enforce, current, list = "/sys/fs/selinux/enforce", "/proc/self/attr/current", "/sys/kernel/security/lsm"
	return see.Row{Check: fact.Check{
		ID: "sys.lsm", Title: "SELinux or AppArmor around the process", Reads: enforce + ", " + current + ", " + list,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Process, Path: fact.Any,
		Why:     "They explain why a port cannot be bound or a file not be read though the rights are there.",
		Sources: []string{"https://docs.kernel.org/admin-guide/LSM/index.html"},
	}, Look: func(v *see.View) fact.Finding {
		var e []fact.Evidence
		var found []string
		var first error
		for _, file := range []string{enforce, current, list} {
			word, evidence, err := gauge.Word(v, file)
			switch {
			case err != nil:
				if first == nil || see.ClassOf(err) == see.Denied {
					first = err
				}
			case word != "":
				e = append(e, evidence)
				found = append(found, map[string]string{enforce: "SELinux enforcing ", current: "label ", list: "modules "}[file]+strings.ToValidUTF8(word, ""))
			}
		}
		switch {
		case len(e) > 0:
			return fact.Say(fact.Info, strings.Join(found, ", "), e...)
		case first == nil:
			return fact.Say(fact.Info, "the process has no label")
		}
		return gauge.Unseen(v, first)
	}}
}

func privports() see.Row {
	const file = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
	return see.Row{Check: fact.Check{
		ID: "sys.privports", Title: "Whether ports below 1024 may be bound", Reads: file + ", " + statusFile,
		Rule: "a configuration that needs it without the right fails", Severity: fact.SevereFail, Scope: fact.Process, Path: fact.Any,
		Why: "Without the right the start fails at the listener.",
		Fix: []fact.Fix{
			{Command: "setcap cap_net_bind_service=+ep /usr/bin/fishplate", Persist: "AmbientCapabilities=CAP_NET_BIND_SERVICE in the service's unit", Risk: "none", Who: fact.Root, Undo: "setcap -r /usr/bin/fishplate", Auto: fact.Asked},
			fact.Sysctl("net.ipv4.ip_unprivileged_port_start", "80", "every user of this machine may bind these ports", fact.Asked, false),
		},
		Sources: []string{"https://docs.kernel.org/networking/ip-sysctl.html"},
	}, Look: func(v *see.View) fact.Finding {
		set, e, err := capable(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if set>>capNetBindService&1 == 1 {
			return fact.Say(fact.OK, "the process may bind every port", e)
		}
		start, e2, err := gauge.Within(v, file, 0, 65535)
		if err != nil {
			if see.ClassOf(err) != see.Absent {
				return gauge.Unseen(v, err).With(e)
			}
			start, e2 = 1024, fact.Read(file, "absent: 1024", 1024) // before Linux 4.11
		}
		wants := v.Ours != nil && v.Ours.Privileged
		low := start
		if v.Ours != nil {
			for _, l := range v.Ours.Listeners {
				if int64(l.Port) < start && l.Port > 0 {
					wants, low = true, min(low, int64(l.Port))
				}
			}
		}
		switch {
		case low < start || wants && start > 80:
			return fact.Say(fact.Fail, fmt.Sprintf("ports below %d need a right that the process does not have", start), e, e2)
		case start <= 80:
			return fact.Say(fact.OK, fmt.Sprintf("ports from %d on may be bound", start), e, e2)
		}
		return fact.Say(fact.Info, fmt.Sprintf("ports below %d may not be bound, and none is asked for", start), e, e2)
	}}
}

func listeners() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.listeners", Title: "Others that listen where we want to", Reads: "listening sockets by inet_diag, /proc/PID/fd of the process that serves",
		Rule: "a socket of another user at an address of ours fails", Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Any,
		Why:     "The start fails, or, where both share the port, the other takes a part of our connections.",
		Fix:     []fact.Fix{{Command: "ss -ltnp 'sport = :PORT', and stop that program or move one of the two", Risk: "what the program served ends", Who: fact.Root, Undo: "start it again"}},
		Sources: []string{"https://man7.org/linux/man-pages/man7/sock_diag.7.html"},
	}, Look: func(v *see.View) fact.Finding {
		if v.Ours == nil || len(v.Ours.Listeners) == 0 {
			return fact.Say(fact.Skip, "no configuration says where we listen: "+gauge.NoOurs)
		}
		sockets, err := v.Probe.Network().Sockets.Get("inet_diag")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		own := inodes(v)
		if us := v.Serving(); us != nil && v.Live && len(own) == 0 {
			// Its sockets are where they ought to be, and cannot be told from others'.
			f := fact.Say(fact.Unknown, fmt.Sprintf("which sockets are those of process %d is not told", us.PID))
			f.RunOn = "root"
			return f
		}
		var others, same []string
		for _, s := range sockets {
			at := netip.AddrPortFrom(parseAddr(s.Address), uint16(s.Port)).String()
			for _, l := range v.Ours.Listeners {
				if l.Port != s.Port || !see.Overlap(parseAddr(l.Address), parseAddr(s.Address)) || own[s.Inode] {
					continue
				}
				if int(s.UID) == v.Probe.Self().EUID {
					same = append(same, at)
				} else {
					others = append(others, fmt.Sprintf("%s of user %d", at, s.UID))
				}
			}
		}
		e := fact.Read("inet_diag", fmt.Sprintf("%d listening sockets", len(sockets)), len(sockets))
		switch {
		case len(others) > 0:
			return fact.Say(fact.Fail, strings.Join(others, ", ")+" listens where we want to", e)
		case len(same) > 0:
			return fact.Say(fact.Info, strings.Join(same, ", ")+": a process of our user listens there, perhaps the server that runs", e)
		}
		return fact.Say(fact.OK, "nobody else listens at our addresses", e)
	}}
}

func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	return a
}

// inodes are the sockets of our own process.
func inodes(v *see.View) map[uint32]bool {
	own := map[uint32]bool{}
	if !v.Live {
		return own
	}
	pattern := "/proc/self/fd/*"
	if us := v.Serving(); us != nil && us.PID > 0 {
		pattern = fmt.Sprintf("/proc/%d/fd/*", us.PID)
	}
	for _, name := range v.Glob(pattern) {
		target, err := v.Link(name)
		number, ok := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
		if n, bad := strconv.ParseUint(number, 10, 32); err == nil && ok && bad == nil {
			own[uint32(n)] = true
		}
	}
	return own
}
