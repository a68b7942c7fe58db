package tcp

import (
	"fmt"
	"net"
	"strconv"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func somaxconn() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.somaxconn", Title: "How long the queue before accept may be", Reads: core + "somaxconn",
		Rule: "below 4096 warns, below 1024 fails", Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Any,
		Why:     "The kernel cuts the backlog of every listener to this without a word. The queue must hold what arrives while nobody accepts: 30,000 connections a second and a gap of 100 ms are 3,000.",
		Fix:     []fact.Fix{fact.Sysctl("net.core.somaxconn", "65535", "none; a listener takes it when it calls listen again", fact.Freely, true)},
		Sources: []string{coreDoc},
	}, Look: gauge.Judge(core+"somaxconn", func(n int64) (fact.Status, string) {
		found := fmt.Sprintf("a listener may hold %d connections that wait for accept", n)
		switch {
		case n < 1024:
			return fact.Fail, found
		case n < 4096:
			return fact.Warn, found
		}
		return fact.OK, found
	})}
}

func synBacklog() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.max_syn_backlog", Title: "How many handshakes may be half open", Reads: ipv4 + "tcp_max_syn_backlog",
		Rule: "below 4096 warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "Without syncookies a SYN beyond this is dropped, and its client waits a second before the next.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_max_syn_backlog", "65535", "256 bytes of kernel memory for each half-open handshake", fact.Freely, true)},
		Sources: []string{ipSysctl},
	}, Look: gauge.Judge(ipv4+"tcp_max_syn_backlog", func(n int64) (fact.Status, string) {
		if n < 4096 {
			return fact.Warn, fmt.Sprintf("%d half-open handshakes without syncookies", n)
		}
		return fact.OK, fmt.Sprintf("%d half-open handshakes", n)
	})}
}

func syncookies() see.Row {
	on := fact.Sysctl("net.ipv4.tcp_syncookies", "1", "connections made by a cookie lose TCP options when timestamps are off", fact.Freely, false)
	return see.Row{Check: fact.Check{
		ID: "tcp.syncookies", Title: "Syncookies: on as a fallback, and whether they are used", Reads: ipv4 + "tcp_syncookies, " + netstat,
		Rule: "0 fails, 2 warns, cookies that were sent warn", Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Any,
		Why:     "Without them a flood of SYNs shuts the door. They make nothing faster (measured: no difference on loopback): when they are sent without an attack, the backlog is too small.",
		Fix:     append([]fact.Fix{on}, longer()...),
		Sources: []string{ipSysctl, snmpDoc},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, ipv4+"tcp_syncookies")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		switch n {
		case 0:
			return fact.Say(fact.Fail, "off: a flood of SYNs fills the queue of half-open handshakes", e).Mend(on)
		case 2:
			return fact.Say(fact.Warn, "sent for every handshake, also without need", e).Mend(on)
		}
		c, err := gauge.Count(v, netstat, parse.NetCounters)
		if err != nil {
			return fact.Say(fact.Unknown, "on, but whether they are used cannot be seen: "+err.Error(), e)
		}
		const sent = "TcpExt.SyncookiesSent"
		if !c.Known(sent) {
			return fact.Say(fact.Unknown, "on, but whether they are used cannot be seen: "+c.Missing(sent).Error(), e)
		}
		if n := c.Sum(sent); n > 0 {
			return fact.Say(fact.Warn, fmt.Sprintf("%d were sent %s: a flood, or a backlog that is too small", n, v.Span()), e).With(c.Evidence(sent, "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed")...)
		}
		return fact.Say(fact.OK, "on, and none was sent "+v.Span(), e).With(c.Evidence(sent)...)
	}}
}

// longer makes the queues of listeners longer: both are bounded by the backlog, and
// the kernel bounds that.
func longer() []fact.Fix {
	return []fact.Fix{
		{Command: "raise accept.backlog of the listener, and fishplate reload", Risk: "none", Who: fact.Us, Undo: "fishplate rollback", Auto: fact.Never},
		fact.Sysctl("net.core.somaxconn", "65535", "none; a listener takes it when it calls listen again", fact.Freely, true),
	}
}

