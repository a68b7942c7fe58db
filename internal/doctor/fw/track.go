package fw

import (
	"fmt"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

const (
	tracked = "/proc/sys/net/netfilter/nf_conntrack_count"
	most    = "/proc/sys/net/netfilter/nf_conntrack_max"
)

// without reports whether the lack of a file below /proc/sys/net means that the
// kernel does not do the thing: the settings are there, and they are those of
// the machine.
func without(v *see.View, err error) (fact.Evidence, bool) {
	const settings = "/proc/sys/net/ipv4"
	there, seen := v.Exists(settings)
	if see.ClassOf(err) != see.Absent || v.Env.Contained() || !there || seen != nil {
		return fact.Evidence{}, false
	}
	return fact.Read(settings, "there, and nothing of this beside it", false), true
}

// untracked is without for the number of connections: a kernel that bounds it does
// track them, and one of its files is missing.
func untracked(v *see.View, err error) (fact.Evidence, bool) {
	if bound, unseen := v.Exists(most); bound || unseen != nil {
		return fact.Evidence{}, false
	}
	return without(v, err)
}

// older are the tables of the iptables before nf_tables. Their rules are counted
// nowhere; an error says that even their names cannot be seen.
func older(v *see.View) ([]string, error) {
	var names []string
	for _, file := range []string{"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"} {
		text, err := v.Text(file)
		if err != nil && see.ClassOf(err) != see.Absent {
			return names, err
		}
		names = append(names, strings.Fields(text)...)
	}
	return names, nil
}

// chains are those of nf_tables.
func chains(v *see.View) ([]see.Chain, error) {
	return v.Probe.Network().Chains.Get("nf_tables")
}

func tracking() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.conntrack-on", Title: "Whether connections are tracked", Reads: tracked + ", the chains of nf_tables, /proc/net/ip_tables_names",
		Rule: "tracking in our network namespace warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "Tracking takes 7 to 9 µs for each connection: 12 to 15 % fewer in a measurement. An exception for our ports gave back no more than 3 points; having no rule that asks for the state gives it all.",
		Fix:     []fact.Fix{{Command: "accept our ports without ct, state or NAT rules; else nft add rule raw prerouting tcp dport {80,443} notrack, and output sport", Risk: "what the rules kept out must be kept out by others", Who: fact.Root, Undo: "add the rules again", Auto: fact.Never}},
		Sources: []string{conntrackDoc, nftDoc},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, tracked)
		if err != nil {
			if absent, ok := untracked(v, err); ok {
				return fact.Say(fact.OK, "the kernel does not track connections", absent)
			}
			return gauge.Unseen(v, err)
		}
		list, err := chains(v)
		var asking []string
		for _, c := range list {
			if c.Conntrack {
				asking = append(asking, c.Table+" "+c.Name)
			}
		}
		tables, oldErr := older(v)
		if slices.Contains(tables, "nat") {
			asking = append(asking, "iptables nat")
		}
		if err == nil {
			err = oldErr
		}
		switch {
		case len(asking) > 0:
			return fact.Say(fact.Warn, fmt.Sprintf("%d connections are tracked, since %s asks for it", n, strings.Join(asking[:min(3, len(asking))], ", ")), e, fact.Read("nf_tables", strings.Join(asking, "; "), len(asking)))
		case n > 0:
			return fact.Say(fact.Warn, fmt.Sprintf("%d connections are tracked", n), e)
		case err != nil:
			return gauge.Unseen(v, err).With(e)
		case len(tables) > 0:
			f := fact.Say(fact.Unknown, "none is tracked now; whether the older iptables ask for it, iptables-save says", e)
			f.RunOn = "root"
			return f
		}
		return fact.Say(fact.OK, "no connection is tracked, and no rule asks for it", e, fact.Read("nf_tables", fmt.Sprintf("%d chains, none of them asks for the state", len(list)), len(list)))
	}}
}

func full() see.Row {
	const stat = "/proc/net/stat/nf_conntrack"
	return see.Row{Check: fact.Check{
		ID: "fw.conntrack-full", Title: "Room for tracked connections", Reads: tracked + ", " + most + ", " + stat,
		Rule: "more than 70 % taken warns, 90 % fails; drops while looking fail, since boot warn", Severity: fact.SevereFail, Scope: fact.Kernel, Path: fact.Any,
		Why:     "When the table is full new connections are dropped without an answer.",
		Fix:     []fact.Fix{fact.Sysctl("net.netfilter.nf_conntrack_max", "1048576", "320 bytes of kernel memory each", fact.Freely, true), fact.Sysctl("net.netfilter.nf_conntrack_tcp_timeout_time_wait", "30", "late packets of old connections count as new", fact.Asked, false)},
		Sources: []string{conntrackDoc},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, tracked)
		if err != nil {
			if absent, ok := untracked(v, err); ok {
				return fact.Say(fact.Skip, "the kernel does not track connections", absent)
			}
			return gauge.Unseen(v, err)
		}
		limit, e2, err := gauge.Number(v, most)
		if err != nil {
			return gauge.Unseen(v, err).With(e)
		}
		found := fmt.Sprintf("%d of %d", n, limit)
		evidence := []fact.Evidence{e, e2}
		share := float64(n) / float64(max(limit, 1))
		if limit > 0 && share > 0.9 {
			return fact.Say(fact.Fail, found, evidence...)
		}
		c, err := gauge.Count(v, stat, parse.ConntrackStat)
		if err == nil {
			evidence = append(evidence, c.Evidence("drop", "early_drop", "insert_failed")...)
			if lost := c.Sum("drop", "early_drop"); lost > 0 {
				return fact.Say(c.Stricter(fact.Fail, fact.Warn), fmt.Sprintf("%s, and %d connections were dropped %s", found, lost, v.Span()), evidence...)
			}
		}
		if limit > 0 && share > 0.7 {
			return fact.Say(fact.Warn, found, evidence...)
		}
		switch {
		case see.ClassOf(err) == see.Absent:
			return fact.Say(fact.OK, found+"; drops are not counted here", evidence...)
		case err != nil:
			f := gauge.Unseen(v, err).With(evidence...)
			f.Found = found + "; whether any was dropped cannot be seen: " + f.Found
			return f
		}
		return fact.Say(fact.OK, found+", and none was dropped "+v.Span(), evidence...)
	}}
}

