package cpu

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/virt"
)

const stat = "/proc/stat"

// ticks returns /proc/stat, less what it was at the earlier look. A processor that
// was offline then is left out: what it did since cannot be told from what it did
// before.
func ticks(v *see.View) (parse.Stat, fact.Evidence, error) {
	now, ev, err := see.As(v.System, stat, parse.ProcStat)
	if err != nil || v.Before == nil {
		return now, shortened(ev), err
	}
	old, _, err := see.As(v.Before, stat, parse.ProcStat)
	if err != nil {
		return now, ev, err
	}
	d := parse.Stat{All: now.All.Minus(old.All), CPUs: map[int]parse.Times{}, Boot: now.Boot, Forks: now.Forks}
	for cpu, t := range now.CPUs {
		if was, ok := old.CPUs[cpu]; ok {
			d.CPUs[cpu] = t.Minus(was)
		}
	}
	return d, shortened(ev), nil
}

// shortened keeps the row of all processors.
func shortened(ev fact.Evidence) fact.Evidence {
	line, _, _ := strings.Cut(ev.Raw, "\n")
	return fact.Read(stat, line, nil)
}

// part is a share in percent, of a total that may be nothing.
func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

// stealSeen says whether stolen time would be shown, and if not why.
func stealSeen(v *see.View) (seen bool, why string) {
	for _, name := range []string{"hyperv", "virtualbox", "parallels", "bhyve", "qemu-tcg", "openbsd-vmm", "uml"} {
		if _, ok := v.Env.Is(fact.Hypervisor, name); ok {
			return false, name + " does not tell its guests what it takes from them"
		}
	}
	for _, name := range []string{"openvz", "wsl1", "gvisor"} {
		if _, ok := v.Env.Is(fact.Container, name); ok {
			return false, name + " does not tell what is taken from us"
		}
	}
	if gauge.Imitated(v, stat) {
		return false, "lxcfs imitates " + stat
	}
	s, _, err := see.As(v.System, stat, parse.ProcStat)
	silent := err != nil || s.All.Steal == 0
	if _, ok := v.Env.Is(fact.Hypervisor, "vmware"); ok && silent {
		return false, "VMware tells it only with stealclock, and nothing was told"
	}
	if _, ok := v.Env.Is(fact.Hypervisor, "kvm"); ok {
		leaf, _, known := virt.Features(v)
		switch {
		case known && leaf.EAX>>virt.StealBit&1 == 0:
			return false, "the host's KVM does not tell it (feature bit 5)"
		case !known && silent:
			return false, "whether the host's KVM tells it cannot be read here, and nothing was told"
		}
		return true, ""
	}
	below, guest := v.Env.Is(fact.Hypervisor, "")
	if _, xen := v.Env.Is(fact.Hypervisor, "xen"); guest && !xen && silent {
		return false, "whether the hypervisor (" + below.Name + ") tells it is not known, and nothing was told"
	}
	return true, ""
}

func steal() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.steal", Title: "Time stolen by the hypervisor",
			Reads:    "column steal of /proc/stat, of all processors and of each",
			Rule:     "fail: above 10 %; warn: above 2 % in all, or above 10 % of one processor; unknown where the hypervisor does not tell",
			Why:      "While a processor of ours does not run, connections pile up before accept: 30,000 a second and a gap of 100 ms are 3,000.",
			Severity: fact.SevereFail, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{
				{Command: "a larger instance or one with processors of its own; on types with credits: unlimited mode", Who: fact.Provider, Risk: "price", Undo: "move back"},
				{Command: "fewer virtual processors, or pinned ones (virsh vcpupin)", Who: fact.ByHost, Risk: "see cpu.pinning", Undo: "virsh vcpupin DOMAIN VCPU 0-N"},
			},
			Sources: []string{"https://docs.kernel.org/filesystems/proc.html"},
		},
		Look: lookSteal,
	}
}

func lookSteal(v *see.View) fact.Finding {
	s, ev, err := ticks(v)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	if s.All.Columns < 8 {
		return fact.Say(fact.Unknown, "this kernel does not count stolen time", ev)
	}
	if _, below := v.Env.Is(fact.Hypervisor, ""); below || v.Env.Contained() {
		if seen, why := stealSeen(v); !seen {
			f := onHost(why)
			f.Evidence = []fact.Evidence{ev}
			return f
		}
	} else if _, bare := v.Env.Is(fact.Hardware, "bare metal"); !bare {
		return fact.Say(fact.Unknown, "whether there is a hypervisor that would tell is not known", ev)
	}
	if s.All.Total() == 0 {
		return fact.Say(fact.Unknown, "no time was counted "+v.Span(), ev)
	}
	all, worst, at := part(s.All.Steal, s.All.Total()), 0.0, 0
	for _, cpu := range slices.Sorted(maps.Keys(s.CPUs)) {
		t := s.CPUs[cpu]
		if p := part(t.Steal, t.Total()); p > worst {
			worst, at = p, cpu
		}
	}
	ev.Parsed = map[string]any{"percent": round(all), "worst_cpu": at, "worst_percent": round(worst)}
	text := fmt.Sprintf("%.1f %% %s, at most %.1f %% of processor %d", all, v.Span(), worst, at)
	switch {
	case all > 10:
		return fact.Say(fact.Fail, text, ev)
	case all > 2, worst > 10:
		return fact.Say(fact.Warn, text, ev)
	}
	return fact.Say(fact.OK, text, ev)
}

