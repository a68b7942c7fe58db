package sys

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func entropy() see.Row {
	const file = "/proc/sys/kernel/random/entropy_avail"
	return see.Row{Check: fact.Check{
		ID: "sys.entropy", Title: "Random numbers early after the start", Reads: file + ", the kernel's version",
		Rule: "below 256 bits before Linux 5.6 warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "On old kernels a fresh virtual machine has no random numbers for a while, and TLS cannot start. Later ones never wait again once they are seeded.",
		Fix:     []fact.Fix{{Command: "add a virtio-rng device to the guest, or random.trust_cpu=1 on the kernel's command line", Risk: "trust in the host or the processor", Who: fact.ByHost, Undo: "take it out"}},
		Sources: []string{"https://man7.org/linux/man-pages/man4/random.4.html"},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, file)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		kernel, err := gauge.Kernel(v)
		switch {
		case err == nil && kernel.AtLeast(5, 6):
			return fact.Say(fact.OK, "Linux "+kernel.String()+" does not wait once it is seeded", e)
		case n < 256:
			return fact.Say(fact.Warn, fmt.Sprintf("%d bits", n), e)
		}
		return fact.Say(fact.OK, fmt.Sprintf("%d bits", n), e)
	}}
}

func clock() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.time", Title: "Whether the clock is set by others", Reads: "adjtimex, /proc/*/comm",
		Rule: "not synchronised, or more than a second of possible error, warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "Certificates, cookies and logs depend on it, and a guest's clock jumps when it is moved or suspended.",
		Fix:     []fact.Fix{{Command: "chrony with the host's clock (refclock PHC /dev/ptp0) or the cloud's (169.254.169.123)", Risk: "the clock is moved once", Who: fact.Root, Undo: "systemctl disable --now chrony", Auto: fact.Never}},
		Sources: []string{"https://man7.org/linux/man-pages/man2/adjtimex.2.html"},
	}, Look: func(v *see.View) fact.Finding {
		c := v.Probe.Self().Clock
		if c == nil {
			return gauge.Unseen(v, &see.Error{What: "adjtimex", Class: see.Hidden})
		}
		e := []fact.Evidence{fact.Read("adjtimex", fmt.Sprintf("unsynchronised %t, at most %.3f s wrong", c.Unsynchronised, c.MaxError), *c)}
		by, err := gauge.Running(v, "chronyd", "ntpd", "systemd-timesyncd", "openntpd", "ptp4l", "phc2sys")
		if err == nil && len(by) > 0 {
			e = append(e, fact.Read("/proc/*/comm", strings.Join(by, " "), by))
		}
		switch {
		case c.Unsynchronised:
			return fact.Say(fact.Warn, "nobody told the kernel that its clock is right", e...)
		case c.MaxError > 1:
			return fact.Say(fact.Warn, fmt.Sprintf("the clock may be wrong by %.1f s", c.MaxError), e...)
		}
		return fact.Say(fact.OK, fmt.Sprintf("right within %.0f ms", 1000*c.MaxError), e...)
	}}
}

func migration() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.migration", Title: "Signs that the machine was moved or suspended", Reads: "the clocks, the kernel's log",
		Rule: "a clock that the kernel gave up warns; time spent suspended is information", Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
		Why:     "A move stops the machine for 0.1 to 10 s: queues before accept overflow, leases and health checks expire, and a slower clock may be all that is left.",
		Fix:     []fact.Fix{{Command: "longer backlogs and a grace for health checks; the host can guarantee a scaled TSC", Risk: "none", Who: fact.Us, Undo: "the old values", Auto: fact.Never}},
		Sources: []string{"https://docs.kernel.org/virt/kvm/x86/timekeeping.html"},
	}, Look: func(v *see.View) fact.Finding {
		if data, err := v.Read("/dev/kmsg"); err == nil {
			for _, m := range parse.KernelLog(data) {
				if m.Printed && strings.Contains(m.Text, "Marking TSC unstable") {
					return fact.Say(fact.Warn, "the kernel gave up the processor's clock", fact.Read("/dev/kmsg", m.Text, m))
				}
			}
		}
		if slept := v.Probe.Self().Boottime; slept > 1 {
			return fact.Say(fact.Info, fmt.Sprintf("%.1f s were spent suspended since boot", slept), fact.Read("CLOCK_BOOTTIME − CLOCK_MONOTONIC", fmt.Sprintf("%.3f s", slept), slept))
		}
		if !v.Env.Guest() && !v.Env.Contained() {
			return fact.Say(fact.Skip, "not a virtual machine, as far as can be seen")
		}
		f := fact.Say(fact.Unknown, "nothing tells a guest whether it was moved")
		f.RunOn = "host"
		return f
	}}
}