func rules() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.rules", Title: "Rules that each packet passes", Reads: "the chains of nf_tables",
		Rule: "more than 50 in the chains of a hook before accept warns", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Any,
		Why:     "Rules are tried one after another, 16 ns each: 100 of them took 21 % of the connections in a measurement. A set is one look-up.",
		Fix:     []fact.Fix{{Command: "move addresses and ports into sets, and accept our ports first", Risk: "an error locks out", Who: fact.Root, Undo: "nft -f with the saved rules"}},
		Sources: []string{nftDoc},
	}, Look: func(v *see.View) fact.Finding {
		list, err := chains(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		hooks := map[string]int{}
		for _, c := range list {
			if c.Hook != "" {
				hooks[c.Hook] += c.Rules
			}
		}
		worst := "input"
		for _, hook := range []string{"prerouting", "ingress"} {
			if hooks[hook] > hooks[worst] {
				worst = hook
			}
		}
		n := hooks[worst]
		e := fact.Read("nf_tables", fmt.Sprintf("%d chains, %d rules at %s", len(list), n, worst), hooks)
		if n > 50 {
			return fact.Say(fact.Warn, fmt.Sprintf("%d rules at %s", n, worst), e)
		}
		tables, err := older(v)
		switch {
		case v.Env.Contained():
			f := fact.Say(fact.Unknown, fmt.Sprintf("%d rules at %s in our network namespace; those of the host are not seen from here", n, worst), e)
			f.RunOn = "initns"
			return f
		case err != nil:
			return gauge.Unseen(v, err).With(e)
		case len(tables) > 0:
			f := fact.Say(fact.Unknown, fmt.Sprintf("%d rules at %s, and older tables (%s), whose rules iptables-save counts", n, worst, strings.Join(tables, " ")), e)
			f.RunOn = "root"
			return f
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d rules at %s", n, worst), e)
	}}
}

func ipvs() see.Row {
	const file = "/proc/net/ip_vs"
	return see.Row{Check: fact.Check{
		ID: "fw.ipvs", Title: "Another balancer in the kernel", Reads: file,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Any,
		Why:     "Its services take connections before a listener sees them.",
		Sources: []string{"https://docs.kernel.org/networking/ipvs-sysctl.html"},
	}, Look: func(v *see.View) fact.Finding {
		text, err := v.Text(file)
		if see.ClassOf(err) == see.Absent && !v.Env.Contained() {
			return fact.Say(fact.Skip, "the kernel has no IPVS loaded")
		}
		if err != nil {
			return gauge.Unseen(v, err)
		}
		services := 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "TCP ") || strings.HasPrefix(line, "UDP ") || strings.HasPrefix(line, "FWM ") {
				services++
			}
		}
		return fact.Say(fact.Info, fmt.Sprintf("%d services", services), fact.Read(file, text, services))
	}}
}

func kubeProxy() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.kube-proxy", Title: "Chains of a Kubernetes node", Reads: "the chains of nf_tables",
		Rule: "more than 1,000 warn", Severity: fact.SevereWarn, Scope: fact.Netns, Path: fact.Card,
		Why:     "With kube-proxy's iptables mode the first packet of each connection passes a rule for every service.",
		Fix:     []fact.Fix{{Command: "kube-proxy --proxy-mode=nftables, or a network plugin that replaces it", Risk: "the cluster's services are cut for a moment", Who: fact.ByHost, Undo: "the old mode"}},
		Sources: []string{"https://kubernetes.io/docs/reference/networking/virtual-ips/"},
	}, Look: func(v *see.View) fact.Finding {
		list, err := chains(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		n := 0
		for _, c := range list {
			if strings.HasPrefix(c.Name, "KUBE-SVC") || strings.HasPrefix(c.Name, "KUBE-SEP") {
				n++
			}
		}
		e := fact.Read("nf_tables", fmt.Sprintf("%d chains, %d of services", len(list), n), n)
		switch {
		case n > 1000:
			return fact.Say(fact.Warn, fmt.Sprintf("%d chains of services", n), e)
		case n > 0:
			return fact.Say(fact.Info, fmt.Sprintf("%d chains of services", n), e)
		case v.Env.Contained():
			f := fact.Say(fact.Unknown, "none in our network namespace; those of the node are not seen from here", e)
			f.RunOn = "initns"
			return f
		}
		return fact.Say(fact.OK, "none", e)
	}}
}