func round(x float64) float64 { return math.Round(x*100) / 100 }

func stealVisible() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.steal-visible", Title: "Whether stolen time can be trusted",
			Reads:    "the hypervisor and its leaves, lxcfs in /proc/self/mountinfo; --probe: gaps of more than 1 ms in a loop of 200 ms that does nothing else",
			Rule:     "ok: it is told; information: it is not told and the loop had no gaps; unknown: it is not told and nothing was measured; warn: not told, and gaps were measured",
			Why:      "Hyper-V and VirtualBox always say zero, VMware mostly: zero is then no comfort.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "look at its load; a machine with processors of its own", Who: fact.ByHost, Risk: "price", Undo: "move back",
			}},
			Sources: []string{"https://docs.kernel.org/virt/kvm/x86/msr.html"},
		},
		Look: func(v *see.View) fact.Finding {
			// Xen's first domain shares its processors as guests do.
			if _, below := v.Env.Is(fact.Hypervisor, ""); !below && !v.Env.Contained() {
				if _, bare := v.Env.Is(fact.Hardware, "bare metal"); !bare {
					return fact.Say(fact.Unknown, "whether there is a hypervisor that would tell is not known")
				}
				return fact.Say(fact.Skip, "no hypervisor to steal")
			}
			_, ev, err := ticks(v)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			seen, why := stealSeen(v)
			if seen {
				return fact.Say(fact.OK, "the hypervisor tells what it takes", ev)
			}
			x, e, _, ok := measured(v, Jitter, Gaps)
			switch {
			case !ok:
				f := onHost(why)
				f.Evidence = []fact.Evidence{ev}
				return f
			case x[1] > 0:
				return fact.Say(fact.Warn, fmt.Sprintf("%s; a loop lost up to %s at once", why, span(x[0])), e...)
			}
			return fact.Say(fact.Info, fmt.Sprintf("%s; a loop lost at most %s at once", why, span(x[0])), e...)
		},
	}
}

func oneHot() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.one-hot", Title: "One processor busy, the others idle",
			Reads:    "/proc/stat by processor; NET_RX of /proc/softirqs",
			Rule:     "warn: one above 80 % and the median of the others below 40 %; information when nothing was busy since boot",
			Why:      "It is the picture of a single acceptor or a single queue: soft interrupts on it mean the card's queue, time in the system one accepting thread, stolen time the host.",
			Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
			Fix: []fact.Fix{
				{Command: "a listener for each processor, which ours have", Who: fact.Us, Auto: fact.Already, Risk: "none", Undo: "none is needed"},
				{Command: "more queues or RPS: see nic.queues and nic.rps", Who: fact.Root, Risk: "RPS costs a wake-up of another processor", Undo: "as said there"},
			},
			Sources: []string{"https://docs.kernel.org/networking/scaling.html"},
		},
		Look: lookOneHot,
	}
}

func lookOneHot(v *see.View) fact.Finding {
	s, ev, err := ticks(v)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	switch {
	case len(s.CPUs) < 2 && len(s.CPUs) > 0:
		return fact.Say(fact.Skip, "one processor")
	case len(s.CPUs) == 0:
		return fact.Say(fact.Unknown, stat+" has no row for each processor", ev)
	case s.All.Total() == 0:
		return fact.Say(fact.Unknown, "no time was counted "+v.Span(), ev)
	}
	hot, most := -1, -1.0
	var shares []float64
	for cpu, t := range s.CPUs {
		p := part(t.Busy(), t.Total())
		shares = append(shares, p)
		if p > most || p == most && cpu < hot {
			hot, most = cpu, p
		}
	}
	slices.Sort(shares)
	others := shares[(len(shares)-1)/2] // the lower half begins without the hot one
	t := s.CPUs[hot]
	ev.Parsed = map[string]any{"cpu": hot, "busy_percent": round(most), "others_median_percent": round(others)}
	text := fmt.Sprintf("processor %d is %.0f %% busy %s (%.0f %% system, %.0f %% soft interrupts), the others %.0f %%",
		hot, most, v.Span(), part(t.System, t.Total()), part(t.SoftIRQ, t.Total()), others)
	switch {
	case most <= 80 || others >= 40:
		if v.Before == nil {
			return fact.Say(fact.Info, text+"; under load --watch tells", ev)
		}
		return fact.Say(fact.OK, text, ev)
	}
	return fact.Say(fact.Warn, text, ev)
}