// overflow judges the counters of the namespace, and the queues of each listener
// when the kernel says them.
func overflow() see.Row {
	const overflows, drops = "TcpExt.ListenOverflows", "TcpExt.ListenDrops"
	return see.Row{Check: fact.Check{
		ID: "tcp.listen-overflow", Title: "Connections lost because the queue before accept was full", Reads: netstat + ", the queues of listening sockets by inet_diag; of our own by TCP_INFO and SO_MEMINFO",
		Rule: "growth while looking fails, any since boot warns, a queue that is half full warns; of our own listeners the cause is told, and what others lost warns at most", Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Any,
		Why: "Each one costs its client a second: the SYN is sent again after that. The rate hardly shows it (26,500 against 23,700 connections a second in a measurement), the 99th percentile does: 1,052 ms against 133 ms.",
		Fix: []fact.Fix{
			{Command: "raise the backlog of the listener, and add acceptors", Risk: "none", Who: fact.Us, Undo: "set the old backlog", Auto: fact.Already},
			fact.Sysctl("net.core.somaxconn", "65535", "none", fact.Freely, true),
		},
		Sources: []string{snmpDoc},
	}, Look: func(v *see.View) fact.Finding {
		c, err := gauge.Count(v, netstat, parse.NetCounters)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if !c.Known(overflows) {
			return gauge.Unseen(v, c.Missing(overflows))
		}
		e := c.Evidence(overflows, drops)
		if f, ok := ourOverflow(v, c, e); ok {
			return f
		}
		if f, ok := othersOverflow(v, c, e); ok {
			return f
		}
		if full, ok := fullest(v); ok {
			e = append(e, fact.Read("inet_diag", fmt.Sprintf("%s queue %d of %d", net.JoinHostPort(full.Address, strconv.Itoa(full.Port)), full.Queue, full.Backlog), full.Queue))
			if 2*uint64(full.Queue) > uint64(full.Backlog) && full.Queue > 0 {
				status := fact.Warn
				if c.Sum(overflows) > 0 {
					status = c.Stricter(fact.Fail, fact.Warn)
				}
				return fact.Say(status, fmt.Sprintf("%d of %d places before accept are taken at port %d, %d overflows %s", full.Queue, full.Backlog, full.Port, c.Sum(overflows), v.Span()), e...)
			}
		}
		if n := c.Sum(overflows); n > 0 {
			return fact.Say(c.Stricter(fact.Fail, fact.Warn), fmt.Sprintf("%d connections were lost %s because a queue before accept was full", n, v.Span()), e...)
		}
		if n := c.Sum(drops); n > 0 {
			return fact.Say(fact.Warn, fmt.Sprintf("%d SYNs were dropped by listeners %s, for want of memory or of a request's place", n, v.Span()), e...)
		}
		return fact.Say(fact.OK, "no queue before accept was full "+v.Span(), e...)
	}}
}

// fullest is the listener whose queue is fullest.
func fullest(v *see.View) (full see.Socket, ok bool) {
	sockets, err := v.Probe.Network().Sockets.Get("inet_diag")
	if err != nil {
		return full, false
	}
	for _, s := range sockets {
		if s.Backlog > 0 && (!ok || uint64(s.Queue)*uint64(full.Backlog) > uint64(full.Queue)*uint64(s.Backlog)) {
			full, ok = s, true
		}
	}
	return full, ok
}

func requestQueue() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.reqq-full", Title: "Handshakes dropped or cookied because too many were half open", Reads: netstat,
		Rule: "any warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "The queue of half-open handshakes is as long as the backlog of the listener: when it is full, SYNs are dropped or answered by a cookie.",
		Fix:     append(longer(), fact.Sysctl("net.ipv4.tcp_max_syn_backlog", "65535", "256 bytes of kernel memory for each half-open handshake", fact.Freely, true)),
		Sources: []string{snmpDoc},
	}, Look: gauge.Grown(netstat, parse.NetCounters, fact.Warn, fact.Warn, "TcpExt.TCPReqQFullDrop", "TcpExt.TCPReqQFullDoCookies")}
}

func abortOnOverflow() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.abort-on-overflow", Title: "Whether an overflow resets the client", Reads: ipv4 + "tcp_abort_on_overflow",
		Rule: "1 warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "A short burst then makes errors where a second try would have come through.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_abort_on_overflow", "0", "none", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: gauge.Judge(ipv4+"tcp_abort_on_overflow", func(n int64) (fact.Status, string) {
		if n != 0 {
			return fact.Warn, "on: a full queue resets clients"
		}
		return fact.OK, "off: a full queue lets clients try again"
	})}
}

