package tcp

import (
	"fmt"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func recycle() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.tw-recycle", Title: "The setting that drops clients behind one address", Reads: ipv4 + "tcp_tw_recycle",
		Rule: "1 fails", Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Card,
		Why:     "It drops SYNs of clients that share an address and whose clocks differ. Linux 4.12 took it out.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_tw_recycle", "0", "none", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		const file = ipv4 + "tcp_tw_recycle"
		n, e, err := gauge.Number(v, file)
		if see.ClassOf(err) == see.Absent {
			// Only a kernel that never had it may say so: the file is missing in
			// a namespace where settings are hidden, too.
			if kernel, kerr := gauge.Kernel(v); kerr == nil && kernel.AtLeast(4, 12) {
				return fact.Say(fact.OK, "Linux "+kernel.String()+" does not have it any more", fact.Read("/proc/sys/kernel/osrelease", kernel.String(), kernel))
			}
		}
		switch {
		case err != nil:
			return gauge.Unseen(v, err)
		case n != 0:
			return fact.Say(fact.Fail, "on: clients behind one address lose connections", e)
		}
		return fact.Say(fact.OK, "off", e)
	}}
}

func reuse() see.Row {
	stamped := fact.Sysctl("net.ipv4.tcp_timestamps", "1", "12 bytes a packet", fact.Freely, false)
	return see.Row{Check: fact.Check{
		ID: "tcp.tw-reuse", Title: "Whether outgoing connections may use ports that wait", Reads: ipv4 + "tcp_tw_reuse, tcp_timestamps, tcp_tw_reuse_delay",
		Rule: "0, or no timestamps, warns; 2 is information", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "Without it a source address has 28,232 ports a minute for one server: 470 connections a second. Exhausted, each connect searched 227 µs for a port in a measurement.",
		Fix:     []fact.Fix{stamped, fact.Sysctl("net.ipv4.tcp_tw_reuse", "1", "none with timestamps", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Within(v, ipv4+"tcp_tw_reuse", 0, 2)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		stamps, e2, err := gauge.Number(v, ipv4+"tcp_timestamps")
		switch {
		case n == 0:
			return fact.Say(fact.Warn, "off: a port is free again after 60 s", e)
		case err != nil:
			return fact.Say(fact.Unknown, "on, but whether there are timestamps, which it needs, cannot be seen: "+err.Error(), e)
		case stamps == 0:
			return fact.Say(fact.Warn, "timestamps are off, without which it does nothing", e, e2).Mend(stamped)
		case n == 2:
			return fact.Say(fact.Info, "for connections on loopback alone", e, e2)
		}
		return fact.Say(fact.OK, "on, with timestamps", e, e2)
	}}
}

func timeWait() see.Row {
	const overflow = "TcpExt.TCPTimeWaitOverflow"
	return see.Row{Check: fact.Check{
		ID: "tcp.tw-buckets", Title: "Room for connections in TIME_WAIT", Reads: sockstat + ", " + ipv4 + "tcp_max_tw_buckets, " + netstat,
		Rule: "more than 80 % taken, or an overflow, warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "The side that closes first keeps a connection for 60 s. Beyond the bound the kernel forgets them at once, and late packets reach new connections.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_max_tw_buckets", "2000000", "250 bytes of kernel memory each", fact.Freely, true)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		most, e, err := gauge.Number(v, ipv4+"tcp_max_tw_buckets")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		used, _, err := gauge.Read(v, sockstat, parse.Sockstat)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		tw, ok := used["TCP.tw"]
		if !ok {
			return gauge.Unseen(v, &see.Error{What: sockstat + " tw", Class: see.Absent})
		}
		f := fact.Say(fact.OK, fmt.Sprintf("%d of %d places for TIME_WAIT are taken", tw, most), e, fact.Read(sockstat, fmt.Sprintf("tw %d", tw), tw))
		if most > 0 && float64(tw) > 0.8*float64(most) {
			f.Status = fact.Warn
		}
		c, err := gauge.Count(v, netstat, parse.NetCounters)
		if err == nil && !c.Known(overflow) {
			err = c.Missing(overflow)
		}
		switch {
		case err == nil && c.Sum(overflow) > 0:
			f.Status, f.Found = fact.Warn, fmt.Sprintf("%s, and it was full %d times %s", f.Found, c.Sum(overflow), v.Span())
		case err != nil && f.Status == fact.OK:
			unseen := gauge.Unseen(v, err)
			unseen.Found = f.Found + "; whether it was ever full cannot be seen: " + unseen.Found
			return unseen.With(f.Evidence...)
		}
		return f.With(c.Evidence(overflow)...)
	}}
}

func ports() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.ports", Title: "Ports for connections to servers", Reads: ipv4 + "ip_local_port_range, ip_local_reserved_ports",
		Rule: "fewer than 28,000 warn", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "A connection to a server takes one of these for each pair of addresses, and 60 s longer when we close it. Keeping connections to servers is the greater help.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.ip_local_port_range", "1024 65535", "put the ports of listeners above 1024 into net.ipv4.ip_local_reserved_ports first", fact.Asked, false)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		r, e, err := gauge.Read(v, ipv4+"ip_local_port_range", parse.Numbers)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if len(r) != 2 || r[0] > r[1] || r[0] < 0 || r[1] > 65535 {
			return gauge.Unseen(v, &see.Error{What: ipv4 + "ip_local_port_range", Class: see.Broken})
		}
		n := r[1] - r[0] + 1
		found := fmt.Sprintf("%d ports: %d connections a second to one server, when each is used once and none is reused", n, n/60)
		if n < 28000 {
			return fact.Say(fact.Warn, found, e)
		}
		return fact.Say(fact.OK, found, e)
	}}
}

func finTimeout() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.fin-timeout", Title: "How long half-closed connections are kept", Reads: ipv4 + "tcp_fin_timeout",
		Rule: "more than 60 s warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Card,
		Why:     "Clients that never close their side pile up memory for that long.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_fin_timeout", "30", "a client that closes later than that is reset", fact.Freely, false)},
		Sources: []string{ipSysctl},
	}, Look: gauge.Judge(ipv4+"tcp_fin_timeout", func(n int64) (fact.Status, string) {
		found := fmt.Sprintf("a half-closed connection is kept for %d s", n)
		if n > 60 {
			return fact.Warn, found
		}
		return fact.OK, found
	})}
}

func orphans() see.Row {
	return see.Row{Check: fact.Check{
		ID: "tcp.orphans", Title: "Room for closed connections that still send", Reads: sockstat + ", " + ipv4 + "tcp_max_orphans",
		Rule: "more than half taken warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "Beyond the bound the kernel resets connections that were closed with data still to send.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_max_orphans", "262144", "64 KiB of kernel memory each at worst", fact.Asked, true)},
		Sources: []string{ipSysctl},
	}, Look: func(v *see.View) fact.Finding {
		most, e, err := gauge.Number(v, ipv4+"tcp_max_orphans")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		used, _, err := gauge.Read(v, sockstat, parse.Sockstat)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		n, ok := used["TCP.orphan"]
		if !ok {
			return gauge.Unseen(v, &see.Error{What: sockstat + " orphan", Class: see.Absent})
		}
		f := fact.Say(fact.OK, fmt.Sprintf("%d of %d", n, most), e, fact.Read(sockstat, fmt.Sprintf("orphan %d", n), n))
		if float64(n) > 0.5*float64(most) {
			f.Status = fact.Warn
		}
		return f
	}}
}
