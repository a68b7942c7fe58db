package cpu

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
	clockNow = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	clockAll = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
)

// fastClocks can be read without a system call.
func fastClocks() []string {
	return []string{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"}
}

// slowClocks need one, or a slow device.
func slowClocks() []string {
	return []string{"xen", "hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "hyperv_clocksource_msr"}
}

func clockCost() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.clock-cost", Title: "Clock source and its cost",
			Reads:    clockNow + ", " + clockAll + ", flags constant_tsc and nonstop_tsc; --probe: clock_gettime by the vDSO and by a system call",
			Rule:     "warn: above 100 ns when measured; else a source that needs a system call (xen, hpet, acpi_pm, jiffies, refined-jiffies); tsc is proposed where it is offered and steady",
			Why:      "Each timer, deadline and line of the log reads the clock. Xen's source was 77 % slower in a published measurement, and leaving it took 30 % off the 95th percentile.",
			Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "echo tsc > " + clockNow, Persist: "clocksource=tsc tsc=reliable on the kernel's command line", Who: fact.Root,
				Risk: "after a live migration to a processor of another frequency the time is wrong, unless the host scales it",
				Undo: "write the old name back",
				Auto: fact.Asked, Set: []fact.Setting{{File: clockNow, Value: "tsc"}},
			}},
			Sources: []string{"https://docs.kernel.org/timers/timekeeping.html", "https://docs.kernel.org/virt/kvm/x86/timekeeping.html"},
		},
		Look: lookClock,
	}
}

func lookClock(v *see.View) fact.Finding {
	now, ev, err := v.Says(clockNow)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	all, evAll, err := v.Says(clockAll)
	evidence := []fact.Evidence{ev}
	if err == nil {
		evidence = append(evidence, evAll)
	}
	fast, known := slices.Contains(fastClocks(), now), slices.Contains(slowClocks(), now)
	text := now
	if x, e, _, ok := measured(v, ClockVDSO); ok {
		evidence, text = append(evidence, e...), fmt.Sprintf("%s, %s a look", now, span(x[0]))
		fast, known = x[0] <= 100e-9, true
	}
	switch {
	case !fast && !known:
		return fact.Say(fact.Unknown, "a clock source that we do not know: --probe tells what it costs", evidence...)
	case fast && now == "kvm-clock" || fast && now == "tsc" && v.Env.Guest():
		return fact.Say(fact.OK, text+"; a live migration may move it, see sys.migration", evidence...)
	case fast:
		return fact.Say(fact.OK, text, evidence...)
	case !slices.Contains(strings.Fields(all), "tsc"):
		return fact.Say(fact.Warn, text+", and tsc is not offered", evidence...).Mend(fact.Fix{
			Command: "clocksource=tsc tsc=reliable on the kernel's command line, or a host that offers a stable tsc", Who: fact.ByHost,
			Risk: "wrong time when the processor's counter is not steady", Undo: "take it out again",
		})
	}
	if steady, e := steadyTSC(v); !steady {
		return fact.Say(fact.Warn, text+", and the processor does not promise a steady tsc", append(evidence, e)...).Mend(fact.Fix{
			Command: "a host, or a processor, whose tsc is constant and does not stop", Who: fact.ByHost, Risk: "another machine", Undo: "move back",
		})
	}
	return fact.Say(fact.Warn, text, evidence...)
}

// steadyTSC reports whether the processor says that its counter ticks at one rate
// and in every sleep: without that a change to it makes the time wrong.
func steadyTSC(v *see.View) (bool, fact.Evidence) {
	cpu, _, err := see.As(v.System, info, parse.ProcCPUInfo)
	if err != nil {
		return false, fact.Evidence{Source: info}
	}
	constant, nonstop := cpu.Has("constant_tsc"), cpu.Has("nonstop_tsc")
	return constant && nonstop, fact.Read(info, fmt.Sprintf("flags: constant_tsc %v, nonstop_tsc %v", constant, nonstop), constant && nonstop)
}

const (
	idleDriver = "/sys/devices/system/cpu/cpuidle/current_driver"
	guestPoll  = "/sys/module/haltpoll/parameters/guest_halt_poll_ns"
	hostPoll   = "/sys/module/kvm/parameters/halt_poll_ns"
)

func haltpoll() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.haltpoll", Title: "Polling before a processor goes to sleep",
			Reads:    idleDriver + ", " + guestPoll + "; on a host " + hostPoll,
			Rule:     "warn: a guest that does not poll and whose wake-ups are measured to be slow; information when they are not measured; ok: it polls, or wake-ups are quick",
			Why:      "A processor that halts leaves the guest, and waking it is an exit of another one: with few connections that is each of them.",
			Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
			Fix:     haltpolling(),
			Sources: []string{"https://docs.kernel.org/virt/guest-halt-polling.html", "https://docs.kernel.org/virt/kvm/halt-polling.html"},
		},
		Look: lookHaltpoll,
	}
}

