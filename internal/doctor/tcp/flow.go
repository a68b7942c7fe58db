package tcp

import (
	"fmt"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func memory() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.mem", Title: "Memory for TCP", Reads: ipv4 + "tcp_mem, " + sockstat + ", " + netstat,
		Rule: "at or above the pressure mark, or aborted connections, fails", Severity: fact.SevereFail, Scope: fact.Kernel, Path: fact.Any,
		Why:     "Under pressure the kernel shrinks windows, drops what has arrived, and at the limit aborts connections.",
		Fix:     []fact.Fix{{Command: "sysctl -w net.ipv4.tcp_mem='10 %, 20 % and 40 % of memory, in pages'", Persist: "net.ipv4.tcp_mem in /etc/sysctl.d/60-fishplate.conf", Risk: "less memory for everything else", Who: fact.Root, Undo: "write the old three numbers back", Auto: fact.Asked}},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		marks, e, err := gauge.Read(v, ipv4+"tcp_mem", parse.Numbers)
		if err == nil && len(marks) != 3 {
			err = &see.Error{What: ipv4 + "tcp_mem", Class: see.Broken}
		}
		if err != nil {
			return gauge.Unseen(v, err)
		}
		used, _, err := gauge.Read(v, sockstat, parse.Sockstat)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		pages, ok := used["TCP.mem"]
		if !ok {
			return gauge.Unseen(v, &see.Error{What: sockstat + " mem", Class: see.Absent})
		}
		e2 := fact.Read(sockstat, fmt.Sprintf("mem %d", pages), pages)
		if marks[1] > 0 && pages >= uint64(marks[1]) {
			return fact.Say(fact.Fail, fmt.Sprintf("%d pages are used, pressure begins at %d", pages, marks[1]), e, e2)
		}
		signs := []string{"TcpExt.TCPAbortOnMemory", "TcpExt.TCPMemoryPressures", "TcpExt.TCPRcvQDrop", "TcpExt.PruneCalled"}
		c, err := gauge.Count(v, netstat, parse.NetCounters)
		if err != nil {
			return fact.Say(fact.Unknown, fmt.Sprintf("%d of %d pages now; what was before cannot be seen: %v", pages, marks[1], err), e, e2)
		}
		for i, name := range signs {
			if n := c.Sum(name); n > 0 {
				status := c.Stricter(fact.Fail, fact.Warn)
				if i > 1 {
					status = fact.Info // a single socket's bound, not the machine's
				}
				return fact.Say(status, fmt.Sprintf("%s: %d %s", strings.TrimPrefix(name, "TcpExt."), n, v.Span()), e, e2).With(c.Evidence(signs...)...)
			}
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d pages are used, pressure begins at %d", pages, marks[1]), e, e2).With(c.Evidence(signs...)...)
	}}
}

func slowStart() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.slow-start-idle", Title: "Whether idle connections start slowly again", Reads: ipv4 + "tcp_slow_start_after_idle",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Card,
		Why:     "A kept connection that paused sends its next answer in small steps: a round trip or two more for large ones.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_slow_start_after_idle", "0", "bursts after a pause", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: gauge.Judge(ipv4+"tcp_slow_start_after_idle", func(n int64) (fact.Status, string) {
		if n != 0 {
			return fact.Info, "on: the first answer after a pause begins with a small window"
		}
		return fact.OK, "off"
	})}
}

func autocorking() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.autocorking", Title: "Whether small writes wait for each other", Reads: ipv4 + "tcp_autocorking",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Any,
		Why:     "The kernel holds a small segment back while an earlier one is still in the card's queue: fewer packets, and a little more time for small answers.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_autocorking", "0", "more packets", fact.Asked, false)},
		Sources: []string{ipSysctl},
	}, Look: gauge.Judge(ipv4+"tcp_autocorking", func(n int64) (fact.Status, string) {
		if n != 0 {
			return fact.Info, "on, as usual: small writes may wait for the card"
		}
		return fact.Info, "off: small writes go out at once"
	})}
}

