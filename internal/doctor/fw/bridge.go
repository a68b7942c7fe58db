package fw

import (
	"fmt"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/see"
)

// hostOnly is the finding of what is the host's, in a container.
func hostOnly(what string) fact.Finding {
	f := fact.Say(fact.Unknown, what+" of the host are not seen from a container")
	f.RunOn = "initns"
	return f
}

// ofKind are the names of the links of a kind.
func ofKind(links []see.Link, kind string) (names []string) {
	for _, l := range links {
		if l.Kind == kind {
			names = append(names, l.Name)
		}
	}
	return names
}

func bridgeFilter() see.Row {
	const dir = "/proc/sys/net/bridge/bridge-nf-call-"
	return see.Row{Check: fact.Check{
		ID: "fw.bridge-nf", Title: "Whether bridged packets pass the firewall", Reads: dir + "iptables, ip6tables, arptables, links by netlink",
		Rule: "on, with bridges and without Docker or Kubernetes, warns", Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Bridge,
		Why:     "Every packet of every guest then walks through the host's rules and its connection tracking.",
		Fix:     []fact.Fix{fact.Sysctl("net.bridge.bridge-nf-call-iptables", "0", "network policies of Docker and Kubernetes end", fact.Asked, false), fact.Sysctl("net.bridge.bridge-nf-call-ip6tables", "0", "the same for IPv6", fact.Asked, false)},
		Sources: []string{"https://ebtables.netfilter.org/documentation/bridge-nf.html"},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, dir+"iptables")
		if err != nil {
			if absent, ok := without(v, err); ok {
				return fact.Say(fact.OK, "the kernel has no such filter loaded", absent)
			}
			return gauge.Unseen(v, err)
		}
		if n == 0 {
			return fact.Say(fact.OK, "off", e)
		}
		links, err := gauge.Links(v)
		if err != nil {
			return gauge.Unseen(v, err).With(e)
		}
		names := ofKind(links, "bridge")
		e2 := fact.Read("netlink", "bridges: "+strings.Join(names, " "), names)
		cluster := slices.ContainsFunc(names, func(n string) bool { return n == "docker0" || n == "cni0" || strings.HasPrefix(n, "br-") })
		switch {
		case len(names) == 0:
			return fact.Say(fact.Info, "on, and there is no bridge", e, e2)
		case cluster:
			return fact.Say(fact.Info, "on, which Docker and Kubernetes count on", e, e2)
		}
		return fact.Say(fact.Warn, "on, for "+strings.Join(names, ", "), e, e2)
	}}
}

func bridges() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.bridge", Title: "Bridges of this machine", Reads: "links by netlink, /sys/class/net/*/bridge",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Bridge,
		Why:     "A bridge is a hop more for the packets of guests; spanning tree holds a new port back for 30 s.",
		Fix:     []fact.Fix{{Command: "macvtap, Open vSwitch or a direct card for the guest", Risk: "the guest's network is cut for a moment", Who: fact.ByHost, Undo: "the old bridge"}},
		Sources: []string{"https://docs.kernel.org/networking/bridge.html"},
	}, Look: func(v *see.View) fact.Finding {
		links, err := gauge.Links(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		names := ofKind(links, "bridge")
		if len(names) == 0 {
			if v.Env.Contained() {
				return hostOnly("the bridges")
			}
			return fact.Say(fact.Skip, "there is no bridge")
		}
		e := []fact.Evidence{fact.Read("netlink", strings.Join(names, " "), names)}
		for _, name := range names {
			if n, stp, err := gauge.Number(v, "/sys/class/net/"+name+"/bridge/stp_state"); err == nil {
				stp.Parsed = n
				e = append(e, stp)
			}
		}
		return fact.Say(fact.Info, strings.Join(names, ", "), e...)
	}}
}

func dockerProxy() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.docker-proxy", Title: "Docker's proxy in front of published ports", Reads: "/proc/*/comm",
		Rule: "running warns", Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
		Why:     "A published port passes NAT, and from the machine itself a copy in another program.",
		Fix:     []fact.Fix{{Command: "docker run --network host", Persist: `"userland-proxy": false in /etc/docker/daemon.json`, Risk: "ports of the container are those of the host", Who: fact.ByHost, Undo: "publish the port again"}},
		Sources: []string{"https://docs.docker.com/engine/network/drivers/host/"},
	}, Look: func(v *see.View) fact.Finding {
		found, err := gauge.Running(v, "docker-proxy")
		switch {
		case err != nil:
			return gauge.Unseen(v, err)
		case len(found) > 0:
			return fact.Say(fact.Warn, "it runs", fact.Read("/proc/*/comm", "docker-proxy", true))
		case v.Env.Contained():
			return hostOnly("the programs")
		}
		return fact.Say(fact.OK, "it does not run", fact.Read("/proc/*/comm", "no docker-proxy", false))
	}}
}

func namespace() see.Row {
	const ours, first = "/proc/self/ns/net", "/proc/1/ns/net"
	return see.Row{Check: fact.Check{
		ID: "fw.netns", Title: "Whether we stand in a network namespace of our own", Reads: ours + ", " + first + ", links by netlink",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Netns, Path: fact.Card,
		Why:     "Behind a veth a packet takes one more hop, and on the host a bridge or NAT: up to 4 % fewer connections in a measurement. Settings of the first namespace are not seen from here.",
		Fix:     []fact.Fix{{Command: "the host's network for the front end (docker run --network host, hostNetwork: true)", Risk: "ports of the container are those of the host", Who: fact.ByHost, Undo: "a network of its own again"}},
		Sources: []string{"https://man7.org/linux/man-pages/man7/network_namespaces.7.html"},
	}, Look: func(v *see.View) fact.Finding {
		links, err := gauge.Links(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if names := ofKind(links, "veth"); len(names) > 0 && !slices.ContainsFunc(links, func(l see.Link) bool { return l.Kind == "" && !l.Loop }) {
			return fact.Say(fact.Info, "behind a veth, "+strings.Join(names, ", "), fact.Read("netlink", "veth "+strings.Join(names, " "), names))
		}
		own, err := v.Link(ours)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		init, err := v.Link(first)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		e := []fact.Evidence{fact.Read(ours, own, own), fact.Read(first, init, init)}
		switch {
		case own != init:
			return fact.Say(fact.Info, "a namespace of our own", e...)
		case v.Env.Contained():
			return fact.Say(fact.Info, "that of the container's first process", e...)
		}
		return fact.Say(fact.OK, "that of the machine", e...)
	}}
}

func xdp() see.Row {
	return see.Row{Check: fact.Check{
		ID: "fw.xdp", Title: "Programs that see packets before the kernel does", Reads: "links by netlink",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.NIC, Path: fact.Card,
		Why:     "What an XDP program drops is in no counter of the kernel.",
		Sources: []string{"https://docs.kernel.org/networking/af_xdp.html"},
	}, Look: func(v *see.View) fact.Finding {
		links, err := gauge.Links(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		var names []string
		for _, l := range links {
			if l.XDP {
				names = append(names, l.Name)
			}
		}
		e := fact.Read("netlink", fmt.Sprintf("%d of %d links have a program", len(names), len(links)), names)
		if len(names) > 0 {
			return fact.Say(fact.Info, "at "+strings.Join(names, ", "), e)
		}
		if v.Env.Contained() {
			return hostOnly("the programs at the links").With(e)
		}
		return fact.Say(fact.OK, "none", e)
	}}
}
