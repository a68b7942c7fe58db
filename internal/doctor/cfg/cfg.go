package cfg

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

const (
	listenDoc = "https://man7.org/linux/man-pages/man2/listen.2.html"
	reuseDoc  = "https://lwn.net/Articles/542629/"
	httpDoc   = "https://www.rfc-editor.org/rfc/rfc9112#section-9.3"
	openDoc   = "https://www.rfc-editor.org/rfc/rfc7413"
	logDoc    = "docs/guide/configuration.md"
)

// ours runs a rule when there is a configuration.
func ours(rule func(v *see.View, o see.Ours) fact.Finding) func(*see.View) fact.Finding {
	return func(v *see.View) fact.Finding {
		if v.Ours == nil {
			return fact.Say(fact.Skip, "no configuration is known: "+gauge.NoOurs)
		}
		return rule(v, *v.Ours)
	}
}

// says is the evidence of something that the configuration says.
func says(text string, parsed any) fact.Evidence { return fact.Read("configuration", text, parsed) }

// change is a fix by editing the configuration.
func change(what, risk string) []fact.Fix {
	return []fact.Fix{{Command: what + ", and fishplate reload", Risk: risk, Who: fact.Us, Undo: "fishplate rollback", Auto: fact.Never}}
}

func fastOpen() see.Row {
	const file = "/proc/sys/net/ipv4/tcp_fastopen"
	return see.Row{Check: fact.Check{
		ID: "cfg.fastopen", Title: "Fast Open that the kernel does not grant", Reads: "the configuration, " + file,
		Rule: "wanted and off in the kernel warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Card,
		Why:     "The listener is made all the same, and nothing is saved.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.tcp_fastopen", "3", "requests may be replayed by who can see packets", fact.Freely, false)},
		Sources: []string{openDoc},
	}, Look: ours(func(v *see.View, o see.Ours) fact.Finding {
		if !o.FastOpen {
			return fact.Say(fact.OK, "not asked for", says("fast open off", false))
		}
		n, e, err := gauge.Number(v, file)
		switch {
		case err != nil:
			return gauge.Unseen(v, err)
		case n&2 == 0:
			return fact.Say(fact.Warn, "asked for, and off in the kernel", e)
		}
		return fact.Say(fact.OK, "asked for, and granted", e)
	})}
}

func shards() see.Row {
	return see.Row{Check: fact.Check{
		ID: "cfg.shards", Title: "Sockets of a listener for the processors", Reads: "the configuration, sched_getaffinity",
		Rule: "more sockets than processors we may run on warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "A socket for a processor that we may not run on is served from another one, with an interrupt between them for each connection.",
		Fix:     change("leave the number of listeners to the server", "waiting connections of a closed socket go over to another, or are reset on old kernels"),
		Sources: []string{reuseDoc},
	}, Look: ours(func(v *see.View, o see.Ours) fact.Finding {
		cpus := len(v.Probe.Self().Affinity)
		if cpus == 0 {
			cpus = gauge.CPUs(v)
		}
		if cpus == 0 {
			return gauge.Unseen(v, &see.Error{What: "sched_getaffinity", Class: see.Hidden})
		}
		found := fmt.Sprintf("%d sockets for %d processors", max(o.Shards, 1), cpus)
		e := says(found, o.Shards)
		switch {
		case o.Shards > cpus:
			return fact.Say(fact.Warn, found, e)
		case o.Shards <= 1 && cpus > 2:
			return fact.Say(fact.Info, "one socket for all processors", e)
		}
		return fact.Say(fact.OK, found, e)
	})}
}

func backlog() see.Row {
	const file = "/proc/sys/net/core/somaxconn"
	return see.Row{Check: fact.Check{
		ID: "cfg.backlog", Title: "Backlogs that the kernel cuts, or that were too short", Reads: "the configuration, the queues of our listeners, " + file,
		Rule: "a backlog above the kernel's bound warns, and one that was too short; one that was raised since is told", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "Who comes while the queue is full is dropped, and tries again a second later. A backlog above the bound of the kernel is cut to that without a word.",
		Fix:     []fact.Fix{fact.Sysctl("net.core.somaxconn", "65535", "none; a listener takes it when it calls listen again", fact.Freely, true)},
		Sources: []string{listenDoc},
	}, Look: ours(func(v *see.View, o see.Ours) fact.Finding {
		n, e, err := gauge.Number(v, file)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		var cut, mended []string
		for _, l := range o.Listeners {
			gets := n
			if l.Queue != nil && l.Queue.Granted < l.Backlog {
				// What a socket was granted stays when the bound is raised.
				gets = min(n, int64(l.Queue.Granted))
			}
			if int64(l.Backlog) > gets {
				cut = append(cut, fmt.Sprintf("%s wants %d, and gets %d", l.At(), l.Backlog, gets))
			}
		}
		for _, l := range o.Listeners {
			q := l.Queue
			if len(cut) > 0 || q == nil || q.Lost(math.MaxInt64).Dropped <= 0 {
				continue
			}
			lost := fmt.Sprintf("of listener %s was full and dropped %d connections or handshakes (tcp.listen-overflow)", l.Name, q.Dropped)
			if q.Most >= q.Granted {
				return fact.Say(fact.Warn, fmt.Sprintf("the queue of %d %s", q.Granted, lost), e).
					Mend(change("raise accept.backlog of listener "+l.Name+", unless something kept the process from accepting", "none")...)
			}
			mended = append(mended, fmt.Sprintf("the queue %s, with %d in it; its backlog is %d now", lost, q.Most, q.Granted))
		}
		switch {
		case len(cut) > 0:
			return fact.Say(fact.Warn, strings.Join(cut, ", "), e)
		case len(mended) > 0:
			return fact.Say(fact.Info, strings.Join(mended, ", "), e).Mend([]fact.Fix{}...)
		}
		return fact.Say(fact.OK, fmt.Sprintf("no listener wants more than %d", n), e)
	})}
}

