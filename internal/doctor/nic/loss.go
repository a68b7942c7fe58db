package nic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// backlogs returns a reader that sums the rows of softnet_stat by name. There is a
// row for each processor that is online: with an earlier look only those count that
// both have, or a processor that comes or goes would be taken for packets lost.
func backlogs(v *see.View, file string) func([]byte) (map[string]uint64, error) {
	both := func(int) bool { return true }
	if v.Before != nil {
		now, _, err1 := see.As(v.System, file, parse.SoftnetStat)
		old, _, err2 := see.As(v.Before, file, parse.SoftnetStat)
		if err1 == nil && err2 == nil {
			both = func(cpu int) bool {
				is := func(r parse.Softnet) bool { return r.CPU == cpu }
				return slices.ContainsFunc(now, is) && slices.ContainsFunc(old, is)
			}
		}
	}
	return func(b []byte) (map[string]uint64, error) {
		rows, err := parse.SoftnetStat(b)
		return summed(slices.DeleteFunc(rows, func(r parse.Softnet) bool { return !both(r.CPU) })), err
	}
}

func summed(rows []parse.Softnet) map[string]uint64 {
	sums := map[string]uint64{} // none of the names without a row
	for _, r := range rows {
		sums["processed"] += r.Processed
		sums["dropped"] += r.Dropped
		sums["time_squeeze"] += r.Squeezed
		sums["received_rps"] += r.ReceivedRPS
		sums["flow_limit"] += r.FlowLimited
	}
	return sums
}

func softnet() see.Row {
	const file = "/proc/net/softnet_stat"
	return see.Row{Check: fact.Check{
		ID: "nic.softnet", Title: "Packets dropped because a processor was behind", Reads: file,
		Rule: "drops while looking fail, any since boot warns; more than one squeeze a second warns", Severity: fact.SevereFail, Scope: fact.Kernel, Path: fact.Any,
		Why:     "A SYN lost here costs its client a second. A squeeze means that the processor stopped with packets left to take.",
		Fix:     []fact.Fix{fact.Sysctl("net.core.netdev_max_backlog", "10000", "more waiting under overload", fact.Freely, true), fact.Sysctl("net.core.netdev_budget", "600", "programs wait longer for their turn", fact.Freely, true)},
		Sources: []string{coreDoc},
	}, Look: func(v *see.View) fact.Finding {
		c, err := gauge.Count(v, file, backlogs(v, file))
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if !c.Known("dropped") {
			return gauge.Unseen(v, c.Missing("of a processor that both looks saw"))
		}
		e := c.Evidence("processed", "dropped", "time_squeeze", "received_rps", "flow_limit")
		if n := c.Sum("dropped"); n > 0 {
			return fact.Say(c.Stricter(fact.Fail, fact.Warn), fmt.Sprintf("%d packets were dropped %s", n, v.Span()), e...)
		}
		seconds := v.Elapsed()
		if !c.Live {
			seconds = uptime(v)
		}
		n := c.Sum("time_squeeze")
		switch {
		case n > 0 && seconds == 0:
			return fact.Say(fact.Info, fmt.Sprintf("none was dropped; %d times a processor stopped with packets left", n), e...)
		case n > 0 && float64(n) > seconds:
			return fact.Say(fact.Warn, fmt.Sprintf("%.1f times a second a processor stopped with packets left", float64(n)/seconds), e...)
		}
		return fact.Say(fact.OK, "none was dropped "+v.Span(), e...)
	}}
}

// uptime is in seconds, 0 when it cannot be seen.
func uptime(v *see.View) float64 {
	text, err := v.Text("/proc/uptime")
	first, _, _ := strings.Cut(text, " ")
	seconds, bad := strconv.ParseFloat(first, 64)
	if err != nil || bad != nil || !(seconds > 0) {
		return 0
	}
	return seconds
}

// lost are the counters of /proc/net/dev as "eth0 drop".
func lost(v *see.View) (gauge.Counts, error) {
	return gauge.Count(v, "/proc/net/dev", func(b []byte) (map[string]uint64, error) {
		list, err := parse.NetDevices(b)
		values := map[string]uint64{}
		for _, d := range list {
			values[d.Name+" packets"], values[d.Name+" errs"] = d.RxPackets, d.RxErrors
			values[d.Name+" drop"], values[d.Name+" fifo"] = d.RxDrop, d.RxFIFO
		}
		return values, err
	})
}

