package nic

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func queues() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.queues", Title: "Queues of the card for the processors", Reads: "ethtool's channels, /sys/class/net/*/queues",
		Rule: "fewer than the card and the processors allow, or one for several processors, warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why: "One queue means that one processor takes every packet: it is the one above 80 % while the others idle.",
		Fix: []fact.Fix{
			{Command: "ethtool -L DEV combined N", Risk: "the link is down for a moment", Who: fact.Root, Undo: "ethtool -L DEV combined OLD", Auto: fact.Asked},
			{Command: "QEMU: -netdev tap,queues=N,vhost=on -device virtio-net,mq=on,vectors=2N+2", Risk: "the guest is started again", Who: fact.ByHost, Undo: "take mq=on out"},
		},
		Sources: []string{scaling},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		now, most := gauge.Queues(v, l)
		cpus := gauge.CPUs(v)
		if now == 0 || cpus == 0 {
			return gauge.Unseen(v, &see.Error{What: "queues of " + l.Name, Class: see.Hidden})
		}
		raw := fmt.Sprintf("%d of at most %d queues for %d processors", now, most, cpus)
		e := asked(l, raw, map[string]int{"now": now, "most": most, "cpus": cpus})
		switch {
		case most > 0 && now < min(most, cpus):
			return fact.Say(fact.Warn, raw, e)
		case now == 1 && cpus > 1 && most == 0:
			return fact.Say(fact.Warn, fmt.Sprintf("one queue for %d processors; how many there could be is not said", cpus), e)
		case now == 1 && cpus > 1:
			return fact.Say(fact.Warn, fmt.Sprintf("one queue for %d processors, and the card has no more", cpus), e)
		}
		return fact.Say(fact.OK, raw, e)
	})}
}

// rps is judged by what the processors did: handing packets on costs an interrupt
// between processors, which pays only when one of them is full.
func rps() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.rps", Title: "Handing packets to other processors", Reads: "/sys/class/net/*/queues/rx-*/rps_cpus, /proc/stat",
		Rule: "on with a queue for each processor, or at a container's veth, warns; off with one queue and a processor more than a quarter in soft interrupts warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "It spreads the work of one queue, and costs an interrupt between processors for each batch: 19 % fewer connections in a measurement where no processor was full.",
		Fix:     []fact.Fix{{Command: "echo MASK > /sys/class/net/DEV/queues/rx-0/rps_cpus, and compare by fishplate bench", Risk: "more interrupts between processors", Who: fact.Root, Undo: "echo 0 > the same file", Auto: fact.Asked}},
		Sources: []string{scaling},
	}, Look: func(v *see.View) fact.Finding {
		cards, err := gauge.Cards(v)
		links, _ := gauge.Links(v) // the same answer, and the same error
		end := slices.IndexFunc(links, func(l see.Link) bool { return l.Kind == "veth" && l.Up })
		if err == nil && len(cards) == 0 && end >= 0 {
			return handedAtVeth(v, links[end])
		}
		return each(handed)(v)
	}}
}

// handing are the files of a link's queues, how many of them hand packets on, and
// what they hold.
func handing(v *see.View, l see.Link) (files, on []string, e []fact.Evidence, err error) {
	dir, ok := gauge.Sysfs(v, l)
	if !ok {
		return nil, nil, nil, &see.Error{What: "/sys/class/net/" + l.Name + "/queues", Class: see.Hidden}
	}
	files = v.Glob(dir + "/queues/rx-*/rps_cpus")
	if len(files) == 0 {
		return nil, nil, nil, &see.Error{What: dir + "/queues/rx-*/rps_cpus", Class: see.Absent}
	}
	for _, file := range files {
		mask, evidence, err := gauge.Read(v, file, parse.CPUMask)
		if err != nil {
			return nil, nil, nil, err
		}
		if len(mask) > 0 {
			on = append(on, file)
		}
		if len(e) < 4 {
			e = append(e, evidence)
		}
	}
	return files, on, e, nil
}

