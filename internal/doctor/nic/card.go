package nic

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/see"
)

// each is the rule of a row that looks at every card; the worst is reported, with
// the sentences of all that are as bad.
func each(rule func(v *see.View, l see.Link) fact.Finding) func(*see.View) fact.Finding {
	return func(v *see.View) fact.Finding {
		cards, err := gauge.Cards(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if len(cards) == 0 {
			return none(v)
		}
		order := fact.Statuses()
		var worst fact.Finding
		for i, l := range cards {
			f := rule(v, l)
			f.Found = l.Name + ": " + f.Found
			switch now, was := slices.Index(order, f.Status), slices.Index(order, worst.Status); {
			case i == 0 || now < was:
				worst = f
			case now == was:
				worst.Found += "; " + f.Found
				worst = worst.With(f.Evidence...)
			}
		}
		return worst
	}
}

// none is the finding where there is no card: behind a veth it is the host's.
func none(v *see.View) fact.Finding {
	links, err := gauge.Links(v)
	if err == nil && !v.Env.Contained() && !slices.ContainsFunc(links, func(l see.Link) bool { return l.Kind == "veth" }) {
		return fact.Say(fact.Skip, "there is no network card that is up")
	}
	f := fact.Say(fact.Unknown, "the card is in the host's network namespace")
	f.RunOn = "initns"
	return f
}

// asked is what the driver of a card says, with the evidence of a part of it.
func asked(l see.Link, raw string, parsed any) fact.Evidence {
	return fact.Read("ethtool "+l.Name, raw, parsed)
}

// emulated are drivers of cards that a hypervisor makes up in software, slow are
// those that pass each packet through a copy in the host.
var (
	emulated = []string{"e1000", "e1000e", "8139cp", "8139too", "rtl8139", "ne2k-pci", "pcnet32", "tulip", "de2104x"}
	slow     = []string{"vif", "xen_netfront", "xen-netfront", "vmxnet", "vmxnet2"}
	direct   = []string{"ixgbevf", "iavf", "i40evf", "igbvf", "mlx4_en", "mlx5_core", "ena", "gve", "mana", "efa"}
	paravirt = []string{"virtio_net", "vmxnet3", "hv_netvsc"}
)

func driver() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.driver", Title: "How packets reach this machine", Reads: "ethtool's driver, /sys/class/net/*/device/driver",
		Rule: "an emulated card in a guest fails, netfront and netvsc without its direct card warn", Severity: fact.SevereFail, Scope: fact.NIC, Path: fact.Card,
		Why:     "An emulated card leaves the guest several times for each packet; a paravirtual one once for many; a direct one not at all.",
		Fix:     []fact.Fix{{Command: "give the machine virtio, vmxnet3 or a direct card (ENA, gVNIC, accelerated networking)", Risk: "the machine is stopped for it, and the interface may be named anew", Who: fact.ByHost, Undo: "choose the old kind of card"}},
		Sources: []string{manual},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		name := gauge.Driver(v, l)
		if name == "" {
			return gauge.Unseen(v, &see.Error{What: "driver of " + l.Name, Class: see.Hidden})
		}
		e := asked(l, "driver "+name, name)
		switch {
		case slices.Contains(emulated, name) && v.Env.Guest():
			return fact.Say(fact.Fail, name+", an emulated card", e)
		case slices.Contains(slow, name):
			return fact.Say(fact.Warn, name+", which copies packets in the host", e)
		case name == "hv_netvsc" && !below(v, l):
			return fact.Say(fact.Warn, "hv_netvsc without a direct card below it", e)
		case slices.Contains(direct, name) || slices.Contains(paravirt, name):
			return fact.Say(fact.OK, name, e)
		case v.Env.Guest():
			return fact.Say(fact.Info, name+", which this catalogue does not know", e)
		}
		return fact.Say(fact.OK, name, e)
	})}
}

// below reports whether another card serves l, as the direct card serves netvsc.
func below(v *see.View, l see.Link) bool {
	links, err := gauge.Links(v)
	return err == nil && slices.ContainsFunc(links, func(o see.Link) bool { return o.Master == l.Index && o.Up })
}

func passthrough() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.sriov", Title: "Whether the card is passed through", Reads: "ethtool's driver, /sys/class/net/*/device/physfn",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.NIC, Path: fact.Card,
		Why:     "A card of its own saves the copy in the host and the host's scheduling of it.",
		Fix:     []fact.Fix{{Command: "pass a virtual function of the card to the guest", Risk: "live migration may become impossible", Who: fact.ByHost, Undo: "take it out of the guest"}},
		Sources: []string{"https://docs.kernel.org/PCI/pci-iov-howto.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		name := gauge.Driver(v, l)
		if name == "" {
			return gauge.Unseen(v, &see.Error{What: "driver of " + l.Name, Class: see.Hidden})
		}
		e := asked(l, "driver "+name, name)
		if _, err := v.Link("/sys/class/net/" + l.Name + "/device/physfn"); err == nil {
			return fact.Say(fact.OK, "a virtual function of a card", e)
		}
		switch {
		case slices.Contains(direct, name), name == "hv_netvsc" && below(v, l):
			return fact.Say(fact.OK, "direct, by "+name, e)
		case v.Env.Guest():
			return fact.Say(fact.Info, name+" passes through the host", e)
		}
		return fact.Say(fact.Skip, "the card itself, by "+name, e)
	})}
}