func notSent() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.notsent", Title: "How much a socket takes before it is sent", Reads: ipv4 + "tcp_notsent_lowat",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Card,
		Why:     "What lies unsent in a socket cannot be overtaken by a more urgent stream of the same connection. A listener can set its own bound.",
		Fix:     []fact.Fix{{Command: "TCP_NOTSENT_LOWAT of 128 KiB on the listener, inherited by connections", Risk: "more wake-ups for large answers", Who: fact.Us, Undo: "unset it", Auto: fact.Already}},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		// It is an unsigned number, whose greatest value is printed as such.
		n, e, err := gauge.Read(v, ipv4+"tcp_notsent_lowat", parse.Limit)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if n >= 1<<31 {
			return fact.Say(fact.Info, "no bound: a socket takes as much as its buffer holds", e)
		}
		return fact.Say(fact.Info, fmt.Sprintf("a socket takes %d bytes beyond what is sent", n), e)
	}}
}

func congestion() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.cc", Title: "Congestion control", Reads: ipv4 + "tcp_congestion_control, " + core + "default_qdisc",
		Rule: "bbr without the fq discipline warns before Linux 4.13", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Card,
		Why:     "It plays no part in accepting connections. On ways that lose packets it decides the rate of large answers.",
		Fix:     []fact.Fix{{Command: "sysctl -w net.core.default_qdisc=fq net.ipv4.tcp_congestion_control=bbr", Persist: "both in /etc/sysctl.d/60-fishplate.conf", Risk: "other programs of this machine share the line", Who: fact.Root, Undo: "write the old names back", Auto: fact.Asked}},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		name, e, err := gauge.Word(v, ipv4+"tcp_congestion_control")
		if err == nil && name == "" {
			err = &see.Error{What: ipv4 + "tcp_congestion_control", Class: see.Broken}
		}
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if name != "bbr" {
			return fact.Say(fact.Info, name, e)
		}
		qdisc, e2, err := gauge.Word(v, core+"default_qdisc")
		kernel, kerr := gauge.Kernel(v)
		switch {
		case kerr == nil && kernel.AtLeast(4, 13):
			return fact.Say(fact.Info, "bbr, which paces by itself since Linux 4.13", e)
		case err != nil:
			return gauge.Unseen(v, err).With(e)
		case qdisc != "fq":
			return fact.Say(fact.Warn, "bbr with the discipline "+qdisc+", which does not pace", e, e2)
		}
		return fact.Say(fact.OK, "bbr with fq", e, e2)
	}}
}

func retransmits() see.Row {
	const again, out, syn = "Tcp.RetransSegs", "Tcp.OutSegs", "TcpExt.TCPSynRetrans"
	return see.Row{Check: fact.Check{
		ID: "tcp.retrans", Title: "Segments that had to be sent again", Reads: snmp + ", " + netstat,
		Rule: "more than 2 % of the segments sent warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Card,
		Why:     "Packets are lost on the way, or a queue ahead of us overflows. Old bridges that break checksums show it, too.",
		Fix:     []fact.Fix{{Command: "find where they are lost: nic.drops, nic.softnet and nic.qdisc here, then the way to the clients", Risk: "none", Who: fact.Root, Undo: "nothing was changed", Auto: fact.Never}},
		Sources: []string{snmpDoc},
	}, Look: func(v *see.View) fact.Finding {
		c, err := gauge.Count(v, snmp, parse.NetCounters)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		sent, known := c.Get(out)
		lost, also := c.Get(again)
		if !known || !also {
			return gauge.Unseen(v, c.Missing(again))
		}
		e := c.Evidence(again, out, "Tcp.EstabResets", "Tcp.AttemptFails")
		if ext, err := gauge.Count(v, netstat, parse.NetCounters); err == nil {
			e = append(e, ext.Evidence(syn)...)
		}
		if sent < 1000 {
			return fact.Say(fact.Info, fmt.Sprintf("only %d segments were sent %s: too few to judge", sent, v.Span()), e...)
		}
		share := 100 * float64(lost) / float64(sent)
		f := fact.Say(fact.OK, fmt.Sprintf("%.2f %% of %d segments were sent again %s", share, sent, v.Span()), e...)
		if share > 2 {
			f.Status = fact.Warn
		}
		return f
	}}
}