// haltpolling makes a guest poll: by a driver, for a time.
func haltpolling() []fact.Fix {
	const spins = "processors spin for 0.2 ms before they sleep: on instances with credits that is paid"
	return []fact.Fix{{
		Command: "modprobe cpuidle-haltpoll force=1", Persist: "cpuidle_haltpoll.force=1 on the kernel's command line", Who: fact.Root,
		Risk: spins, Undo: "modprobe -r cpuidle-haltpoll", Auto: fact.Never,
	}, {
		Command: "echo 200000 > " + guestPoll, Persist: "haltpoll.guest_halt_poll_ns=200000 on the kernel's command line", Who: fact.Root,
		Risk: spins, Undo: "echo 0 > " + guestPoll,
		Auto: fact.Asked, Set: []fact.Setting{{File: guestPoll, Value: "200000", Raise: true}},
	}}
}

func lookHaltpoll(v *see.View) fact.Finding {
	if !v.Env.Guest() {
		n, ev, err := gauge.Number(v, hostPoll)
		switch {
		case see.ClassOf(err) == see.Absent:
			return fact.Say(fact.Skip, "neither a guest nor a host of KVM")
		case err != nil:
			return gauge.Unseen(v, err)
		case n == 0:
			return fact.Say(fact.Info, "the host does not poll for its guests", ev)
		}
		return fact.Say(fact.OK, fmt.Sprintf("the host polls %d µs for its guests", n/1000), ev)
	}
	driver, ev, err := v.Says(idleDriver)
	if err != nil {
		return gauge.Unseen(v, err)
	}
	evidence := []fact.Evidence{ev}
	ns, evNs, err := gauge.Number(v, guestPoll)
	if err == nil {
		evidence = append(evidence, evNs)
	} else if see.ClassOf(err) != see.Absent {
		return gauge.Unseen(v, err)
	}
	if driver == "haltpoll" && ns > 0 {
		return fact.Say(fact.OK, fmt.Sprintf("polls %d µs", ns/1000), evidence...)
	}
	text := fmt.Sprintf("driver %s, polling for %d ns", driver, ns)
	x, e, _, ok := measured(v, WakeCross)
	switch {
	case !ok:
		return fact.Say(fact.Info, text+"; --probe tells whether wake-ups are slow", evidence...)
	case x[0] > 15e-6:
		f := fact.Say(fact.Warn, text+", and a wake-up takes "+span(x[0]), append(evidence, e...)...)
		if driver == "haltpoll" {
			return f.Mend(haltpolling()[1])
		}
		return f
	}
	return fact.Say(fact.OK, text+"; wake-ups are quick all the same", append(evidence, e...)...)
}

func pmu() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.pmu", Title: "Whether profiles can be trusted",
			Reads:    "/sys/bus/event_source/devices (cpu, armv8_pmuv3_0), cpuid 0xa EAX, /proc/sys/kernel/perf_event_paranoid",
			Rule:     "information",
			Why:      "Without counters a profile samples by a timer. In a guest of KVM that has them your guest's perf charges the host's exit work to whatever ran: handlers of interrupts look dear that are not.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Any,
			Sources: []string{"https://docs.kernel.org/admin-guide/perf-security.html"},
		},
		Look: func(v *see.View) fact.Finding {
			names, err := v.List("/sys/bus/event_source/devices")
			if err != nil {
				return gauge.Unseen(v, err)
			}
			ev := []fact.Evidence{fact.Read("/sys/bus/event_source/devices", strings.Join(names, " "), names)}
			if r, err := v.Probe.CPUID(0xa, 0); err == nil {
				ev = append(ev, fact.Read("cpuid 0xa", fmt.Sprintf("eax=%#x", r.EAX), r.EAX&0xff))
			}
			if text, e, err := v.Says("/proc/sys/kernel/perf_event_paranoid"); err == nil && text != "" {
				ev = append(ev, e)
			}
			counters := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "cpu") || strings.Contains(n, "_pmu") })
			switch {
			case !counters:
				return fact.Say(fact.Info, "no hardware counters: profiles sample by a timer", ev...)
			case v.Env.Guest():
				return fact.Say(fact.Info, "hardware counters; your guest's perf charges the host's exit work to whatever ran", ev...)
			}
			return fact.Say(fact.Info, "hardware counters", ev...)
		},
	}
}

// chip reads /proc/cpuinfo; other is the finding where that names no abilities.
func chip(v *see.View) (cpu parse.CPUInfo, other fact.Finding, ok bool) {
	cpu, _, err := see.As(v.System, info, parse.ProcCPUInfo)
	switch {
	case err != nil:
		return cpu, gauge.Unseen(v, err), false
	case len(cpu.Flags) == 0:
		return cpu, fact.Say(fact.Unknown, info+" names no abilities of the processor"), false
	}
	return cpu, fact.Finding{}, true
}