// keep is the fix of packets that are handed on in vain.
func keep(on []string) fact.Fix {
	f := fact.Fix{Risk: "one processor takes what one queue brings", Who: fact.Root, Undo: "echo the old mask > the same file", Auto: fact.Asked}
	var lines []string
	for _, file := range on {
		lines = append(lines, "echo 0 > "+file)
		f.Set = append(f.Set, fact.Setting{File: file, Value: "0"})
	}
	f.Command = strings.Join(lines, "; ")
	return f
}

func handed(v *see.View, l see.Link) fact.Finding {
	cpus := gauge.CPUs(v)
	if cpus == 0 {
		return gauge.Unseen(v, &see.Error{What: "/sys/devices/system/cpu/online", Class: see.Hidden})
	}
	files, on, e, err := handing(v, l)
	switch {
	case err != nil:
		return gauge.Unseen(v, err)
	case len(on) > 0 && len(files) >= cpus && cpus > 1:
		return fact.Say(fact.Warn, fmt.Sprintf("on, with %d queues for %d processors: an interrupt more for each batch", len(files), cpus), e...).Mend(keep(on))
	case len(on) > 0:
		return fact.Say(fact.Info, fmt.Sprintf("on for %d of %d queues", len(on), len(files)), e...)
	case len(files) > 1 || cpus == 1:
		return fact.Say(fact.OK, fmt.Sprintf("off, with %d queues for %d processors", len(files), cpus), e...)
	}
	return alone(v, e)
}

// handedAtVeth judges our end of a pair: what comes there was sent by a processor
// of this machine, which goes on with it at once unless it is told to hand it on.
// The card behind it is the host's, so that this is never ok.
func handedAtVeth(v *see.View, l see.Link) fact.Finding {
	_, on, e, err := handing(v, l)
	switch {
	case err != nil:
		return none(v)
	case len(on) > 0:
		return fact.Say(fact.Warn, l.Name+": on at a veth, whose packets come on the processor that sent them: an interrupt more for each batch", e...).Mend(keep(on))
	}
	f := none(v)
	f.Found = l.Name + ": off at our end of a veth; " + f.Found
	return f.With(e...)
}

// alone judges one queue without RPS on several processors.
func alone(v *see.View, e []fact.Evidence) fact.Finding {
	now, _, err := gauge.Read(v, "/proc/stat", parse.ProcStat)
	if err != nil {
		return gauge.Unseen(v, err).With(e...)
	}
	var old parse.Stat
	if v.Before != nil {
		if data, err := v.Before.Read("/proc/stat"); err == nil {
			old, _ = parse.ProcStat(data) // nothing to subtract: since boot
		}
	}
	hot, share := 0, 0.0
	for _, cpu := range slices.Sorted(maps.Keys(now.CPUs)) {
		was, both := old.CPUs[cpu]
		d := now.CPUs[cpu].Minus(was)
		if total := d.Total(); total > 0 && (both || len(old.CPUs) == 0) { // else it was offline
			if s := float64(d.SoftIRQ) / float64(total); s > share {
				hot, share = cpu, s
			}
		}
	}
	e = append(e, fact.Read("/proc/stat", fmt.Sprintf("cpu%d: %.1f %% in soft interrupts %s", hot, 100*share, v.Span()), share))
	if share > 0.25 {
		return fact.Say(fact.Warn, fmt.Sprintf("off, with one queue, and processor %d spends %.0f %% of its time in soft interrupts", hot, 100*share), e...)
	}
	return fact.Say(fact.Info, fmt.Sprintf("off, with one queue; the busiest processor spends %.1f %% in soft interrupts, so it would not pay", 100*share), e...)
}

func rfs() see.Row {
	const file = "/proc/sys/net/core/rps_sock_flow_entries"
	return see.Row{Check: fact.Check{
		ID: "nic.rfs", Title: "Bringing packets to the processor of their reader", Reads: file,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Kernel, Path: fact.Card,
		Why:     "It helps kept connections. A new connection has no entry yet, so it does nothing for accepting.",
		Fix:     []fact.Fix{fact.Sysctl("net.core.rps_sock_flow_entries", "32768", "32768/queues in each rps_flow_cnt, too; more interrupts between processors", fact.Asked, true)},
		Sources: []string{scaling},
	}, Look: gauge.Judge(file, func(n int64) (fact.Status, string) {
		if n == 0 {
			return fact.Info, "off, as usual"
		}
		return fact.Info, fmt.Sprintf("%d flows", n)
	})}
}