// mtu compares the interface of the default route with the packet sizes that
// clouds are known for.
func mtu() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.mtu", Title: "Packet size of the way out", Reads: "links and default routes by netlink, " + ipv4 + "tcp_mtu_probing",
		Rule: "more than 1460 on Google Cloud warns when the kernel does not probe, and less than 1280 does anywhere; behind a veth it is unknown", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "Packets that are too large for the way vanish where ICMP is blocked: short answers work, long ones hang.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_mtu_probing", "1", "none: it probes only after packets were lost", fact.Asked, true)},
		Sources: []string{ipSysctl, "https://cloud.google.com/vpc/docs/mtu"},
	}, Look: func(v *see.View) fact.Finding {
		link, size, err := wayOut(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if link.Name == "" {
			return fact.Say(fact.Skip, "there is no default route")
		}
		e := fact.Read("netlink "+link.Name, fmt.Sprintf("mtu %d", size), size)
		probing, e2, err := gauge.Number(v, ipv4+"tcp_mtu_probing")
		found := fmt.Sprintf("%d bytes by %s", size, link.Name)
		_, google := v.Env.Is(fact.Cloud, "gce")
		switch {
		case google && size > 1460 && err == nil && probing == 0:
			return fact.Say(fact.Warn, found+", where most networks of this cloud carry 1460, and the kernel does not probe", e, e2)
		case link.Kind == "veth" || v.Env.Contained():
			f := fact.Say(fact.Unknown, found+"; whether the host's way carries that is not seen from here", e)
			f.RunOn = "initns"
			return f
		case err != nil:
			return gauge.Unseen(v, err).With(e)
		case size < 1280:
			return fact.Say(fact.Warn, found+", less than IPv6 needs", e, e2)
		}
		return fact.Say(fact.Info, found, e, e2)
	}}
}

// wayOut is the interface of the default route and its packet size; no name when
// there is no such route.
func wayOut(v *see.View) (see.Link, int, error) {
	links, err := gauge.Links(v)
	if err != nil {
		return see.Link{}, 0, err
	}
	routes, err := v.Probe.Network().Routes.Get("netlink routes")
	if err != nil {
		return see.Link{}, 0, err
	}
	for _, r := range routes {
		i := slices.IndexFunc(links, func(l see.Link) bool { return l.Index == r.Link })
		if i < 0 {
			continue
		}
		size := links[i].MTU
		if r.MTU > 0 {
			size = r.MTU
		}
		return links[i], size, nil
	}
	return see.Link{}, 0, nil
}

func busyPoll() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.busy-poll", Title: "Waiting for packets by looking instead of sleeping", Reads: core + "busy_poll, busy_read",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Kernel, Path: fact.Card,
		Why:     "It spends processor time instead of a wake-up, which in a virtual machine is dear (59.8 µs against 4.4 µs in a measurement). Useful with few connections and a driver that can.",
		Fix:     []fact.Fix{fact.Sysctl("net.core.busy_read", "50", "a processor is busy while it waits", fact.Asked, true), fact.Sysctl("net.core.busy_poll", "50", "a processor is busy while it waits", fact.Asked, true)},
		Sources: []string{coreDoc},
	}, Look: func(v *see.View) fact.Finding {
		poll, e, err := gauge.Number(v, core+"busy_poll")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		read, e2, err := gauge.Number(v, core+"busy_read")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if poll == 0 && read == 0 {
			return fact.Say(fact.Info, "off, as usual", e, e2)
		}
		return fact.Say(fact.Info, fmt.Sprintf("%d µs in poll, %d µs in read", poll, read), e, e2)
	}}
}