func deferAccept() see.Row {
	const name = "TcpExt.TCPDeferAcceptDrop"
	return see.Row{Check: fact.Check{
		ID: "tcp.defer-accept", Title: "Handshakes that wait for their first byte", Reads: netstat,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Any,
		Why:     "With deferred accept the last packet of a handshake is dropped until data comes: this counter grows, and it is not an error.",
		Sources: []string{snmpDoc},
	}, Look: gauge.Grown(netstat, parse.NetCounters, fact.Info, fact.Info, name)}
}

func fastOpen() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.fastopen", Title: "TCP Fast Open for our listeners", Reads: ipv4 + "tcp_fastopen, " + netstat,
		Rule: "wanted by the configuration but off in the kernel warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Card,
		Why:     "It saves one round trip on long ways and no processor time (measured: 1.2 % more on loopback). The request may come twice, so it is for idempotent requests and TLS.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_fastopen", "3", "requests may be replayed by who can see packets", fact.Freely, false)},
		Sources: []string{ipSysctl, "https://www.rfc-editor.org/rfc/rfc7413"},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, ipv4+"tcp_fastopen")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		wanted := v.Ours != nil && v.Ours.FastOpen
		switch {
		case n&2 == 0 && wanted:
			return fact.Say(fact.Warn, "a listener wants it, and the kernel has it off for servers", e)
		case n&2 == 0:
			return fact.Say(fact.Info, "off for servers, and not asked for", e)
		}
		f := fact.Say(fact.Info, "on for servers", e)
		if wanted {
			f.Status = fact.OK
		}
		if c, err := gauge.Count(v, netstat, parse.NetCounters); err == nil {
			f = f.With(c.Evidence("TcpExt.TCPFastOpenPassive", "TcpExt.TCPFastOpenPassiveFail", "TcpExt.TCPFastOpenListenOverflow", "TcpExt.TCPFastOpenBlackhole")...)
		}
		return f
	}}
}

func migrate() see.Row {
	const needless = "; fishplate accepts that before it closes one"
	return see.Row{Check: fact.Check{
		ID: "tcp.migrate-req", Title: "What becomes of waiting connections when a listener closes", Reads: ipv4 + "tcp_migrate_req",
		Rule: "never worse than information: fishplate loses none without it", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Any,
		Why:     "A server that closes one of several sockets at an address resets what waits in its queue: 55 connections per close in a measurement, none with this set. Fishplate hides a socket from new clients first, and accepts all that wait, before it closes it.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_migrate_req", "1", "set it before the listeners are made", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Within(v, ipv4+"tcp_migrate_req", 0, 1)
		if see.ClassOf(err) == see.Absent {
			_, gvisor := v.Env.Is(fact.Container, "gvisor")
			_, wsl := v.Env.Is(fact.Container, "wsl1")
			// What is no Linux answers with a version all the same.
			if kernel, kerr := gauge.Kernel(v); kerr == nil && !kernel.AtLeast(5, 14) && !gvisor && !wsl {
				return fact.Say(fact.Info, "Linux "+kernel.String()+" cannot hand waiting connections to another listener (5.14 can)"+needless)
			}
		}
		switch {
		case err != nil:
			return gauge.Unseen(v, err)
		case n == 0:
			return fact.Say(fact.Info, "off: a listener that closes resets what waits at it"+needless, e)
		}
		return fact.Say(fact.OK, "connections that wait go over to another listener of the address", e)
	}}
}

func backlogDrop() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.backlog-drop", Title: "Packets dropped because their socket was busy for too long", Reads: netstat,
		Rule: "any warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "While a process works on a socket, packets for it wait in a queue of the socket; when that overflows the processor of the interrupts and that of the process stand in each other's way.",
		Fix:     []fact.Fix{{Command: "spread connections over more listeners, and keep each on the processor of its queue", Risk: "none", Who: fact.Us, Undo: "set the old number of listeners", Auto: fact.Already}},
		Sources: []string{snmpDoc},
	}, Look: gauge.Grown(netstat, parse.NetCounters, fact.Warn, fact.Warn, "TcpExt.TCPBacklogDrop")}
}