func quota() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.quota", Title: "Throttling by a control group",
			Reads:    "cpu.max and cpu.stat (nr_periods, nr_throttled, throttled_usec) of our control group and those above it; cpu.cfs_quota_us and cpu.stat of version 1",
			Rule:     "fail: above 10 % of the periods throttled; warn: above 1 %",
			Why:      "A group that has used up its time stands still for the rest of 100 ms, all threads at once: the accept queue must hold what arrives meanwhile.",
			Severity: fact.SevereFail, Scope: fact.Process, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "raise the limit: systemctl set-property UNIT CPUQuota=, docker update --cpus, resources.limits.cpu", Who: fact.ByHost,
				Risk: "less for others", Undo: "set the old limit",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/cgroup-v2.html", "https://docs.kernel.org/scheduler/sched-bwc.html"},
		},
		Look: lookQuota,
	}
}

func lookQuota(v *see.View) fact.Finding {
	files, _, err := gauge.Cgroup(v, "cpu", "cpu.stat")
	if err != nil && len(files) == 0 {
		return gauge.Unseen(v, err)
	}
	limit, limits, err := bound(v)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	worst, counted, evidence, err := throttled(v, files)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	evidence = append(limits, evidence...)
	if limit == 0 && worst == 0 {
		if len(evidence) == 0 {
			return fact.Say(fact.Info, "our control group has no limit that could be seen", fact.Read(v.Own()+"/cgroup", strings.Join(files, " "), nil))
		}
		return fact.Say(fact.OK, "no limit", evidence...)
	}
	if !counted {
		return fact.Say(fact.Unknown, fmt.Sprintf("limited to %.3g processors, and throttling is not counted", limit), evidence...)
	}
	text := fmt.Sprintf("limited to %.3g processors, throttled in %.1f %% of the periods %s", limit, worst, v.Span())
	if limit == 0 {
		text = fmt.Sprintf("throttled in %.1f %% of the periods %s", worst, v.Span())
	}
	switch {
	case worst > 10:
		return fact.Say(fact.Fail, text, evidence...)
	case worst > 1:
		return fact.Say(fact.Warn, text, evidence...)
	}
	return fact.Say(fact.OK, text, evidence...)
}

// throttled is the share of the periods in which one of our control groups stood
// still, in percent, by their files cpu.stat. counted is false when none counts.
func throttled(v *see.View, files []string) (worst float64, counted bool, evidence []fact.Evidence, err error) {
	for _, file := range files {
		c, err := gauge.Count(v, file, parse.Pairs)
		if err != nil {
			return 0, false, nil, err
		}
		periods, ok := c.Get("nr_periods")
		if !ok {
			continue // the first group of all has no limit, and counts none
		}
		counted = true
		stopped, _ := c.Get("nr_throttled")
		evidence = append(evidence, c.Evidence("nr_periods", "nr_throttled")...)
		worst = max(worst, part(stopped, periods))
	}
	return worst, counted, evidence, nil
}

// Shortage is what kept processors from us, in percent: 0 is nothing, or nothing
// that could be seen.
type Shortage struct {
	Busy      float64 // of all processors' time, by whomever
	Stolen    float64 // by the hypervisor
	Throttled float64 // of the periods of our control groups
}

// Short says what kept processors from us between the two looks; without an
// earlier one since boot.
func Short(v *see.View) (s Shortage) {
	if t, _, err := ticks(v); err == nil {
		s.Busy, s.Stolen = part(t.All.Busy(), t.All.Total()), part(t.All.Steal, t.All.Total())
	}
	if files, _, err := gauge.Cgroup(v, "cpu", "cpu.stat"); err == nil {
		if worst, _, _, err := throttled(v, files); err == nil {
			s.Throttled = worst
		}
	}
	return s
}

// bound is the smallest limit of our group and of those above it in processors, 0
// for none.
func bound(v *see.View) (limit float64, evidence []fact.Evidence, err error) {
	less := func(n float64) {
		if n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	files, _, _ := gauge.Cgroup(v, "cpu", "cpu.max") // the first group has none
	for _, file := range files {
		n, ev, err := see.As(v.System, file, parse.CPUMax)
		if err != nil {
			return 0, nil, err
		}
		evidence = append(evidence, ev)
		less(n)
	}
	files, v1, _ := gauge.Cgroup(v, "cpu", "cpu.cfs_quota_us")
	for _, file := range files {
		if !v1 {
			break
		}
		quota, err := v.Read(file)
		if err != nil {
			return 0, nil, err
		}
		period, err := v.Read(strings.TrimSuffix(file, "quota_us") + "period_us")
		if err != nil {
			return 0, nil, err
		}
		n, err := parse.Quota(quota, period)
		if err != nil {
			return 0, nil, &see.Error{What: file, Class: see.Broken, Err: err}
		}
		evidence = append(evidence, fact.Read(file, string(quota), n))
		less(n)
	}
	return limit, evidence, nil
}