func xps() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.xps", Title: "Which processor sends by which queue", Reads: "/sys/class/net/*/queues/tx-*/xps_cpus",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.NIC, Path: fact.Card,
		Why:     "With a queue of its own for sending, a processor does not wait for the lock of another's.",
		Fix:     []fact.Fix{{Command: "echo MASK > /sys/class/net/DEV/queues/tx-N/xps_cpus", Risk: "none", Who: fact.Root, Undo: "echo 0 > the same file", Auto: fact.Freely}},
		Sources: []string{scaling},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		dir, ok := gauge.Sysfs(v, l)
		if !ok {
			return gauge.Unseen(v, &see.Error{What: "/sys/class/net/" + l.Name + "/queues", Class: see.Hidden})
		}
		files := v.Glob(dir + "/queues/tx-*/xps_cpus")
		if len(files) == 0 {
			return gauge.Unseen(v, &see.Error{What: dir + "/queues/tx-*/xps_cpus", Class: see.Absent})
		}
		if len(files) == 1 {
			return fact.Say(fact.Skip, "one queue for sending")
		}
		set := 0
		var e []fact.Evidence
		for _, file := range files {
			// With one queue the kernel refuses to say (ENOENT); so do some drivers.
			mask, evidence, err := gauge.Read(v, file, parse.CPUMask)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			if len(mask) > 0 {
				set++
			}
			if len(e) < 4 {
				e = append(e, evidence)
			}
		}
		if set == 0 {
			return fact.Say(fact.Info, fmt.Sprintf("none of %d queues is set", len(files)), e...)
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d of %d queues are set", set, len(files)), e...)
	})}
}

func affinity() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.irq-affinity", Title: "Which processors take the card's interrupts", Reads: "/proc/interrupts",
		Rule: "more than 70 % on one processor with two queues or more warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Card,
		Why:     "Queues do not help when one processor serves them all.",
		Fix:     []fact.Fix{{Command: "echo CPU > /proc/irq/N/smp_affinity_list for each queue, and irqbalance --banirq=N", Risk: "the interrupts of other programs' traffic move, too", Who: fact.Root, Undo: "echo OLD > the same file", Auto: fact.Asked}},
		Sources: []string{"https://docs.kernel.org/core-api/irq/irq-affinity.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		const file = "/proc/interrupts"
		now, _, err := gauge.Read(v, file, parse.InterruptTable)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		var old parse.Interrupts
		if v.Before != nil {
			if data, err := v.Before.Read(file); err == nil {
				old, _ = parse.InterruptTable(data) // nothing to subtract: since boot
			}
		}
		perCPU, rows, raw := taken(v, l, now, old)
		if rows == 0 {
			return gauge.Unseen(v, &see.Error{What: file + " of " + l.Name, Class: see.Absent})
		}
		if rows == 1 {
			return fact.Say(fact.Skip, "one queue")
		}
		var sum uint64
		for _, n := range perCPU {
			sum += n
		}
		e := fact.Read(file, raw, perCPU)
		if sum < 1000 {
			return fact.Say(fact.Info, fmt.Sprintf("%d interrupts %s: too few to judge", sum, v.Span()), e)
		}
		most := slices.Max(perCPU)
		share := 100 * float64(most) / float64(sum)
		found := fmt.Sprintf("%.0f %% of %d interrupts of %d queues on processor %d", share, sum, rows, now.CPUs[slices.Index(perCPU, most)])
		if share > 70 && len(perCPU) > 1 {
			return fact.Say(fact.Warn, found, e)
		}
		return fact.Say(fact.OK, found, e)
	})}
}