func tick() see.Row {
	const packed = "/proc/config.gz"
	return see.Row{Check: fact.Check{
		ID: "sys.tick", Title: "How often the kernel's timer ticks", Reads: packed + ", /boot/config-*",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Kernel, Path: fact.Any,
		Why:     "Each tick leaves the guest once on a processor that is busy: 1,000 a second instead of 250.",
		Sources: []string{"https://docs.kernel.org/timers/no_hz.html"},
	}, Look: func(v *see.View) fact.Finding {
		file, text, err := config(v, packed)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		options := parse.KernelConfig(text)
		hz, ok := options["HZ"]
		if !ok {
			return gauge.Unseen(v, &see.Error{What: file + " CONFIG_HZ", Class: see.Broken})
		}
		idle := "ticks also when idle"
		if options["NO_HZ_IDLE"] == "y" || options["NO_HZ_FULL"] == "y" || options["NO_HZ"] == "y" {
			idle = "no ticks when idle"
		}
		return fact.Say(fact.Info, hz+" a second, "+idle, fact.Read(file, "CONFIG_HZ="+hz, hz))
	}}
}

// config is the configuration of the kernel: its own, or the one beside its image.
func config(v *see.View, packed string) (string, []byte, error) {
	const most = 2 << 20
	data, err := v.Read(packed)
	if err == nil {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(io.LimitReader(z, most))
		}
		if err != nil {
			return packed, nil, &see.Error{What: packed, Class: see.Broken, Err: err}
		}
		return packed, data, nil
	}
	release, other := v.Text("/proc/sys/kernel/osrelease")
	if other != nil || release == "" || strings.ContainsAny(release, "/*?[\\") {
		return packed, nil, err
	}
	file := "/boot/config-" + release
	if data, other := v.Read(file); other == nil {
		return file, data, nil
	}
	return packed, nil, err
}

// sayings are what the kernel says when something is wrong. The first that is
// found is the finding.
var sayings = []struct {
	text   string
	status fact.Status
	means  string
}{
	{"table full, dropping packet", fact.Fail, "connection tracking dropped packets (fw.conntrack-full)"},
	{"soft lockup", fact.Fail, "a processor did not run for seconds (cpu.steal)"},
	{"Out of memory: Kill", fact.Fail, "a process was killed for want of memory (sys.memcg)"},
	{"NETDEV WATCHDOG", fact.Fail, "a network card stopped sending (nic.drops)"},
	{"neighbour: arp_cache: neighbor table overflow", fact.Fail, "no room for neighbours' addresses (sys.neigh)"},
	{"Possible SYN flooding", fact.Warn, "a queue of half-open handshakes was full (tcp.reqq-full)"},
	{"too many orphaned sockets", fact.Warn, "closed connections were reset (tcp.orphans)"},
	{"TCP: out of memory", fact.Warn, "no memory for TCP (tcp.mem)"},
	{"hrtimer: interrupt took", fact.Warn, "an interrupt of the timer was late (cpu.steal)"},
	{"Marking TSC unstable", fact.Warn, "the kernel gave up the processor's clock (cpu.clock-cost)"},
	{"time wait bucket table overflow", fact.Warn, "no room for TIME_WAIT (tcp.tw-buckets)"},
}

func kernelLog() see.Row {
	const file = "/dev/kmsg"
	return see.Row{Check: fact.Check{
		ID: "sys.kernel-log", Title: "What the kernel complained of", Reads: file,
		Rule: "packets or processes lost while looking fail; since boot, and what may have cost time, warns", Severity: fact.SevereFail, Scope: fact.Kernel, Path: fact.Any,
		Why:     "The kernel says some losses here and nowhere else.",
		Fix:     []fact.Fix{{Command: "dmesg -T, and then the fix of the check that the finding names", Risk: "that of the other check", Who: fact.Root, Undo: "that of the other check"}},
		Sources: []string{"https://docs.kernel.org/admin-guide/dynamic-debug-howto.html", "https://man7.org/linux/man-pages/man1/dmesg.1.html"},
	}, Look: func(v *see.View) fact.Finding {
		data, err := v.Read(file)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		messages := slices.DeleteFunc(parse.KernelLog(data), func(m parse.Message) bool { return m.Level < 0 && m.Micros == 0 })
		if len(messages) < 2 { // a namespace may have an empty log of its own
			return gauge.Unseen(v, &see.Error{What: file, Class: see.Hidden})
		}
		latest := messages[len(messages)-1]
		fresh := later(v, messages)
		for _, s := range sayings {
			n := 0
			var last parse.Message
			for _, m := range fresh {
				if m.Printed && strings.Contains(m.Text, s.text) {
					last, n = m, n+1
				}
			}
			if n > 0 {
				status := s.status
				if v.Before == nil {
					status = fact.Warn // it may be long ago
				}
				return fact.Say(status, fmt.Sprintf("%d times %s: %s", n, v.Span(), s.means), fact.Read(file, last.Text, n))
			}
		}
		return fact.Say(fact.OK, fmt.Sprintf("none of %d messages %s is one of those that this row knows", len(fresh), v.Span()), fact.Read(file, latest.Text, len(fresh)))
	}}
}

// later are the messages that came after the earlier look; without one all of them.
func later(v *see.View, messages []parse.Message) []parse.Message {
	if v.Before == nil {
		return messages
	}
	data, err := v.Before.Read("/dev/kmsg")
	if err != nil {
		return messages
	}
	var last uint64
	for _, m := range parse.KernelLog(data) {
		last = max(last, m.Micros)
	}
	return slices.DeleteFunc(slices.Clone(messages), func(m parse.Message) bool { return m.Micros <= last })
}
