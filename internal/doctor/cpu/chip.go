package cpu

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func affinity() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.affinity", Title: "Processors that we may run on",
			Reads:    "sched_getaffinity, /sys/devices/system/cpu/online",
			Rule:     "warn: more listeners than processors that we may run on; information: fewer than there are",
			Why:      "A listener bound to a processor that we may not run on is always served from elsewhere.",
			Severity: fact.SevereWarn, Scope: fact.Process, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "as many listeners as processors, which auto does", Who: fact.Us, Auto: fact.Already, Risk: "none", Undo: "none is needed",
			}},
			Sources: []string{"https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html"},
		},
		Look: func(v *see.View) fact.Finding {
			allowed := v.Probe.Self().Affinity
			const file = "/sys/devices/system/cpu/online"
			online, ev, err := see.As(v.System, file, parse.CPUList)
			if err == nil && len(online) == 0 {
				err = &see.Error{What: file, Class: see.Broken}
			}
			switch {
			case err != nil:
				return gauge.Unseen(v, err)
			case len(allowed) == 0:
				return gauge.Unseen(v, &see.Error{What: "sched_getaffinity", Class: see.Hidden})
			}
			own := fact.Read("sched_getaffinity", fmt.Sprint(allowed), allowed)
			switch {
			case v.Ours != nil && v.Ours.Shards > len(allowed):
				return fact.Say(fact.Warn, fmt.Sprintf("%d listeners for %d processors", v.Ours.Shards, len(allowed)), own, ev)
			case len(allowed) < len(online):
				return fact.Say(fact.Info, fmt.Sprintf("%d of %d processors", len(allowed), len(online)), own, ev)
			}
			return fact.Say(fact.OK, fmt.Sprintf("all %d", len(allowed)), own, ev)
		},
	}
}

func governor() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.governor", Title: "Frequency of the processors",
			Reads:    "/sys/devices/system/cpu/cpu*/cpufreq/{scaling_governor,scaling_driver}",
			Rule:     "warn: powersave or conservative, but for the drivers intel_pstate and amd-pstate-epp, whose powersave is dynamic (information)",
			Why:      "A processor that is slow to speed up serves the first requests after a pause slowly.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "cpupower frequency-set -g performance", Persist: "governor='performance' in /etc/default/cpufrequtils", Who: fact.Root,
				Risk: "power", Undo: "cpupower frequency-set -g powersave",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/pm/cpufreq.html"},
		},
		Look: func(v *see.View) fact.Finding {
			files := v.Glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
			if len(files) == 0 {
				if v.Env.Guest() {
					return onHost("the host sets the frequency")
				}
				return gauge.Unseen(v, &see.Error{What: "/sys/devices/system/cpu/cpu0/cpufreq", Class: see.Absent})
			}
			by := map[string]int{}
			var ev []fact.Evidence
			driver := ""
			for _, file := range files {
				g, e, err := v.Says(file)
				if err != nil {
					return gauge.Unseen(v, err)
				}
				if by[g]++; by[g] == 1 {
					ev = append(ev, e)
				}
				driver, _ = v.Text(path.Dir(file) + "/scaling_driver") // "" when it is not told
			}
			lazy := by["powersave"] + by["conservative"]
			dynamic := driver == "intel_pstate" || driver == "amd-pstate-epp"
			text := fmt.Sprintf("%d of %d processors are on powersave or conservative (driver %s)", lazy, len(files), driver)
			switch {
			case by[""] > 0:
				return fact.Say(fact.Unknown, "the governor is not told", ev...)
			case lazy > 0 && dynamic:
				return fact.Say(fact.Info, text, ev...)
			case lazy > 0:
				return fact.Say(fact.Warn, text, ev...)
			}
			return fact.Say(fact.OK, strings.TrimSpace(fmt.Sprintf("no processor is on powersave or conservative %s", driver)), ev...)
		},
	}
}

func mitigations() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.mitigations", Title: "Vulnerabilities of the processor and what they cost",
			Reads:    "/sys/devices/system/cpu/vulnerabilities, mitigations= in /proc/cmdline",
			Rule:     "warn: one is open (Vulnerable); information: what is mitigated",
			Why:      "Mitigations make system calls and interrupts dearer: a published server gained 28 % without them on a Skylake. An open one lets tenants read each other's memory, and is never worth it on shared hosts.",
			Severity: fact.SevereWarn, Scope: fact.Kernel, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "mitigations=auto on the kernel's command line, new microcode; a newer processor, which needs fewer", Who: fact.Root,
				Risk: "slower system calls", Undo: "the old command line",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/hw-vuln/index.html"},
		},
		Look: func(v *see.View) fact.Finding {
			const dir = "/sys/devices/system/cpu/vulnerabilities"
			names, err := v.List(dir)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			var open, held []string
			var ev []fact.Evidence
			for _, n := range names {
				text, e, err := v.Says(dir + "/" + n)
				switch {
				case err != nil:
					return gauge.Unseen(v, err)
				case strings.HasPrefix(text, "Vulnerable"):
					open, ev = append(open, n), append(ev, e)
				case strings.HasPrefix(text, "Mitigation"):
					held, ev = append(held, n), append(ev, e)
				}
			}
			if line, err := v.Read("/proc/cmdline"); err == nil {
				for _, p := range parse.Cmdline(line) {
					if p.Name == "mitigations" {
						ev = append(ev, fact.Read("/proc/cmdline", "mitigations="+p.Value, p.Value))
					}
				}
			}
			switch {
			case len(names) == 0:
				return fact.Say(fact.Unknown, dir+" is empty")
			case len(open) > 0:
				return fact.Say(fact.Warn, "open: "+strings.Join(open, ", "), ev...)
			case len(held) > 0:
				return fact.Say(fact.Info, "mitigated: "+strings.Join(held, ", "), ev...)
			}
			return fact.Say(fact.Info, "this processor is affected by none of them", fact.Read(dir, strings.Join(names, " "), nil))
		},
	}
}

