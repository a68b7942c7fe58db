package sys

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func oom() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.oom", Title: "Whom the kernel kills first when memory ends", Reads: "/proc/PID/oom_score_adj of the process that serves, or of the doctor",
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Process, Path: fact.Any,
		Why:     "A front end that is killed takes all sites with it; a smaller number makes another process the first.",
		Fix:     []fact.Fix{{Command: "echo -500 > /proc/PID/oom_score_adj", Persist: "OOMScoreAdjust=-500 in the service's unit", Risk: "another process is killed instead", Who: fact.Root, Undo: "write the old number back", Auto: fact.Asked}},
		Sources: []string{procDoc},
	}, Look: func(v *see.View) fact.Finding {
		n, e, err := gauge.Number(v, v.Own()+"/oom_score_adj")
		if err != nil {
			return gauge.Unseen(v, err)
		}
		whose := "for the doctor's own process, since none that serves was found"
		if us := v.Serving(); us != nil && v.Live {
			whose = fmt.Sprintf("for process %d, which serves", us.PID)
		}
		return fact.Say(fact.Info, fmt.Sprintf("%d on a scale from -1000, never, to 1000, first: %s", n, whose), e)
	}}
}

func swap() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.swap", Title: "Memory that was written to disk", Reads: "/proc/swaps, /proc/vmstat",
		Rule: "swapping while looking warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "A page that must come back from disk stops its thread for a millisecond or more, and the garbage collector touches all pages.",
		Fix:     []fact.Fix{fact.Sysctl("vm.swappiness", "10", "less memory for the cache of files", fact.Freely, false)},
		Sources: []string{"https://docs.kernel.org/admin-guide/sysctl/vm.html"},
	}, Look: func(v *see.View) fact.Finding {
		areas, e, err := gauge.Read(v, "/proc/swaps", parse.Swaps)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		if gauge.Imitated(v, "/proc/swaps") {
			f := fact.Say(fact.Unknown, "lxcfs makes up what the container sees of it", e)
			f.RunOn = "initns"
			return f
		}
		if len(areas) == 0 {
			return fact.Say(fact.OK, "there is no swap", e)
		}
		c, err := gauge.Count(v, "/proc/vmstat", parse.Pairs)
		if err == nil && !c.Known("pswpin") {
			err = c.Missing("pswpin")
		}
		if err != nil {
			return gauge.Unseen(v, err).With(e)
		}
		n := c.Sum("pswpin", "pswpout")
		found := fmt.Sprintf("%d pages went to disk or came back %s", n, v.Span())
		if n > 0 {
			return fact.Say(c.Stricter(fact.Warn, fact.Info), found, e).With(c.Evidence("pswpin", "pswpout")...)
		}
		return fact.Say(fact.OK, found, e).With(c.Evidence("pswpin", "pswpout")...)
	}}
}

func psi() see.Row {
	return see.Row{Check: fact.Check{
		ID: "sys.psi", Title: "How long tasks wait for processors, memory and disks", Reads: "/proc/pressure/cpu, memory, io",
		Rule: "processors above 20 % or all tasks waiting for memory above 1 %, over ten seconds, warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "It shows neighbours within this machine, where steal shows those outside.",
		Fix:     []fact.Fix{{Command: "see what takes them (systemd-cgtop, top), and bound or move it", Persist: "CPUWeight= and MemoryHigh= in the neighbour's unit", Risk: "less for others", Who: fact.Root, Undo: "the old bounds", Auto: fact.Never}},
		Sources: []string{"https://docs.kernel.org/accounting/psi.html"},
	}, Look: func(v *see.View) fact.Finding {
		var e []fact.Evidence
		var found []string
		status := fact.OK
		for _, kind := range []string{"cpu", "memory", "io"} {
			p, evidence, err := gauge.Read(v, "/proc/pressure/"+kind, parse.Pressures)
			if err != nil {
				return gauge.Unseen(v, err).With(e...)
			}
			e = append(e, evidence)
			found = append(found, fmt.Sprintf("%s %.1f %%", kind, p["some"].Avg10))
			if kind == "cpu" && p["some"].Avg10 > 20 || kind == "memory" && p["full"].Avg10 > 1 {
				status = fact.Warn
			}
		}
		return fact.Say(status, "some task waited in the last ten seconds for "+strings.Join(found, ", "), e...)
	}}
}

