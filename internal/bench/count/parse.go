package count

import (
	"strconv"
	"strings"
)

// Group is counters of one kind by name.
type Group map[string]int64

// pairs reads the form of /proc/net/netstat and snmp: a line of names and one
// of values, both beginning with the protocol.
func pairs(text, protocol string) Group {
	g := Group{}
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != protocol+":" {
			continue
		}
		if names == nil {
			names = f[1:]
			continue
		}
		for i, v := range f[1:] {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && i < len(names) {
				g[names[i]] = n
			}
		}
		names = nil
	}
	return g
}

// softnet adds up the processors' lines of /proc/net/softnet_stat, whose
// hexadecimal columns have grown in number with the kernels.
func softnet(text string) Group {
	columns := []struct {
		name  string
		place int
	}{{"processed", 0}, {"dropped", 1}, {"time_squeeze", 2}, {"received_rps", 9}, {"flow_limit", 10}}
	g := Group{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		for _, c := range columns {
			if c.place < len(f) {
				n, err := strconv.ParseUint(f[c.place], 16, 32)
				if err == nil {
					g[c.name] += int64(n)
				}
			}
		}
	}
	return g
}

// interrupts adds up each row of /proc/interrupts or /proc/softirqs over the
// processors. Rows of devices get their name after the number.
func interrupts(text string) Group {
	g := Group{}
	processors := 0
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			processors = len(strings.Fields(line))
			continue
		}
		sum, f := int64(0), strings.Fields(rest)
		i := 0
		for ; i < len(f) && i < processors; i++ {
			n, err := strconv.ParseInt(f[i], 10, 64)
			if err != nil {
				break
			}
			sum += n
		}
		if _, err := strconv.Atoi(name); err == nil && i < len(f) {
			name += " " + f[len(f)-1]
		}
		g[name] += sum
	}
	return g
}

// words reads lines of a name and a number, as /proc/stat's single counters
// and a cgroup's cpu.stat.
func words(text string, wanted ...string) Group {
	g := Group{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			continue
		}
		for _, w := range wanted {
			if f[0] == w {
				g[w] = n
			}
		}
		if len(wanted) == 0 {
			g[f[0]] = n
		}
	}
	return g
}

// Processor is where the time of one processor went, in ticks of 10 ms or in
// what the kernel's USER_HZ is; only shares of it mean something.
type Processor struct{ User, System, Idle, Softirq, Irq, Steal int64 }

// Total is all of its time.
func (p Processor) Total() int64 { return p.User + p.System + p.Idle + p.Softirq + p.Irq + p.Steal }

func (p Processor) minus(o Processor) Processor {
	return Processor{p.User - o.User, p.System - o.System, p.Idle - o.Idle, p.Softirq - o.Softirq, p.Irq - o.Irq, p.Steal - o.Steal}
}

func (p Processor) plus(o Processor) Processor {
	return Processor{p.User + o.User, p.System + o.System, p.Idle + o.Idle, p.Softirq + o.Softirq, p.Irq + o.Irq, p.Steal + o.Steal}
}

// processors reads the cpuN lines of /proc/stat. Old kernels have fewer
// columns: what is absent is 0.
func processors(text string) (list []Processor) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(f[0], "cpu") || f[0] == "cpu" {
			continue
		}
		var v [9]int64
		for i := 1; i < len(f) && i < len(v); i++ {
			v[i], _ = strconv.ParseInt(f[i], 10, 64)
		}
		list = append(list, Processor{User: v[1] + v[2], System: v[3], Idle: v[4] + v[5], Irq: v[6], Softirq: v[7], Steal: v[8]})
	}
	return list
}

// schedstat adds up the cpuN lines of /proc/schedstat: time that tasks ran and
// waited for a processor, in nanoseconds, and how often one was put on.
func schedstat(text string) Group {
	g := Group{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasPrefix(f[0], "cpu") {
			continue
		}
		for i, name := range []string{"run_ns", "wait_ns", "timeslices"} {
			n, err := strconv.ParseInt(f[7+i], 10, 64)
			if err == nil {
				g[name] += n
			}
		}
	}
	return g
}
