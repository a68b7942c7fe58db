package count

import (
	"io/fs"
	"strconv"
	"strings"
)

// Sample is the state of all counters at a moment.
type Sample struct {
	Groups     map[string]Group
	Processors []Processor
}

// Known names the counters that a benchmark's result always has, zero too:
// those that its explanations and its readers ask for.
func known() map[string][]string {
	return map[string][]string{
		"tcp": {"ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "InSegs", "OutSegs", "RetransSegs", "OutRsts"},
		"tcpext": {"ListenOverflows", "ListenDrops", "SyncookiesSent", "SyncookiesRecv", "SyncookiesFailed", "TW", "TWRecycled",
			"TCPTimeWaitOverflow", "TCPReqQFullDoCookies", "TCPReqQFullDrop", "TCPSynRetrans", "TCPTimeouts", "TCPBacklogDrop",
			"TCPDeferAcceptDrop", "TCPAbortOnData", "TCPAbortOnClose", "TCPMigrateReqSuccess", "TCPMigrateReqFailure"},
		"softnet":    {"processed", "dropped", "time_squeeze", "received_rps", "flow_limit"},
		"interrupts": {"RES", "CAL", "LOC", "TLB"},
		"softirqs":   {"NET_RX", "NET_TX", "TIMER", "SCHED"},
		"schedstat":  {"run_ns", "wait_ns", "timeslices"},
		"stat":       {"ctxt", "intr", "processes"},
		"cgroup":     {"nr_periods", "nr_throttled", "throttled_usec"},
		"conntrack":  {"insert_failed", "drop", "early_drop", "search_restart"},
	}
}

// Take reads all counters below root, which is "/" as a file system.
func Take(root fs.FS) Sample {
	read := func(name string) string {
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return ""
		}
		return string(b)
	}
	stat := read("proc/stat")
	return Sample{
		Groups: map[string]Group{
			"tcp":        pairs(read("proc/net/snmp"), "Tcp"),
			"tcpext":     pairs(read("proc/net/netstat"), "TcpExt"),
			"softnet":    softnet(read("proc/net/softnet_stat")),
			"interrupts": interrupts(read("proc/interrupts")),
			"softirqs":   interrupts(read("proc/softirqs")),
			"schedstat":  schedstat(read("proc/schedstat")),
			"stat":       words(stat, "ctxt", "intr", "processes"),
			"cgroup":     throttling(root, read("proc/self/cgroup")),
			"conntrack":  conntrack(read("proc/net/stat/nf_conntrack")),
		},
		Processors: processors(stat),
	}
}

// throttling adds up cpu.stat of the process's cgroup and of those above it:
// whichever has a quota throttles.
func throttling(root fs.FS, own string) Group {
	g := Group{}
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base := "sys/fs/cgroup"
		switch {
		case parts[0] == "0":
		case parts[1] == "cpu" || strings.Contains(parts[1], "cpu,") || strings.HasSuffix(parts[1], ",cpu"):
			base += "/" + parts[1]
		default:
			continue
		}
		for path := strings.Trim(parts[2], "/"); ; path = path[:max(strings.LastIndexByte(path, '/'), 0)] {
			b, err := fs.ReadFile(root, strings.TrimSuffix(base+"/"+path, "/")+"/cpu.stat")
			if err == nil {
				for name, v := range words(string(b), "nr_periods", "nr_throttled", "throttled_usec", "throttled_time") {
					if name == "throttled_time" { // version 1 counts nanoseconds
						name, v = "throttled_usec", v/1000
					}
					g[name] += v
				}
			}
			if path == "" {
				break
			}
		}
	}
	return g
}

// conntrack adds up the processors' lines, whose columns the first line names.
func conntrack(text string) Group {
	g := Group{}
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if names == nil {
			names = f
			continue
		}
		for i, v := range f {
			if n, err := strconv.ParseInt(v, 16, 64); err == nil && i < len(names) && names[i] != "entries" {
				g[names[i]] += n
			}
		}
	}
	return g
}

// Delta is what was counted between two samples.
type Delta struct {
	Groups     map[string]Group
	Processors []Processor
}

// Since returns what was counted between an earlier sample and s, with every
// known counter, zero too.
func (s Sample) Since(earlier Sample) Delta {
	d := NewDelta()
	for name, g := range s.Groups {
		if d.Groups[name] == nil {
			d.Groups[name] = Group{}
		}
		for k, v := range g {
			n := v - earlier.Groups[name][k]
			if n < 0 && narrow(name) {
				n &= 1<<32 - 1
			}
			d.Groups[name][k] = n
		}
	}
	for i, p := range s.Processors {
		if i < len(earlier.Processors) {
			d.Processors = append(d.Processors, p.minus(earlier.Processors[i]))
		}
	}
	return d
}

// narrow reports whether the kernel keeps the counters of a group in 32 bits for
// each processor: they begin again within hours of a benchmark's packets, and the
// difference of their sums is right modulo 2³² all the same.
func narrow(group string) bool {
	switch group {
	case "softnet", "interrupts", "softirqs", "conntrack":
		return true
	}
	return false
}

// NewDelta returns a delta of zeros.
func NewDelta() Delta {
	d := Delta{Groups: map[string]Group{}}
	for name, list := range known() {
		d.Groups[name] = Group{}
		for _, k := range list {
			d.Groups[name][k] = 0
		}
	}
	return d
}

// Add counts another delta too.
func (d *Delta) Add(o Delta) {
	for name, g := range o.Groups {
		if d.Groups[name] == nil {
			d.Groups[name] = Group{}
		}
		for k, v := range g {
			d.Groups[name][k] += v
		}
	}
	for i, p := range o.Processors {
		if i == len(d.Processors) {
			d.Processors = append(d.Processors, Processor{})
		}
		d.Processors[i] = d.Processors[i].plus(p)
	}
}