func simd() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.simd", Title: "Instructions for encryption and parsing",
			Reads:    "flags of /proc/cpuinfo: aes, pclmulqdq, sse4_2, avx2, vaes, sha_ni; on arm64 aes, pmull, sha2",
			Rule:     "warn: no aes; information: no avx2 or sse4_2; unknown on riscv64, where the isa line decides",
			Why:      "AES without its instructions is ten times slower, and so is every answer over TLS.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "QEMU: -cpu host; another instance type", Who: fact.ByHost, Risk: "no migration to an older host", Undo: "the old model",
			}},
			Sources: []string{"https://pkg.go.dev/internal/cpu"},
		},
		Look: func(v *see.View) fact.Finding {
			cpu, other, ok := chip(v)
			if !ok {
				return other
			}
			wanted := []string{"aes", "pclmulqdq", "sse4_2", "avx2", "vaes", "sha_ni"}
			if cpu.Has("pmull") || cpu.Has("asimd") {
				wanted = []string{"aes", "pmull", "sha2"}
			} else if !cpu.Has("sse2") {
				return fact.Say(fact.Unknown, "flags of a processor that we do not know")
			}
			var has, lacks []string
			for _, f := range wanted {
				if cpu.Has(f) {
					has = append(has, f)
				} else {
					lacks = append(lacks, f)
				}
			}
			ev := fact.Read(info, "flags: "+strings.Join(has, " "), has)
			switch {
			case !cpu.Has("aes"):
				return fact.Say(fact.Warn, "without "+strings.Join(lacks, ", "), ev)
			case slices.Contains(lacks, "avx2"), slices.Contains(lacks, "sse4_2"):
				return fact.Say(fact.Info, "without "+strings.Join(lacks, ", "), ev)
			}
			return fact.Say(fact.OK, strings.Join(has, ", "), ev)
		},
	}
}

func smt() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.smt", Title: "Threads of a core",
			Reads:    "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list",
			Rule:     "information",
			Why:      "Two processors of a cloud are often one core: twice as many listeners are then not twice as fast.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Any,
			Sources: []string{"https://docs.kernel.org/admin-guide/cputopology.html"},
		},
		Look: func(v *see.View) fact.Finding {
			files := v.Glob("/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list")
			if len(files) == 0 {
				return gauge.Unseen(v, &see.Error{What: "/sys/devices/system/cpu/cpu0/topology", Class: see.Absent})
			}
			cores := map[string]bool{}
			for _, file := range files {
				text, _, err := see.As(v.System, file, parse.CPUList)
				if err != nil {
					return gauge.Unseen(v, err)
				}
				cores[fmt.Sprint(text)] = true
			}
			_, ev, err := v.Says(files[0])
			if err != nil {
				return gauge.Unseen(v, err)
			}
			text := fmt.Sprintf("%d processors on %d cores", len(files), len(cores))
			if v.Env.Guest() {
				text += ", as far as the hypervisor says"
			}
			return fact.Say(fact.Info, text, ev)
		},
	}
}

func numa() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.numa", Title: "Memory nodes and the card's",
			Reads:    "/sys/devices/system/node/online, /sys/class/net/*/device/numa_node",
			Rule:     "warn: several nodes, and the cards stand at different ones; information: several nodes, or one that a hypervisor shows; ok: one",
			Why:      "A packet that is taken at one node and served at another crosses the link between them.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Card,
			Fix: []fact.Fix{{
				Command: "numactl --cpunodebind=N --membind=N fishplate serve …, N being the card's node", Persist: "NUMAPolicy=bind, NUMAMask=N and CPUAffinity= in the unit", Who: fact.Root,
				Risk: "the other nodes are idle", Undo: "take it out again",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/mm/numa_memory_policy.html"},
		},
		Look: func(v *see.View) fact.Finding {
			nodes, ev, err := see.As(v.System, "/sys/devices/system/node/online", parse.CPUList)
			switch {
			case err != nil:
				return gauge.Unseen(v, err)
			case len(nodes) == 0:
				return fact.Say(fact.Unknown, "no node is online, it says", ev)
			case len(nodes) == 1 && v.Env.Guest():
				return fact.Say(fact.Info, "one node, as far as the hypervisor says", ev)
			case len(nodes) == 1:
				return fact.Say(fact.OK, "one node", ev)
			}
			evidence := []fact.Evidence{ev}
			at := map[int64]bool{}
			cards, err := gauge.Cards(v)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			for _, c := range cards {
				dir, ok := gauge.Sysfs(v, c)
				if !ok {
					continue
				}
				n, e, err := gauge.Number(v, dir+"/device/numa_node")
				if err == nil && n >= 0 {
					at[n], evidence = true, append(evidence, e)
				}
			}
			text := fmt.Sprintf("%d nodes, cards at %d of them", len(nodes), len(at))
			if len(at) > 1 {
				return fact.Say(fact.Warn, text, evidence...)
			}
			return fact.Say(fact.Info, text, evidence...)
		},
	}
}