// taken sums the interrupts of a card's queues by processor. Queues for sending
// alone ("output", "tx") and the card's own messages are left out.
func taken(v *see.View, l see.Link, now, old parse.Interrupts) (perCPU []uint64, rows int, raw string) {
	perCPU = make([]uint64, len(now.CPUs))
	var labels []string
	for _, row := range now.Rows {
		low := strings.ToLower(row.Label)
		tx := strings.Contains(low, "-tx-") && !strings.Contains(low, "rx") || strings.Contains(low, "-output") || strings.Contains(low, "-config") || strings.Contains(low, "mgmnt") || strings.Contains(low, "async")
		if !sameCard(v, l, row.Label) || tx {
			continue
		}
		rows++
		was, earlier := old.Row(row.Name)
		for i, n := range row.Counts {
			if !earlier {
				perCPU[i] += n // of a queue that is new
				continue
			}
			// Columns are of the processors online, and what one took that was not
			// cannot be told.
			if at := slices.Index(old.CPUs, now.CPUs[i]); at >= 0 && at < len(was.Counts) && was.Counts[at] <= n {
				perCPU[i] += n - was.Counts[at]
			}
		}
		labels = append(labels, fmt.Sprintf("%s: %d %s", row.Name, row.Total(), row.Label))
	}
	return perCPU, rows, strings.Join(labels, "; ")
}

func irqbalance() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.irqbalance", Title: "A program that moves interrupts", Reads: "/proc/*/comm",
		Rule: "running while listeners are bound to processors warns", Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Card,
		Why:     "It moves interrupts away from the processor that a listener was chosen for.",
		Fix:     []fact.Fix{{Command: "irqbalance --banirq=N for the queues of the card", Persist: "IRQBALANCE_ARGS in /etc/default/irqbalance", Risk: "their load is not balanced any more", Who: fact.Root, Undo: "take the argument out", Auto: fact.Asked}},
		Sources: []string{"https://man7.org/linux/man-pages/man1/irqbalance.1.html"},
	}, Look: func(v *see.View) fact.Finding {
		found, err := gauge.Running(v, "irqbalance")
		switch {
		case err != nil:
			return gauge.Unseen(v, err)
		case len(found) == 0 && v.Env.Contained():
			f := fact.Say(fact.Unknown, "the programs of the host are not seen from a container")
			f.RunOn = "initns"
			return f
		case len(found) == 0:
			return fact.Say(fact.OK, "no irqbalance runs", fact.Read("/proc/*/comm", "no irqbalance", false))
		}
		e := fact.Read("/proc/*/comm", "irqbalance", true)
		if v.Ours != nil && v.Ours.Shards > 1 {
			return fact.Say(fact.Warn, "irqbalance runs, and listeners are bound to processors", e)
		}
		return fact.Say(fact.Info, "irqbalance runs", e)
	}}
}

func hash() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.rss-hash", Title: "How evenly the card spreads connections", Reads: "ethtool's indirection table",
		Rule: "a queue with more than twice the share of another, or with none, warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "A queue without a place in the table gets no packets, and its processor no work.",
		Fix:     []fact.Fix{{Command: "ethtool -X DEV equal N", Risk: "connections move to other queues", Who: fact.Root, Undo: "ethtool -X DEV default", Auto: fact.Asked}},
		Sources: []string{scaling},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		card, err := v.Probe.Ethtool(l.Name)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		now, _ := gauge.Queues(v, l)
		switch {
		case now == 1:
			return fact.Say(fact.Skip, "one queue")
		case len(card.RSS) == 0 || now == 0:
			return gauge.Unseen(v, &see.Error{What: "indirection table of " + l.Name, Class: see.Hidden})
		}
		places := make([]int, now)
		for _, q := range card.RSS {
			if int(q) < now {
				places[q]++
			}
		}
		least, most := slices.Min(places), slices.Max(places)
		e := asked(l, fmt.Sprint("places of each queue: ", places), places)
		if least == 0 || most > 2*least {
			return fact.Say(fact.Warn, fmt.Sprintf("a queue has %d places of the table, another %d", least, most), e)
		}
		return fact.Say(fact.OK, fmt.Sprintf("each of %d queues has %d to %d places", now, least, most), e)
	})}
}
