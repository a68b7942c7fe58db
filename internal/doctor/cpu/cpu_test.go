package cpu

import (
	"maps"
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/trial"
)

type files = map[string]string

func layer(kind fact.Kind, name string) fact.Layer {
	return fact.Layer{Kind: kind, Name: name, Confidence: fact.High, Evidence: []fact.Evidence{fact.Read("/x", name, name)}}
}

func cpuinfo(flags, vmx string) files {
	text := "processor\t: 0\nmodel name\t: X\nflags\t\t: " + flags + "\n"
	if vmx != "" {
		text += "vmx flags\t: " + vmx + "\n"
	}
	return files{info: text}
}

func with(list ...files) files {
	all := files{}
	for _, f := range list {
		maps.Copy(all, f)
	}
	return all
}

// times is /proc/stat of two processors: user, idle and steal of each.
func times(u0, i0, s0, u1, i1, s1 string) files {
	row := func(name, u, i, s string) string { return name + " " + u + " 0 0 " + i + " 0 0 0 " + s + " 0 0\n" }
	return files{stat: row("cpu", u0, i0, s0) + row("cpu0", u0, i0, s0) + row("cpu1", u1, i1, s1)}
}

func TestRows(t *testing.T) {
	metal, kvm := []fact.Layer{layer(fact.Hardware, "bare metal")}, []fact.Layer{layer(fact.Hypervisor, "kvm")}
	hyperv := []fact.Layer{layer(fact.Hypervisor, "hyperv")}
	dom := []fact.Layer{layer(fact.Hypervisor, "xen"), layer(fact.Paravirtual, "xen-dom0")}
	vmware := []fact.Layer{layer(fact.Hypervisor, "vmware")}
	const (
		// All of it: true controls, secondary controls, TPR shadow, and the three abilities.
		msrs = `{"msr": {"0x480": "0x80000000000000", "0x48e": "0x8020000000000000", "0x48b": "0x30000000000", "0x48d": "0x8000000000"}}`
		// Without true controls the other registers are the ones to ask, and they lack posted interrupts.
		older = `{"msr": {"0x480": "0x0", "0x482": "0x8020000000000000", "0x48b": "0x30000000000", "0x481": "0x0", "0x48e": "0x0", "0x48d": "0x8000000000"}}`
		// The same with tertiary controls, of which one is for sending.
		ipis   = `{"msr": {"0x480": "0x80000000000000", "0x48e": "0x8022000000000000", "0x48b": "0x30000000000", "0x48d": "0x8000000000", "0x492": "0x10"}}`
		shut   = `{"msr": {"0x480": "EIO"}}`
		avicOn = `{"cpuid": {"0x8000000a": {"EDX": 270336}}}`
		avicNo = `{"cpuid": {"0x8000000a": {"EDX": 0}}}`
		tells  = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}, "0x40000001": {"EAX": 32}}}`
		silent = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}, "0x40000001": {"EAX": 1}}}`
		two    = `{"self": {"affinity": [0, 1]}}`
		one    = `{"self": {"affinity": [1]}}`
	)
	online := files{"/sys/devices/system/cpu/online": "0-1\n"}
	param := func(v string) files { return files{"/sys/module/kvm_intel/parameters/enable_apicv": v} }
	clock := func(now, all string) files { return files{clockNow: now, clockAll: all} }
	group := func(max, stat string) files {
		return files{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": max, "/sys/fs/cgroup/cpu.stat": stat}
	}
	guest := func(name, allowed string) files {
		return files{"/dev/kvm": "", "/proc/7/task/8/comm": name, "/proc/7/task/8/status": "Name:\tx\nCpus_allowed_list:\t" + allowed + "\n"}
	}
	gov := func(g, d string) files {
		return files{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": g, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": d}
	}
	const vuln = "/sys/devices/system/cpu/vulnerabilities/"
	trial.Run(t, Rows(), []trial.Case{
		{ID: "cpu.apicv", Env: kvm, Want: fact.Unknown, RunOn: "host", Files: cpuinfo("vmx", "apicv posted_intr")},
		{ID: "cpu.apicv", Env: metal, Want: fact.OK, Says: "without IPI", Files: cpuinfo("vmx apic", "vnmi apicv posted_intr")},
		{ID: "cpu.apicv", Env: metal, Want: fact.OK, Files: cpuinfo("vmx", "vapic_reg vid posted_intr ipiv")},
		{ID: "cpu.apicv", Env: metal, Want: fact.Warn, Says: "missing: posted interrupts", Files: cpuinfo("vmx", "vapic_reg vid")},
		{ID: "cpu.apicv", Env: metal, Want: fact.OK, Says: "without IPI", Files: cpuinfo("vmx", ""), Probe: msrs},
		{ID: "cpu.apicv", Env: metal, Want: fact.OK, Says: "posted interrupts", Files: cpuinfo("vmx", ""), Probe: ipis},
		{ID: "cpu.apicv", Env: metal, Want: fact.Warn, Says: "missing: posted interrupts", Files: cpuinfo("vmx", ""), Probe: older},
		{ID: "cpu.apicv", Env: metal, Want: fact.Unknown, RunOn: "root", Files: cpuinfo("vmx", ""), Probe: shut},
		{ID: "cpu.apicv", Env: metal, Want: fact.OK, Says: "x2AVIC", Files: cpuinfo("svm", ""), Probe: avicOn},
		{ID: "cpu.apicv", Env: metal, Want: fact.Warn, Files: cpuinfo("svm", ""), Probe: avicNo},
		{ID: "cpu.apicv", Env: metal, Want: fact.Skip, Files: cpuinfo("fpu", "")},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.OK, Files: param("Y\n")},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Warn, Says: "enable_apicv", Files: param("N\n")},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Warn, Files: with(param("N\n"), cpuinfo("vmx", "apicv posted_intr"))},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Info, Says: "enable_apicv", Files: with(param("N\n"), cpuinfo("vmx", "vnmi flexpriority"))},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Info, Files: with(files{"/sys/module/kvm_amd/parameters/avic": "N\n"}, cpuinfo("svm", "")), Probe: avicNo},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Warn, Files: with(files{"/sys/module/kvm_amd/parameters/avic": "N\n"}, cpuinfo("svm", "")), Probe: avicOn},
		{ID: "cpu.apicv-param", Env: metal, Want: fact.Skip},
		{ID: "cpu.apicv-param", Env: kvm, Want: fact.Unknown, RunOn: "host", Files: param("Y\n")},
		{ID: "cpu.x2apic", Want: fact.OK, Files: cpuinfo("apic x2apic", "")},
		{ID: "cpu.x2apic", Want: fact.Info, Files: cpuinfo("apic", "")},
		{ID: "cpu.x2apic", Want: fact.Info, Says: "boot", Files: with(cpuinfo("apic x2apic", ""), files{"/proc/cmdline": "quiet nox2apic"})},
		{ID: "cpu.x2apic", Want: fact.Skip, Files: cpuinfo("asimd", "")},
		{ID: "cpu.pinning", Env: kvm, Want: fact.Unknown, RunOn: "host"},
		{ID: "cpu.pinning", Env: metal, Want: fact.OK, Says: "0 of them not pinned", Files: with(online, guest("CPU 0/KVM", "1"))},
		{ID: "cpu.pinning", Env: metal, Want: fact.OK, Says: "1 of them not pinned", Files: with(online, guest("CPU 0/KVM", "0-1"))},
		{ID: "cpu.pinning", Env: metal, Want: fact.Skip, Files: with(online, guest("bash", "0-1"))},
		{ID: "cpu.pinning", Env: metal, Want: fact.Unknown, RunOn: "root", Files: with(online, guest("CPU 0/KVM", "1")), Probe: `{"errors": {"/proc/7/task/8/comm": "EACCES"}}`},
		{ID: "cpu.pinning", Env: metal, Want: fact.Skip, Files: online},
		{ID: "cpu.pinning", Env: dom, Want: fact.Warn, Files: files{XenInfo: "nr_cpus : 4\nxen_commandline : placeholder\n"}},
		{ID: "cpu.pinning", Env: dom, Want: fact.OK, Files: files{XenInfo: "nr_cpus : 4\nxen_commandline : dom0_max_vcpus=1 dom0_vcpus_pin\n"}},
		{ID: "cpu.pinning", Env: dom, Want: fact.Unknown, RunOn: "host"},
		{ID: "cpu.wake-latency", Want: fact.Skip},
		{ID: "cpu.wake-latency", Want: fact.Unknown, Measured: map[string]float64{}},
		{ID: "cpu.wake-latency", Want: fact.Warn, Says: "59.8 µs to another processor and back, 4.4 µs on one", Measured: map[string]float64{WakeSame: 4.4e-6, WakeCross: 59.8e-6}},
		{ID: "cpu.wake-latency", Want: fact.OK, Measured: map[string]float64{WakeSame: 2e-6, WakeCross: 9e-6}},
		{ID: "cpu.wake-latency", Want: fact.Warn, Measured: map[string]float64{WakeSame: 6e-6, WakeCross: 16e-6}},
		{ID: "cpu.wake-latency", Want: fact.Warn, Measured: map[string]float64{WakeSame: 2e-6, WakeCross: 11e-6}},
		{ID: "cpu.syscall-cost", Want: fact.OK, Measured: map[string]float64{Syscall: 148e-9}},
		{ID: "cpu.syscall-cost", Want: fact.Warn, Says: "900 ns", Measured: map[string]float64{Syscall: 900e-9}},
		{ID: "cpu.page-fault", Want: fact.Info, Measured: map[string]float64{Fault: 7e-7}},
		{ID: "cpu.timer-slack", Want: fact.OK, Measured: map[string]float64{Slack: 6e-5}},
		{ID: "cpu.timer-slack", Want: fact.Warn, Measured: map[string]float64{Slack: 2e-3}},
		{ID: "cpu.crr-floor", Want: fact.Info, Says: "15400 connections", Measured: map[string]float64{CRR: 15400, CRRLatency: 61e-6}},
		{ID: "cpu.crypto-speed", Want: fact.Info, Says: "4.2 GB/s", Measured: map[string]float64{AES: 4.2e9, Sign: 40000}},
		{ID: "cpu.memory-speed", Want: fact.Info, Measured: map[string]float64{Copy: 9e9}},
		{ID: "cpu.clock-cost", Want: fact.OK, Env: metal, Files: clock("tsc\n", "tsc hpet acpi_pm")},
		{ID: "cpu.clock-cost", Want: fact.OK, Env: kvm, Says: "migration", Files: clock("kvm-clock\n", "kvm-clock tsc")},
		{ID: "cpu.clock-cost", Want: fact.Warn, Says: "xen", Files: with(clock("xen\n", "xen tsc"), cpuinfo("constant_tsc nonstop_tsc", ""))},
		{ID: "cpu.clock-cost", Want: fact.Warn, Says: "does not promise a steady tsc", Files: with(clock("xen\n", "xen tsc"), cpuinfo("constant_tsc", ""))},
		{ID: "cpu.clock-cost", Want: fact.Warn, Says: "does not promise a steady tsc", Files: clock("xen\n", "xen tsc")},
		{ID: "cpu.clock-cost", Want: fact.Warn, Says: "tsc is not offered", Files: clock("hpet\n", "hpet acpi_pm")},
		{ID: "cpu.clock-cost", Want: fact.OK, Files: clock("odd\n", "odd"), Measured: map[string]float64{ClockVDSO: 2e-8}},
		{ID: "cpu.clock-cost", Want: fact.Warn, Says: "1.2 µs", Files: clock("tsc\n", "tsc"), Measured: map[string]float64{ClockVDSO: 1.2e-6}},
		{ID: "cpu.clock-cost", Want: fact.Unknown},
		{ID: "cpu.haltpoll", Env: kvm, Want: fact.OK, Says: "200 µs", Files: files{idleDriver: "haltpoll\n", guestPoll: "200000\n"}},
		{ID: "cpu.haltpoll", Env: kvm, Want: fact.Info, Files: files{idleDriver: "haltpoll\n", guestPoll: "0\n"}},
		{ID: "cpu.haltpoll", Env: kvm, Want: fact.Warn, Says: "60.0 µs", Files: files{idleDriver: "haltpoll\n", guestPoll: "0\n"}, Measured: map[string]float64{WakeCross: 60e-6}},
		{ID: "cpu.haltpoll", Env: kvm, Want: fact.Warn, Says: "driver none", Files: files{idleDriver: "none\n", guestPoll: "200000\n"}, Measured: map[string]float64{WakeCross: 60e-6}},
		{ID: "cpu.haltpoll", Env: kvm, Want: fact.OK, Files: files{idleDriver: "none\n"}, Measured: map[string]float64{WakeCross: 6e-6}},
		{ID: "cpu.haltpoll", Env: metal, Want: fact.OK, Files: files{hostPoll: "200000\n"}},
		{ID: "cpu.haltpoll", Env: metal, Want: fact.Info, Files: files{hostPoll: "0\n"}},
		{ID: "cpu.haltpoll", Env: metal, Want: fact.Skip},
		{ID: "cpu.steal", Env: kvm, Want: fact.OK, Files: times("50", "949", "1", "25", "474", "1")},
		{ID: "cpu.steal", Env: kvm, Want: fact.Warn, Says: "5.0 %", Files: times("50", "900", "50", "25", "450", "25")},
		{ID: "cpu.steal", Env: kvm, Want: fact.Warn, Says: "of processor 1", Files: times("50", "949", "1", "25", "75", "25")},
		{ID: "cpu.steal", Env: kvm, Want: fact.Fail, Files: times("50", "800", "150", "25", "450", "25")},
		{ID: "cpu.steal", Env: kvm, Want: fact.OK, Files: times("50", "800", "150", "25", "450", "25"), Before: times("40", "700", "150", "20", "400", "25")},
		{ID: "cpu.steal", Env: kvm, Want: fact.Unknown, Files: files{stat: "cpu 1 2 3 4 5 6 7\n"}},
		{ID: "cpu.steal", Env: kvm, Want: fact.Unknown, Says: "no time was counted", Files: times("50", "800", "150", "25", "450", "25"), Before: times("50", "800", "150", "25", "450", "25")},
		{ID: "cpu.steal", Env: kvm, Want: fact.OK, Says: "at most 0.0 %", Files: times("50", "800", "150", "25", "450", "250"), Before: files{stat: "cpu 40 0 0 700 0 0 0 150\ncpu0 40 0 0 700 0 0 0 150\n"}},
		{ID: "cpu.steal", Env: []fact.Layer{layer(fact.Hypervisor, "bhyve")}, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: []fact.Layer{layer(fact.Hypervisor, "unknown")}, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: []fact.Layer{layer(fact.Hypervisor, "unknown")}, Want: fact.Warn, Files: times("50", "900", "50", "25", "450", "25")},
		{ID: "cpu.steal", Env: []fact.Layer{layer(fact.Hypervisor, "xen")}, Want: fact.OK, Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: kvm, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: dom, Want: fact.Warn, Files: times("50", "900", "50", "25", "450", "25")},
		{ID: "cpu.steal", Env: hyperv, Want: fact.Unknown, RunOn: "host", Says: "does not tell", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: vmware, Want: fact.Unknown, RunOn: "host", Says: "stealclock", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: []fact.Layer{layer(fact.Container, "wsl1")}, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Env: metal, Want: fact.OK, Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal", Want: fact.Unknown, Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: kvm, Probe: tells, Want: fact.OK, Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: kvm, Probe: silent, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: kvm, Want: fact.Unknown, RunOn: "host", Says: "cannot be read", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: dom, Want: fact.OK, Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: hyperv, Want: fact.Unknown, RunOn: "host", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.steal-visible", Env: hyperv, Want: fact.Warn, Files: times("50", "949", "0", "25", "474", "0"), Measured: map[string]float64{Jitter: 4e-3, Gaps: 10}},
		{ID: "cpu.steal-visible", Env: hyperv, Want: fact.Info, Files: times("50", "949", "0", "25", "474", "0"), Measured: map[string]float64{Jitter: 4e-5, Gaps: 0}},
		{ID: "cpu.steal-visible", Env: metal, Want: fact.Skip},
		{ID: "cpu.one-hot", Want: fact.Info, Says: "--watch", Files: times("50", "949", "0", "25", "474", "0")},
		{ID: "cpu.one-hot", Want: fact.Warn, Says: "processor 0 is 95 % busy", Files: times("950", "50", "0", "10", "990", "0"), Before: times("0", "0", "0", "0", "0", "0")},
		{ID: "cpu.one-hot", Want: fact.Warn, Says: "since boot", Files: times("950", "50", "0", "10", "990", "0")},
		{ID: "cpu.one-hot", Want: fact.OK, Files: times("950", "50", "0", "950", "50", "0"), Before: times("0", "0", "0", "0", "0", "0")},
		{ID: "cpu.one-hot", Want: fact.Unknown, Files: files{stat: "cpu 1 2 3 4\n"}},
		{ID: "cpu.one-hot", Want: fact.Skip, Says: "one processor", Files: times("950", "50", "0", "10", "990", "0"), Before: files{stat: "cpu 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0\n"}},
		{ID: "cpu.quota", Want: fact.OK, Says: "no limit", Files: group("max 100000\n", "usage_usec 1\nnr_periods 0\nnr_throttled 0\n")},
		{ID: "cpu.quota", Want: fact.Fail, Says: "1.5 processors, throttled in 90.0 %", Files: group("150000 100000\n", "nr_periods 1000\nnr_throttled 900\n")},
		{ID: "cpu.quota", Want: fact.Warn, Files: group("150000 100000\n", "nr_periods 1000\nnr_throttled 50\n")},
		{ID: "cpu.quota", Want: fact.OK, Files: group("150000 100000\n", "nr_periods 1000\nnr_throttled 900\n"), Before: group("150000 100000\n", "nr_periods 900\nnr_throttled 900\n")},
		{ID: "cpu.quota", Want: fact.Unknown, Files: group("150000 100000\n", "usage_usec 1\n")},
		{ID: "cpu.quota", Want: fact.Info, Files: files{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.stat": "usage_usec 1\n"}},
		{ID: "cpu.quota", Want: fact.Unknown},
		{ID: "cpu.affinity", Want: fact.OK, Files: online, Probe: two},
		{ID: "cpu.affinity", Want: fact.Info, Says: "1 of 2", Files: online, Probe: one},
		{ID: "cpu.affinity", Want: fact.Warn, Files: online, Probe: one, Ours: &see.Ours{Shards: 2}},
		{ID: "cpu.affinity", Want: fact.Unknown},
		{ID: "cpu.affinity", Want: fact.Unknown, Says: "/sys/devices/system/cpu/online", Files: files{"/sys/devices/system/cpu/online": "\n"}, Probe: two},
		{ID: "cpu.governor", Env: metal, Want: fact.Warn, Files: gov("powersave\n", "acpi-cpufreq\n")},
		{ID: "cpu.governor", Env: metal, Want: fact.Info, Files: gov("powersave\n", "intel_pstate\n")},
		{ID: "cpu.governor", Env: metal, Want: fact.OK, Files: gov("performance\n", "acpi-cpufreq\n")},
		{ID: "cpu.governor", Env: kvm, Want: fact.Unknown, RunOn: "host"},
		{ID: "cpu.mitigations", Want: fact.Warn, Says: "open: retbleed", Files: files{vuln + "retbleed": "Vulnerable\n", vuln + "mds": "Not affected\n"}},
		{ID: "cpu.mitigations", Want: fact.Info, Says: "mitigated: spectre_v2", Files: files{vuln + "spectre_v2": "Mitigation: Retpolines\n", "/proc/cmdline": "mitigations=auto"}},
		{ID: "cpu.mitigations", Want: fact.Info, Says: "none", Files: files{vuln + "mds": "Not affected\n"}},
		{ID: "cpu.simd", Want: fact.OK, Files: cpuinfo("sse2 aes pclmulqdq sse4_2 avx2", "")},
		{ID: "cpu.simd", Want: fact.Info, Says: "avx2", Files: cpuinfo("sse2 aes sse4_2", "")},
		{ID: "cpu.simd", Want: fact.Warn, Files: cpuinfo("sse2 sse4_2", "")},
		{ID: "cpu.simd", Want: fact.OK, Files: files{info: "processor : 0\nFeatures : fp asimd aes pmull sha2\n"}},
		{ID: "cpu.simd", Want: fact.Unknown, Files: files{info: "processor : 0\nisa : rv64imafdc\n"}},
		{ID: "cpu.smt", Want: fact.Info, Says: "2 processors on 1 cores", Files: files{
			"/sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0-1\n", "/sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "0-1\n",
		}},
		{ID: "cpu.smt", Want: fact.Unknown},
		{ID: "cpu.numa", Env: kvm, Want: fact.Info, Says: "as far as", Files: files{"/sys/devices/system/node/online": "0\n"}},
		{ID: "cpu.numa", Want: fact.OK, Files: files{"/sys/devices/system/node/online": "0\n"}},
		{ID: "cpu.numa", Want: fact.Info, Files: files{"/sys/devices/system/node/online": "0-1\n"}, Probe: `{"network": {"links": {"seen": true}}}`},
		{ID: "cpu.numa", Want: fact.Warn, Says: "2 nodes, cards at 2", Files: files{
			"/sys/devices/system/node/online": "0-1\n",
			"/sys/class/net/a/ifindex":        "2\n", "/sys/class/net/a/device/numa_node": "0\n", "/sys/class/net/b/ifindex": "3\n", "/sys/class/net/b/device/numa_node": "1\n",
		}, Probe: `{"network": {"links": {"list": [{"name": "a", "index": 2, "up": true}, {"name": "b", "index": 3, "up": true}]}}}`},
		{ID: "cpu.pmu", Want: fact.Info, Says: "no hardware counters", Files: files{"/sys/bus/event_source/devices/software/type": "1"}},
		{ID: "cpu.pmu", Env: kvm, Want: fact.Info, Says: "your guest's perf charges the host's exit work to whatever ran", Files: files{"/sys/bus/event_source/devices/cpu/type": "4"}},
		{ID: "cpu.pmu", Want: fact.Unknown},
	})
}

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }

// TestPollingDriver: who has the driver that polls is not told to load it.
func TestPollingDriver(t *testing.T) {
	for driver, want := range map[string]int{"haltpoll": 1, "none": 2} {
		v := trial.View(t, files{idleDriver: driver + "\n", guestPoll: "0\n"})
		v.Env.Stack, v.Measured = []fact.Layer{layer(fact.Hypervisor, "kvm")}, map[string]float64{WakeCross: 60e-6}
		row := haltpoll()
		f := row.Look(v)
		fixes := f.Fix
		if fixes == nil {
			fixes = row.Fix
		}
		if f.Status != fact.Warn || len(fixes) != want || fixes[want-1].Set == nil {
			t.Errorf("driver %s: %s, %+v", driver, f.Status, fixes)
		}
	}
}
