package cpu

import (
	"fmt"
	"time"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// Names of measurements: seconds, or what the name says.
const (
	WakeSame   = "wake_same_cpu"
	WakeCross  = "wake_cross_cpu"
	Syscall    = "syscall"
	ClockVDSO  = "clock_vdso"
	ClockCall  = "clock_syscall"
	Fault      = "page_fault"
	Slack      = "timer_slack"
	CRR        = "crr_per_second"
	CRRLatency = "crr_p99"
	AES        = "aes_gcm_bytes_per_second"
	Sign       = "ecdsa_signs_per_second"
	Copy       = "memory_copy_bytes_per_second"
	Jitter     = "spin_longest_gap"
	Gaps       = "spin_gaps_per_second"
)

// measured returns results of --probe. Without one the row is not asked.
func measured(v *see.View, names ...string) (values []float64, ev []fact.Evidence, missing fact.Finding, ok bool) {
	if v.Measured == nil {
		return nil, nil, fact.Say(fact.Skip, "not measured: --probe does"), false
	}
	for _, n := range names {
		x, ok := v.Measured[n]
		if !ok {
			return nil, nil, fact.Say(fact.Unknown, n+" could not be measured here"), false
		}
		values = append(values, x)
		ev = append(ev, fact.Read("probe "+n, fmt.Sprintf("%.4g", x), x))
	}
	return values, ev, fact.Finding{}, true
}

// span writes seconds as people read them.
func span(seconds float64) string {
	d := time.Duration(seconds * 1e9)
	switch {
	case seconds < 1e-6:
		return fmt.Sprintf("%.0f ns", seconds*1e9)
	case seconds < 1e-3:
		return fmt.Sprintf("%.1f µs", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.1f ms", seconds*1e3)
	}
	return d.Round(time.Millisecond).String()
}

// rate writes a number of something a second.
func rate(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f G", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f M", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f k", n/1e3)
	}
	return fmt.Sprintf("%.0f ", n)
}

func wakeLatency() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.wake-latency", Title: "Waking a thread on another processor",
			Reads:    "--probe: a byte to and fro between two threads, both on one processor, then each on its own",
			Rule:     "warn: above 15 µs across processors, or more than five times the cost on one",
			Why:      "This is the rate of connections in virtual machines: a sleeping processor is woken by an interrupt that leaves the guest, twice for each connection that one thread accepts and another serves.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{
				{Command: "accept and serve a connection on one processor, which our listeners do", Who: fact.Us, Auto: fact.Already, Risk: "none", Undo: "none is needed"},
				{Command: "accept { spin = \"auto\" } in a listener: it looks at an empty queue before it sleeps", Who: fact.Us, Auto: fact.Asked, Risk: "a processor is busy while it looks", Undo: "spin = \"0s\""},
				{Command: "APICv or AVIC on, halt_poll_ns=200000, processors pinned", Persist: "options kvm halt_poll_ns=200000 in /etc/modprobe.d/kvm.conf", Who: fact.ByHost, Risk: "polling takes time of the host's processors", Undo: "halt_poll_ns=0"},
			},
			Sources: []string{"https://docs.kernel.org/virt/kvm/halt-polling.html"},
		},
		Look: func(v *see.View) fact.Finding {
			x, ev, missing, ok := measured(v, WakeSame, WakeCross)
			if !ok {
				return missing
			}
			same, cross := x[0], x[1]
			text := fmt.Sprintf("%s to another processor and back, %s on one", span(cross), span(same))
			if cross > 15e-6 || cross > 5*same {
				return fact.Say(fact.Warn, text, ev...)
			}
			return fact.Say(fact.OK, text, ev...)
		},
	}
}

func syscallCost() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.syscall-cost", Title: "Cost of a system call",
			Reads:    "--probe: getppid, 50,000 times, the best of five rounds",
			Rule:     "warn: above 300 ns (bare metal takes 40 to 100 ns)",
			Why:      "A short connection takes eight to eleven calls on each side; Xen's PV guests and mitigations make each one dearer.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "see virt.xen-mode, virt.gvisor, cpu.mitigations and sys.seccomp for what makes it dear", Who: fact.ByHost, Risk: "none", Undo: "none is needed",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/hw-vuln/index.html"},
		},
		Look: func(v *see.View) fact.Finding {
			x, ev, missing, ok := measured(v, Syscall)
			if !ok {
				return missing
			}
			if x[0] > 300e-9 {
				return fact.Say(fact.Warn, span(x[0])+" for a system call", ev...)
			}
			return fact.Say(fact.OK, span(x[0])+" for a system call", ev...)
		},
	}
}