func drops() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.drops", Title: "Packets that the card lost", Reads: "/proc/net/dev (drop, which holds what the card missed, and fifo)",
		Rule: "any while looking warns; since boot more than one in ten thousand", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "The ring was full, or there was no memory for a packet: clients wait and send again. Some drivers count packets of unknown protocols, too.",
		Fix:     []fact.Fix{{Command: "ethtool -G DEV rx MAX", Risk: "the link is down for a moment", Who: fact.Root, Undo: "ethtool -G DEV rx OLD", Auto: fact.Asked}},
		Sources: []string{"https://docs.kernel.org/networking/statistics.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		c, err := lost(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		names := []string{l.Name + " packets", l.Name + " drop", l.Name + " fifo"}
		packets, ok := c.Get(names[0])
		if !ok {
			return gauge.Unseen(v, c.Missing(l.Name))
		}
		n := c.Sum(names[1:]...)
		e := c.Evidence(names...)
		switch {
		case n > 0 && (c.Live || float64(n) > 1e-4*float64(packets)):
			return fact.Say(fact.Warn, fmt.Sprintf("%d packets of %d were lost %s", n, packets, v.Span()), e...)
		case n > 0:
			return fact.Say(fact.Info, fmt.Sprintf("%d packets of %d were lost %s", n, packets, v.Span()), e...)
		}
		return fact.Say(fact.OK, fmt.Sprintf("none of %d packets was lost %s", packets, v.Span()), e...)
	})}
}

// statistics are counters of a driver, less those of the earlier look.
func statistics(v *see.View, l see.Link) (now map[string]uint64, live bool, err error) {
	card, err := v.Probe.Ethtool(l.Name)
	if err != nil {
		return nil, false, err
	}
	if v.Before == nil {
		return card.Stats, false, nil
	}
	old, err := v.Before.Probe.Ethtool(l.Name)
	if err != nil {
		return card.Stats, false, nil // it appeared in between
	}
	now = map[string]uint64{}
	for name, n := range card.Stats {
		now[name] = n - min(n, old.Stats[name])
	}
	return now, true, nil
}

func allowance() see.Row {
	names := []string{"conntrack_allowance_exceeded", "pps_allowance_exceeded", "bw_in_allowance_exceeded", "bw_out_allowance_exceeded", "linklocal_allowance_exceeded"}
	return see.Row{Check: fact.Check{
		ID: "nic.ena-allowance", Title: "Packets that EC2 dropped or held for exceeding the instance's allowance", Reads: "ethtool's statistics of ena",
		Rule: "growth while looking fails, any since boot warns", Severity: fact.SevereFail, Scope: fact.NIC, Path: fact.Card,
		Why:     "Security groups track connections, and each instance type has a bound for that, for packets and for bytes. What exceeds it vanishes without a trace elsewhere.",
		Fix:     []fact.Fix{{Command: "a larger instance; for connections: a security group open to 0.0.0.0/0 both ways, which is not tracked, and a network ACL in its stead", Risk: "what the group kept out must be kept out elsewhere", Who: fact.Provider, Undo: "the old group or type"}},
		Sources: []string{enaDoc},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		name := gauge.Driver(v, l)
		if name == "" {
			return gauge.Unseen(v, &see.Error{What: "driver of " + l.Name, Class: see.Hidden})
		}
		if name != "ena" {
			return fact.Say(fact.Skip, "not an ENA card")
		}
		stats, live, err := statistics(v, l)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if _, ok := stats[names[0]]; !ok {
			return fact.Say(fact.Unknown, "the driver does not count it; 2.2.10 and later do")
		}
		var over []string
		for _, name := range names {
			if n := stats[name]; n > 0 {
				over = append(over, fmt.Sprintf("%s %d", name, n))
			}
		}
		if len(over) == 0 {
			return fact.Say(fact.OK, "nothing was over the allowance "+v.Span(), asked(l, names[0]+" 0", stats[names[0]]))
		}
		status := fact.Warn
		if live {
			status = fact.Fail
		}
		return fact.Say(status, strings.Join(over, ", ")+" "+v.Span(), asked(l, strings.Join(over, " "), over))
	})}
}