func thp() see.Row {
	const dir = "/sys/kernel/mm/transparent_hugepage/"
	return see.Row{Check: fact.Check{
		ID: "sys.thp", Title: "Transparent huge pages", Reads: dir + "enabled, defrag",
		Rule: "always, with memory made contiguous on the spot, warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
		Why:     "A page fault then waits until two megabytes in a row are found: spikes of milliseconds, and more memory held than used.",
		Fix:     []fact.Fix{{Command: "echo defer+madvise > " + dir + "defrag", Persist: "w " + dir + "defrag - - - - defer+madvise in /etc/tmpfiles.d/60-fishplate.conf", Risk: "huge pages come a moment later to who does not ask for them", Who: fact.Root, Undo: "echo always > " + dir + "defrag", Auto: fact.Asked, Set: []fact.Setting{{File: dir + "defrag", Value: "defer+madvise"}}}},
		Sources: []string{"https://docs.kernel.org/admin-guide/mm/transhuge.html"},
	}, Look: func(v *see.View) fact.Finding {
		chosen := func(b []byte) (string, error) {
			c, all, err := parse.Chosen(b)
			if err == nil && len(all) < 2 {
				err = errors.New("a single word is no choice")
			}
			return c, err
		}
		enabled, e1, err := gauge.Read(v, dir+"enabled", chosen)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		defrag, e2, err := gauge.Read(v, dir+"defrag", chosen)
		if err != nil {
			return gauge.Unseen(v, err).With(e1)
		}
		found := "enabled " + enabled + ", defrag " + defrag
		if enabled == "always" && defrag == "always" {
			return fact.Say(fact.Warn, found, e1, e2)
		}
		return fact.Say(fact.OK, found, e1, e2)
	}}
}

func balloon() see.Row {
	const file = "/proc/vmstat"
	return see.Row{Check: fact.Check{
		ID: "sys.balloon", Title: "Memory that the host took back", Reads: file,
		Rule: "never worse than information", Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Any,
		Why:     "Pages that come back from a balloon fault in the host when they are first touched.",
		Fix:     []fact.Fix{{Command: "give the guest fixed memory, without balloon or free page reporting", Risk: "the host has less to lend", Who: fact.ByHost, Undo: "add the balloon again"}},
		Sources: []string{"https://docs.oasis-open.org/virtio/virtio/v1.2/virtio-v1.2.html"},
	}, Look: func(v *see.View) fact.Finding {
		if !v.Env.Guest() {
			return fact.Say(fact.Skip, "not a virtual machine, as far as can be seen")
		}
		for _, name := range []string{"xen", "hyperv"} {
			if _, ok := v.Env.Is(fact.Hypervisor, name); ok {
				f := fact.Say(fact.Unknown, "the kernel does not count what the balloon of "+name+" takes")
				f.RunOn = "host"
				return f
			}
		}
		c, err := gauge.Count(v, file, parse.Pairs)
		if err == nil && !c.Known("balloon_inflate") {
			err = c.Missing("balloon_inflate")
		}
		if err != nil {
			return gauge.Unseen(v, err)
		}
		n := c.Sum("balloon_inflate")
		if n > 0 {
			return fact.Say(fact.Info, fmt.Sprintf("the host took %d pages %s", n, v.Span()), c.Evidence("balloon_inflate", "balloon_deflate")...)
		}
		return fact.Say(fact.OK, "the host took nothing by the balloon "+v.Span(), c.Evidence("balloon_inflate", "balloon_deflate")...)
	}}
}

func neighbours() see.Row {
	const file = "/proc/sys/net/ipv4/neigh/default/gc_thresh3"
	return see.Row{Check: fact.Check{
		ID: "sys.neigh", Title: "Room for neighbours' addresses", Reads: file + ", /proc/net/arp",
		Rule: "more than 80 % taken warns", Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Card,
		Why:     "On a flat network with many servers or clients the table overflows, and packets to new ones are dropped.",
		Fix:     []fact.Fix{fact.Sysctl("net.ipv4.neigh.default.gc_thresh3", "16384", "some kernel memory", fact.Freely, true)},
		Sources: []string{"https://docs.kernel.org/networking/ip-sysctl.html"},
	}, Look: func(v *see.View) fact.Finding {
		most, e, err := gauge.Number(v, file)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		text, err := v.Text("/proc/net/arp")
		if err == nil && !strings.HasPrefix(text, "IP address") {
			err = &see.Error{What: "/proc/net/arp", Class: see.Broken}
		}
		if err != nil {
			return gauge.Unseen(v, err)
		}
		n := strings.Count(text, "\n")
		f := fact.Say(fact.OK, fmt.Sprintf("%d of %d", n, most), e, fact.Read("/proc/net/arp", strconv.Itoa(n)+" rows", n))
		if float64(n) > 0.8*float64(most) {
			f.Status = fact.Warn
		}
		return f
	}}
}