// told is a row that only tells a measurement.
func told(c fact.Check, say func(x []float64) string, names ...string) see.Row {
	c.Severity = fact.SevereInfo
	return see.Row{Check: c, Look: func(v *see.View) fact.Finding {
		x, ev, missing, ok := measured(v, names...)
		if !ok {
			return missing
		}
		return fact.Say(fact.Info, say(x), ev...)
	}}
}

func pageFault() see.Row {
	return told(fact.Check{
		ID: "cpu.page-fault", Title: "Cost of a page fault",
		Reads: "--probe: the first touch of pages of fresh memory",
		Rule:  "information",
		Why:   "A tenant's request runs in a fork of an image: each page that it writes first is a fault, which under a hypervisor may be two.",
		Scope: fact.Host, Path: fact.Any, Sources: []string{"https://docs.kernel.org/virt/kvm/x86/mmu.html"},
	}, func(x []float64) string { return span(x[0]) + " for each page that is touched first" }, Fault)
}

func timerSlack() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.timer-slack", Title: "How late timers are",
			Reads:    "--probe: sleeps of 1 ms, how much longer they take, the median of them",
			Rule:     "warn: above 1 ms",
			Why:      "Time limits, retries and paced sending wait for timers; in a guest whose timer is imitated, or whose processor is not there, they come late.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "see cpu.steal and cpu.clock-cost; a machine with processors of its own", Who: fact.Provider, Risk: "another machine", Undo: "move back",
			}},
			Sources: []string{"https://man7.org/linux/man-pages/man7/time.7.html"},
		},
		Look: func(v *see.View) fact.Finding {
			x, ev, missing, ok := measured(v, Slack)
			if !ok {
				return missing
			}
			status := fact.OK
			if x[0] > 1e-3 {
				status = fact.Warn
			}
			return fact.Say(status, "a sleep of 1 ms takes "+span(x[0])+" longer", ev...)
		},
	}
}

func crrFloor() see.Row {
	return told(fact.Check{
		ID: "cpu.crr-floor", Title: "The machine's own rate of connections",
		Reads: "--probe: connect, a byte to and fro, close, on loopback with nothing else in the way",
		Rule:  "information: a server cannot be faster than this; fishplate bench measures ours beside it",
		Why:   "It tells the proxy from the machine: what is missing between this and what a server reaches is the server's.",
		Scope: fact.Host, Path: fact.Loopback, Sources: []string{"https://hewlettpackard.github.io/netperf/doc/netperf.html#TCP_005fCRR"},
	}, func(x []float64) string {
		return fmt.Sprintf("%.0f connections a second, 99 %% of them within %s", x[0], span(x[1]))
	}, CRR, CRRLatency)
}

func cryptoSpeed() see.Row {
	return told(fact.Check{
		ID: "cpu.crypto-speed", Title: "Speed of encryption",
		Reads: "--probe: AES-128-GCM over records of 16 KiB, signatures with P-256, on one processor",
		Rule:  "information",
		Why:   "A full handshake is one signature, and an answer over TLS is that many bytes.",
		Scope: fact.Host, Path: fact.Any, Sources: []string{"https://pkg.go.dev/crypto/tls"},
	}, func(x []float64) string {
		return fmt.Sprintf("%sB/s of AES-128-GCM, %.0f signatures a second on one processor", rate(x[0]), x[1])
	}, AES, Sign)
}

func memorySpeed() see.Row {
	return told(fact.Check{
		ID: "cpu.memory-speed", Title: "Speed of memory",
		Reads: "--probe: copies of 16 MiB on one processor",
		Rule:  "information",
		Why:   "Bodies of answers are copied into and out of the kernel.",
		Scope: fact.Host, Path: fact.Any, Sources: []string{"https://www.cs.virginia.edu/stream/ref.html"},
	}, func(x []float64) string { return rate(x[0]) + "B/s copied" }, Copy)
}
