package outcome

import (
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Host is the machine, as far as results depend on it.
type Host struct {
	Kernel      string            `json:"kernel"`
	Processors  int               `json:"processors"`
	Model       string            `json:"model"`
	Virtual     bool              `json:"virtual"` // a hypervisor is below
	Stack       []Layer           `json:"stack"`   // the outermost first, as the doctor has it
	ClockSource string            `json:"clock_source"`
	Mitigations string            `json:"mitigations"`
	Settings    map[string]string `json:"settings"`
	// Probe is measured right before: nanoseconds.
	Probe Probe `json:"probe"`
}

// Layer is one thing that the machine is made of.
type Layer struct {
	Kind       string `json:"kind"` // hardware, hypervisor, paravirtual, container or cloud
	Name       string `json:"name"`
	Confidence string `json:"confidence"` // high, medium or low
}

// Environment names the layers that are believed, the innermost first.
func (h Host) Environment() string {
	var names []string
	for _, l := range slices.Backward(h.Stack) {
		switch l.Confidence {
		case "low":
		case "medium":
			names = append(names, "probably "+l.Name)
		default:
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, " > ")
}

// Probe are small measurements that explain large ones.
type Probe struct {
	Syscall   int64 `json:"syscall"`    // one that does nothing
	WakeSame  int64 `json:"wake_same"`  // to and fro between two threads of one processor
	WakeCross int64 `json:"wake_cross"` // of two; 0 = there is but one
}

// settings are files below /proc/sys that a result may hang on.
func settings() []string {
	return []string{
		"net/core/somaxconn", "net/core/netdev_max_backlog", "net/core/busy_poll", "net/ipv4/tcp_max_syn_backlog", "net/ipv4/tcp_syncookies",
		"net/ipv4/tcp_tw_reuse", "net/ipv4/tcp_max_tw_buckets", "net/ipv4/ip_local_port_range", "net/ipv4/tcp_fin_timeout",
		"net/ipv4/tcp_abort_on_overflow", "net/ipv4/tcp_congestion_control", "net/netfilter/nf_conntrack_max", "net/netfilter/nf_conntrack_count",
		"kernel/sched_rt_runtime_us", "fs/nr_open",
	}
}

// ReadHost reads the facts below root; what is not there stays empty.
func ReadHost(root fs.FS) Host {
	read := func(name string) string {
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return ""
		}
		return strings.Join(strings.Fields(string(b)), " ")
	}
	h := Host{
		Kernel:      read("proc/sys/kernel/osrelease"),
		ClockSource: read("sys/devices/system/clocksource/clocksource0/current_clocksource"),
		Settings:    map[string]string{},
		Stack:       []Layer{},
	}
	b, err := fs.ReadFile(root, "proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(line, ":")
			switch strings.TrimSpace(key) {
			case "processor":
				h.Processors++
			case "model name":
				h.Model = strings.TrimSpace(value)
			case "flags":
				h.Virtual = h.Virtual || strings.Contains(" "+value+" ", " hypervisor ")
			}
		}
	}
	for _, name := range settings() {
		if v := read("proc/sys/" + name); v != "" {
			h.Settings[strings.ReplaceAll(name, "/", ".")] = v
		}
	}
	h.Mitigations = mitigations(root)
	return h
}

// mitigations lists the weaknesses that the kernel works around, which costs
// time at each entry.
func mitigations(root fs.FS) string {
	const dir = "sys/devices/system/cpu/vulnerabilities"
	list, err := fs.ReadDir(root, dir)
	if err != nil {
		return ""
	}
	var on []string
	for _, e := range list {
		b, err := fs.ReadFile(root, dir+"/"+e.Name())
		if err == nil && strings.HasPrefix(string(b), "Mitigation") {
			on = append(on, e.Name())
		}
	}
	sort.Strings(on)
	return strings.Join(on, " ")
}

// Facts lists what two machines may differ in, by name.
func (h Host) Facts() map[string]string {
	f := map[string]string{
		"kernel": h.Kernel, "processors": strconv.Itoa(h.Processors), "model": h.Model, "virtual": strconv.FormatBool(h.Virtual),
		"clock source": h.ClockSource, "mitigations": h.Mitigations, "environment": h.Environment(),
	}
	for k, v := range h.Settings {
		if k != "net.netfilter.nf_conntrack_count" { // changes by itself
			f[k] = v
		}
	}
	return f
}