func coalesce() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.coalesce", Title: "Moderation of interrupts", Reads: "ethtool's coalescing",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.NIC, Path: fact.Card,
		Why:     "Each interrupt leaves the guest where interrupts are not posted; waiting some microseconds gathers packets.",
		Fix:     []fact.Fix{{Command: "ethtool -C DEV adaptive-rx on", Risk: "some microseconds for each packet", Who: fact.Root, Undo: "ethtool -C DEV adaptive-rx off", Auto: fact.Asked}},
		Sources: []string{manual},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		card, err := v.Probe.Ethtool(l.Name)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if card.Coalesce == nil {
			return fact.Say(fact.Skip, "the driver cannot say")
		}
		c := *card.Coalesce
		raw := fmt.Sprintf("adaptive-rx %t rx-usecs %d", c.AdaptiveRX, c.RXUsecs)
		return fact.Say(fact.Info, raw, asked(l, raw, c))
	})}
}

// wanted are the offloads that a card should have on, as the kernel names them.
var wanted = []string{"tx-scatter-gather", "tx-tcp-segmentation", "tx-generic-segmentation", "rx-gro"}

func offloads() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.offloads", Title: "Work that the card takes over", Reads: "ethtool's features",
		Rule: "segmentation, scatter-gather or GRO off warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "Without them the kernel handles each packet of an answer by itself. Off was once advice for Xen bridges with broken checksums; for connections it costs 3 % (measured on veth).",
		Fix:     []fact.Fix{{Command: "ethtool -K DEV sg on tso on gso on gro on", Risk: "old Xen bridges break checksums: watch tcp.retrans", Who: fact.Root, Undo: "ethtool -K DEV FEATURE off", Auto: fact.Asked}},
		Sources: []string{"https://docs.kernel.org/networking/segmentation-offloads.html"},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		card, err := v.Probe.Ethtool(l.Name)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		var off, on []string
		for _, name := range wanted {
			if state, ok := card.Features[name]; ok && state {
				on = append(on, name)
			} else if ok {
				off = append(off, name)
			}
		}
		if len(on)+len(off) == 0 {
			return gauge.Unseen(v, &see.Error{What: "features of " + l.Name, Class: see.Hidden})
		}
		e := asked(l, "on: "+strings.Join(on, " ")+"; off: "+strings.Join(off, " "), off)
		if len(off) > 0 {
			return fact.Say(fact.Warn, strings.Join(off, ", ")+" off", e)
		}
		return fact.Say(fact.OK, strings.Join(on, ", ")+" on", e)
	})}
}

func queueLength() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.txqueuelen", Title: "Length of the queue for sending", Reads: "links by netlink",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.NIC, Path: fact.Card,
		Why:     "A short queue drops bursts of answers before they reach the card; old Xen drivers had 32.",
		Fix:     []fact.Fix{{Command: "ip link set DEV txqueuelen 1000", Risk: "some more waiting under load", Who: fact.Root, Undo: "ip link set DEV txqueuelen OLD", Auto: fact.Freely}},
		Sources: []string{"https://man7.org/linux/man-pages/man8/ip-link.8.html"},
	}, Look: each(func(_ *see.View, l see.Link) fact.Finding {
		e := fact.Read("netlink "+l.Name, fmt.Sprintf("qlen %d", l.TxLen), l.TxLen)
		if l.TxLen < 500 {
			return fact.Say(fact.Info, fmt.Sprintf("%d packets", l.TxLen), e)
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d packets", l.TxLen), e)
	})}
}

func ring() see.Row {
	return see.Row{Check: fact.Check{
		ID: "nic.ring", Title: "Length of the card's ring", Reads: "ethtool's rings, /proc/net/dev",
		Rule: "less than half of the greatest length while packets are lost warns", Severity: fact.SevereWarn, Scope: fact.NIC, Path: fact.Card,
		Why:     "The ring holds what comes in while the virtual processor does not run.",
		Fix:     []fact.Fix{{Command: "ethtool -G DEV rx MAX", Risk: "the link is down for a moment", Who: fact.Root, Undo: "ethtool -G DEV rx OLD", Auto: fact.Asked}},
		Sources: []string{manual},
	}, Look: each(func(v *see.View, l see.Link) fact.Finding {
		card, err := v.Probe.Ethtool(l.Name)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if card.Ring == nil || card.Ring.MaxRX == 0 {
			return fact.Say(fact.Skip, "the driver has no rings to set")
		}
		r := *card.Ring
		raw := fmt.Sprintf("%d of %d descriptors", r.RX, r.MaxRX)
		e := asked(l, "rx "+raw, r)
		if 2*uint64(r.RX) >= uint64(r.MaxRX) {
			return fact.Say(fact.OK, raw, e)
		}
		c, err := lost(v)
		if err != nil {
			return gauge.Unseen(v, err).With(e)
		}
		if n := c.Sum(l.Name+" drop", l.Name+" fifo"); n > 0 {
			return fact.Say(fact.Warn, fmt.Sprintf("%s, and %d packets were lost %s", raw, n, v.Span()), e).With(c.Evidence(l.Name+" drop", l.Name+" fifo")...)
		}
		return fact.Say(fact.Info, raw+", and nothing was lost", e)
	})}
}

// sameCard reports whether an interrupt's label is of a card: by the interface's
// name, the name of its virtio device, or its address on the bus.
func sameCard(v *see.View, l see.Link, label string) bool {
	names := []string{l.Name}
	if card, err := v.Probe.Ethtool(l.Name); err == nil && strings.Contains(card.Bus, ":") {
		names = append(names, "pci:"+card.Bus)
	}
	if target, err := v.Link("/sys/class/net/" + l.Name + "/device"); err == nil {
		names = append(names, path.Base(target))
	}
	for word := range strings.FieldsSeq(label) {
		word = strings.TrimSuffix(word, ",")
		for _, name := range names {
			if word == name || strings.HasPrefix(word, name+"-") || strings.HasPrefix(name, "pci:") && strings.HasSuffix(word, name) {
				return true
			}
		}
	}
	return false
}