func gve() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.gve", Title: "Packets that gVNIC dropped", Reads: "ethtool's statistics of gve",
		Rule: "any warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "Google's card counts its own drops, which the kernel's counters do not hold.",
		Fix:     []fact.Fix{{Command: "a larger machine type, or more queues", Risk: "the machine is stopped for it", Who: fact.Provider, Undo: "the old type"}},
		Sources: []string{"https://docs.kernel.org/networking/device_drivers/ethernet/google/gve.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		name := gauge.Driver(v, l)
		if name == "" {
			return gauge.Unseen(v, &see.Error{What: "driver of " + l.Name, Class: see.Hidden})
		}
		if name != "gve" {
			return fact.Say(fact.Skip, "not a gVNIC card")
		}
		stats, _, err := statistics(v, l)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		var sum uint64
		known := false
		for name, n := range stats {
			if strings.Contains(name, "drop") && strings.HasPrefix(name, "rx") {
				known = true
				sum += n
			}
		}
		if !known {
			return gauge.Unseen(v, &see.Error{What: "drops of " + l.Name, Class: see.Hidden})
		}
		e := asked(l, fmt.Sprintf("rx drops %d", sum), sum)
		if sum > 0 {
			return fact.Say(fact.Warn, fmt.Sprintf("%d packets %s", sum, v.Span()), e)
		}
		return fact.Say(fact.OK, "none "+v.Span(), e)
	})}
}

func netvsc() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.netvsc", Title: "Whether Azure's accelerated networking carries the packets", Reads: "ethtool's statistics of hv_netvsc",
		Rule: "no packet by the direct card warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "Without it each packet passes a switch in the host's software.",
		Fix:     []fact.Fix{{Command: "az network nic update --accelerated-networking true", Risk: "the machine is stopped for it", Who: fact.Provider, Undo: "az network nic update --accelerated-networking false"}},
		Sources: []string{"https://learn.microsoft.com/azure/virtual-network/accelerated-networking-overview"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		name := gauge.Driver(v, l)
		if name == "" {
			return gauge.Unseen(v, &see.Error{What: "driver of " + l.Name, Class: see.Hidden})
		}
		if name != "hv_netvsc" {
			return fact.Say(fact.Skip, "not a card of Hyper-V")
		}
		stats, _, err := statistics(v, l)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		n, ok := stats["vf_rx_packets"]
		if !ok {
			return gauge.Unseen(v, &see.Error{What: "vf_rx_packets of " + l.Name, Class: see.Hidden})
		}
		e := asked(l, fmt.Sprintf("vf_rx_packets %d", n), n)
		if n == 0 {
			return fact.Say(fact.Warn, "no packet came by a direct card "+v.Span(), e)
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d packets came by the direct card %s", n, v.Span()), e)
	})}
}

func qdisc() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.qdisc", Title: "What queues packets for sending", Reads: "queueing disciplines by netlink",
		Rule: "drops while looking warn", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "A shaper (htb, tbf) bounds the rate by design; drops here are answers that are sent again.",
		Fix:     []fact.Fix{{Command: "tc qdisc replace dev DEV root fq", Risk: "a shaper that somebody set up is gone", Who: fact.Root, Undo: "tc qdisc del dev DEV root", Auto: fact.Asked}},
		Sources: []string{"https://man7.org/linux/man-pages/man8/tc.8.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		list, err := v.Probe.Network().Qdiscs.Get("netlink queueing disciplines")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		dropped, kinds := sent(list, l)
		if len(kinds) == 0 {
			return fact.Say(fact.Info, "none", fact.Read("netlink "+l.Name, "no discipline", nil))
		}
		if v.Before != nil {
			if old, err := v.Before.Probe.Network().Qdiscs.Get(""); err == nil {
				was, _ := sent(old, l)
				dropped -= min(dropped, was)
			}
		}
		raw := fmt.Sprintf("%s, drops %d", strings.Join(kinds, " "), dropped)
		e := fact.Read("netlink "+l.Name, raw, dropped)
		switch {
		case dropped > 0 && v.Before != nil:
			return fact.Say(fact.Warn, fmt.Sprintf("%d answers' packets were dropped %s", dropped, v.Span()), e)
		case dropped > 0 || slices.Contains(kinds, "htb") || slices.Contains(kinds, "tbf"):
			return fact.Say(fact.Info, raw+" "+v.Span(), e)
		}
		return fact.Say(fact.OK, raw+" "+v.Span(), e)
	})}
}

// sent are the drops and the kinds of the disciplines of a link. The drops of a
// parent hold those of its children.
func sent(list []see.Qdisc, l see.Link) (drops uint64, kinds []string) {
	for _, q := range list {
		if q.Link != l.Index {
			continue
		}
		drops = max(drops, q.Drops)
		if !slices.Contains(kinds, q.Kind) {
			kinds = append(kinds, q.Kind)
		}
	}
	return drops, kinds
}