func keepAlive() see.Row {
	return see.Row{Check: fact.Check{
		ID: "cfg.keepalive", Title: "Whether clients keep their connections", Reads: "the configuration",
		Rule: "off warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "It is the greatest lever of all: 32,000 connections a second were 60,000 to 78,000 requests a second when kept, on two virtual processors.",
		Fix:     change("switch keep-alive on", "idle connections take memory"),
		Sources: []string{httpDoc},
	}, Look: ours(func(_ *see.View, o see.Ours) fact.Finding {
		if !o.KeepAlive {
			return fact.Say(fact.Warn, "each request takes a connection of its own", says("keep-alive off", false))
		}
		return fact.Say(fact.OK, "connections are kept", says("keep-alive on", true))
	})}
}

func upstream() see.Row {
	return see.Row{Check: fact.Check{
		ID: "cfg.upstream-keepalive", Title: "Whether connections to servers are kept", Reads: "the configuration",
		Rule: "off warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "Without it each request costs a handshake with a server, and a port for a minute.",
		Fix:     change("let backends keep connections", "servers must close idle ones later than we do"),
		Sources: []string{httpDoc},
	}, Look: ours(func(_ *see.View, o see.Ours) fact.Finding {
		switch {
		case o.Upstreams == 0:
			return fact.Say(fact.Skip, "no servers behind us")
		case !o.Reuse:
			return fact.Say(fact.Warn, fmt.Sprintf("none of the connections to %d servers is kept", o.Upstreams), says("reuse off", false))
		}
		return fact.Say(fact.OK, "kept", says("reuse on", true))
	})}
}

func memory() see.Row {
	return see.Row{Check: fact.Check{
		ID: "cfg.memory", Title: "Whether caches and tenants fit into memory", Reads: "the configuration, memory.max of our control groups (memory.limit_in_bytes of version 1), MemTotal of /proc/meminfo",
		Rule: "caches that outgrow the memory fail; caches and tenants' storage above 80 % of it warn", Severity: fact.SevereFail, Scope: fact.Process, Path: fact.Any,
		Why:     "Caches are made to be filled. Who outgrows the limit of its group is killed, with all its connections.",
		Fix:     change("lower memory of the cache blocks, or of the tenants' storage", "objects beyond that are evicted"),
		Sources: []string{"https://docs.kernel.org/admin-guide/cgroup-v2.html"},
	}, Look: ours(func(v *see.View, o see.Ours) fact.Finding {
		limit, e, err := room(v)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		all := o.CacheMemory + o.TenantMemory
		found := fmt.Sprintf("caches are to fill %d MiB and tenants' storage %d MiB, of %d MiB", o.CacheMemory>>20, o.TenantMemory>>20, limit>>20)
		switch {
		case o.CacheMemory > limit:
			return fact.Say(fact.Fail, found, e)
		case float64(all) > 0.8*float64(limit):
			return fact.Say(fact.Warn, found, e)
		}
		return fact.Say(fact.OK, found, e)
	})}
}

// room is the memory that we may use: that of the machine, or of a control group of
// ours that has less.
func room(v *see.View) (limit int64, e fact.Evidence, err error) {
	info, e, err := gauge.Read(v, "/proc/meminfo", parse.Meminfo)
	total, ok := info["MemTotal"]
	if err == nil && !ok {
		err = &see.Error{What: "/proc/meminfo MemTotal", Class: see.Absent}
	}
	if err != nil {
		return 0, e, err
	}
	limit, e = int64(total), fact.Read("/proc/meminfo", fmt.Sprintf("MemTotal %d", total), total)
	for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
		files, v1, _ := gauge.Cgroup(v, "memory", name) // the first group of all has none
		if v1 != (name == "memory.limit_in_bytes") {
			continue
		}
		for _, file := range files {
			text, ev, err := gauge.Word(v, file)
			if err != nil {
				return 0, e, err
			}
			if n, bad := strconv.ParseInt(text, 10, 64); bad == nil && n > 0 && n < limit {
				limit, e = n, ev
			}
		}
	}
	return limit, e, nil
}

func accessLog() see.Row {
	return see.Row{Check: fact.Check{
		ID: "cfg.access-log", Title: "Whether a request waits for its line in the log", Reads: "the configuration",
		Rule: "waiting warns", Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
		Why:     "A slow disk, or a full pipe, then stops requests.",
		Fix:     change("let the access log be buffered", "the last lines may be lost in a crash"),
		Sources: []string{logDoc},
	}, Look: ours(func(_ *see.View, o see.Ours) fact.Finding {
		if o.SyncLog {
			return fact.Say(fact.Warn, "the log is written in the request's path", says("synchronous", true))
		}
		return fact.Say(fact.OK, "the log is written apart", says("buffered", false))
	})}
}
