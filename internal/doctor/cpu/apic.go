package cpu

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

const info = "/proc/cpuinfo"

// onHost is the finding for what a guest cannot see: what speaks of its
// processor speaks of what it could do for guests of its own.
func onHost(found string) fact.Finding {
	f := fact.Say(fact.Unknown, found)
	f.RunOn = "host"
	return f
}

func apicv() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.apicv", Title: "Interrupts into guests without an exit (APICv, posted interrupts, AVIC)",
			Reads:    "vmx flags of /proc/cpuinfo (apicv, posted_intr, vapic_reg, vid, ipiv); else MSRs 0x480, 0x482 or 0x48e, 0x48b, 0x481 or 0x48d, 0x492; cpuid 0x8000000a EDX bits 13 and 18",
			Rule:     "on a host: warn when one of registers, delivery and posted interrupts is missing, or AVIC; in a guest always unknown, to be looked at on the host",
			Why:      "Without them each interrupt that a guest receives is an exit; with them none is. A new connection wakes somebody twice.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "a processor that has them: Xeon E5 v2 or later (IPI virtualization: Xeon of the fourth generation), EPYC", Who: fact.ByHost,
				Risk: "another host", Undo: "move back",
			}},
			Sources: []string{"Intel SDM volume 3, appendix A.3", "AMD64 APM volume 2, 15.29", "https://docs.kernel.org/virt/kvm/index.html"},
		},
		Look: func(v *see.View) fact.Finding {
			if v.Env.Guest() {
				return onHost("whether the host gives us interrupts without an exit is not shown to guests; cpu.wake-latency has the effect")
			}
			cpu, _, err := see.As(v.System, info, parse.ProcCPUInfo)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			switch {
			case cpu.Has("svm"):
				return avic(v, cpu)
			case len(cpu.VMXFlags) > 0:
				return flags(cpu)
			case cpu.Has("vmx"):
				return registers(v)
			case len(cpu.Flags) == 0:
				return gauge.Unseen(v, &see.Error{What: "flags of " + info, Class: see.Absent})
			}
			return fact.Say(fact.Skip, "this processor runs no guests")
		},
	}
}

// verdict is that of a list of abilities, of which all should be there.
func verdict(has map[string]bool, wanted []string, ev ...fact.Evidence) fact.Finding {
	var missing []string
	for _, name := range wanted {
		if !has[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fact.Say(fact.Warn, "missing: "+strings.Join(missing, ", "), ev...)
	}
	return fact.Say(fact.OK, strings.Join(wanted, ", "), ev...)
}

// flags judges by what Linux 5.6 and later tell everybody. apicv there stands for
// TPR shadow, registers, delivery and posted interrupts together.
func flags(cpu parse.CPUInfo) fact.Finding {
	all := cpu.HasVMX("apicv")
	has := map[string]bool{
		"APIC registers": all || cpu.HasVMX("vapic_reg"), "interrupt delivery": all || cpu.HasVMX("vid"),
		"posted interrupts": cpu.HasVMX("posted_intr"), "IPI virtualization": cpu.HasVMX("ipiv"),
	}
	ev := fact.Read(info, "vmx flags: "+strings.Join(cpu.VMXFlags, " "), has)
	return sending(has, verdict(has, []string{"APIC registers", "interrupt delivery", "posted interrupts"}, ev))
}

// Bits of Intel's capability registers: which settings of a control may be 1
// stands in the upper half, so that control n is bit 32+n.
const (
	trueControls    = 55 // of 0x480: the registers 0x48d to 0x490 are the ones to ask
	secondary       = 63 // of 0x482, 0x48e
	tprShadow       = 53
	apicRegisters   = 40 // of 0x48b
	delivery        = 41
	postedInterrupt = 39 // of 0x481, 0x48d
	tertiary        = 49 // of 0x482, 0x48e
	sendsIPI        = 4  // of 0x492, which has no halves
)

// registers asks the processor itself, which root may where the msr driver is
// loaded.
func registers(v *see.View) fact.Finding {
	bad := error(nil)
	var ev []fact.Evidence
	read := func(register uint32) uint64 {
		n, err := v.Probe.MSR(0, register)
		if err != nil && bad == nil {
			bad = err
		}
		ev = append(ev, fact.Read(fmt.Sprintf("msr %#x", register), fmt.Sprintf("%#x", n), n))
		return n
	}
	bit := func(n uint64, at int) bool { return n>>at&1 == 1 }
	primary, pins := uint32(0x482), uint32(0x481)
	if bit(read(0x480), trueControls) {
		primary, pins = 0x48e, 0x48d
	}
	first := read(primary)
	has := map[string]bool{"TPR shadow": bit(first, tprShadow)}
	if bit(first, secondary) {
		second := read(0x48b)
		has["APIC registers"], has["interrupt delivery"] = bit(second, apicRegisters), bit(second, delivery)
	}
	has["posted interrupts"] = bit(read(pins), postedInterrupt)
	if bit(first, tertiary) {
		has["IPI virtualization"] = bit(read(0x492), sendsIPI)
	}
	if bad != nil {
		f := gauge.Unseen(v, bad)
		f.RunOn = "root"
		return f
	}
	return sending(has, verdict(has, []string{"TPR shadow", "APIC registers", "interrupt delivery", "posted interrupts"}, ev...))
}

// sending adds to a verdict that all is well that interrupts to other processors
// still leave the guest: few processors spare that, and it is no fault.
func sending(has map[string]bool, f fact.Finding) fact.Finding {
	if f.Status == fact.OK && !has["IPI virtualization"] {
		f.Found += "; without IPI virtualization, so that sending one is still an exit"
	}
	return f
}

// avic judges AMD's counterpart.
func avic(v *see.View, cpu parse.CPUInfo) fact.Finding {
	r, err := v.Probe.CPUID(0x8000000a, 0)
	has := map[string]bool{"AVIC": r.EDX>>13&1 == 1, "x2AVIC": r.EDX>>18&1 == 1}
	ev := fact.Read("cpuid 0x8000000a", fmt.Sprintf("edx=%#08x", r.EDX), has)
	if err != nil {
		if !cpu.Has("avic") { // old kernels do not name it
			return gauge.Unseen(v, err)
		}
		has["AVIC"], has["x2AVIC"] = true, cpu.Has("x2avic")
		ev = fact.Read(info, "flags: avic", has)
	}
	f := verdict(has, []string{"AVIC"}, ev)
	if has["x2AVIC"] && f.Status == fact.OK {
		f.Found += ", x2AVIC"
	}
	return f
}

func apicvParam() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.apicv-param", Title: "KVM's use of APICv and AVIC",
			Reads:    "/sys/module/kvm_intel/parameters/{enable_apicv,enable_ipiv,enable_device_posted_irqs}, /sys/module/kvm_amd/parameters/avic",
			Rule:     "warn: off, unless the processor says that it lacks it (information); skip: KVM is not loaded; in a guest unknown",
			Why:      "The parameter read back is what KVM does: it is off when the hardware lacks it or an administrator said so. SynIC's AutoEOI, PIT reinjection and nested guests inhibit it besides.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "modprobe -r kvm_intel && modprobe kvm_intel enable_apicv=1 (kvm_amd avic=1)", Persist: "options kvm_intel enable_apicv=1 in /etc/modprobe.d/kvm.conf",
				Who: fact.ByHost, Risk: "all virtual machines of the host are down meanwhile", Undo: "load it with enable_apicv=0",
			}},
			Sources: []string{"https://docs.kernel.org/admin-guide/kernel-parameters.html"},
		},
		Look: func(v *see.View) fact.Finding {
			if v.Env.Guest() {
				return onHost("parameters of KVM here are for guests of our own; those of the host decide")
			}
			var ev []fact.Evidence
			var off []string
			for _, file := range []string{"kvm_intel/parameters/enable_apicv", "kvm_intel/parameters/enable_ipiv", "kvm_intel/parameters/enable_device_posted_irqs", "kvm_amd/parameters/avic"} {
				on, e, err := see.As(v.System, "/sys/module/"+file, parse.Flag)
				switch {
				case see.ClassOf(err) == see.Absent:
				case err != nil:
					return gauge.Unseen(v, err)
				case !on:
					off = append(off, file[strings.LastIndexByte(file, '/')+1:])
					fallthrough
				default:
					ev = append(ev, e)
				}
			}
			switch {
			case len(ev) == 0:
				if _, sure := v.Env.Is(fact.Hardware, "bare metal"); !sure {
					return gauge.Unseen(v, &see.Error{What: "/sys/module/kvm_intel, kvm_amd", Class: see.Absent})
				}
				return fact.Say(fact.Skip, "KVM is not loaded: this machine has no guests")
			case (slices.Contains(off, "enable_apicv") || slices.Contains(off, "avic")) && !incapable(v):
				return fact.Say(fact.Warn, "off: "+strings.Join(off, ", "), ev...)
			case len(off) > 0:
				return fact.Say(fact.Info, "off: "+strings.Join(off, ", "), ev...)
			}
			return fact.Say(fact.OK, "KVM uses what the processor has", ev...)
		},
	}
}

// incapable reports whether the processor says that it cannot do what the
// parameters are for: cpu.apicv warns of that, and no parameter changes it.
func incapable(v *see.View) bool {
	cpu, _, err := see.As(v.System, info, parse.ProcCPUInfo)
	if err != nil {
		return false
	}
	if cpu.Has("svm") {
		r, err := v.Probe.CPUID(0x8000000a, 0)
		return err == nil && r.EDX>>13&1 == 0
	}
	return len(cpu.VMXFlags) > 0 && !cpu.HasVMX("apicv") && !(cpu.HasVMX("vapic_reg") && cpu.HasVMX("vid"))
}

func x2apic() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.x2apic", Title: "APIC by registers (x2APIC)",
			Reads:    "flags of /proc/cpuinfo, nox2apic in /proc/cmdline",
			Rule:     "information; ok when it is there",
			Why:      "Without it a wake-up of another processor is written to memory that the hypervisor must imitate, a slow exit.",
			Severity: fact.SevereInfo, Scope: fact.Kernel, Path: fact.Any,
			Sources: []string{"https://docs.kernel.org/admin-guide/kernel-parameters.html"},
		},
		Look: func(v *see.View) fact.Finding {
			cpu, _, err := see.As(v.System, info, parse.ProcCPUInfo)
			if err != nil {
				return gauge.Unseen(v, err)
			}
			if len(cpu.Flags) == 0 || !cpu.Has("apic") {
				return fact.Say(fact.Skip, "no processor of x86 with an APIC")
			}
			has := cpu.Has("x2apic")
			ev := fact.Read(info, fmt.Sprintf("flags: x2apic %v", has), has)
			if data, err := v.Read("/proc/cmdline"); err == nil {
				for _, p := range parse.Cmdline(data) {
					if p.Name == "nox2apic" {
						return fact.Say(fact.Info, "switched off at boot", ev, fact.Read("/proc/cmdline", "nox2apic", true))
					}
				}
			}
			if !has {
				return fact.Say(fact.Info, "not there", ev)
			}
			return fact.Say(fact.OK, "there", ev)
		},
	}
}

// hyper returns what the name of a thread that runs a processor of a guest fits.
func hyper() *regexp.Regexp { return regexp.MustCompile(`^(CPU \d+/KVM|fc_vcpu \d+|vcpu\d+)$`) }

func pinning() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "cpu.pinning", Title: "Guests' processors on the host's",
			Reads:    "names and Cpus_allowed_list of the threads of QEMU and Firecracker; of Xen's dom0 the output of xl info that --host-script takes",
			Rule:     "warn: more virtual processors than processors, or dom0 neither bounded nor pinned on eight processors or fewer; in a guest unknown",
			Why:      "A virtual processor that waits for another guest is a gap in which the accept queue fills. Pinning alone gained nothing in a measurement unless the other loads were pinned, too.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{
				{Command: "virsh vcpupin DOMAIN VCPU CPU", Persist: "<vcpupin> in the domain's definition", Who: fact.ByHost, Risk: "gains nothing unless other loads are pinned elsewhere", Undo: "virsh vcpupin DOMAIN VCPU 0-N"},
				{Command: "Xen: dom0_max_vcpus=1 dom0_vcpus_pin dom0_mem=1024M on its command line", Who: fact.ByHost, Risk: "a reboot of the host", Undo: "take it out again"},
			},
			Sources: []string{"https://wiki.xenproject.org/wiki/Tuning_Xen_for_Performance", "https://libvirt.org/formatdomain.html#cpu-tuning"},
		},
		Look: lookPinning,
	}
}

func lookPinning(v *see.View) fact.Finding {
	if _, ok := v.Env.Is(fact.Paravirtual, "xen-dom0"); ok {
		return dom0(v)
	}
	if v.Env.Guest() {
		return onHost("where the host runs our processors is not shown to guests")
	}
	cpus := gauge.CPUs(v)
	if _, sure := v.Env.Is(fact.Hardware, "bare metal"); !sure || v.Env.Contained() || cpus == 0 {
		return v.Unseen(&see.Error{What: "threads of guests", Class: see.Hidden})
	}
	if ok, err := v.Exists("/dev/kvm"); err != nil || !ok {
		return fact.Say(fact.Skip, "no guests on this machine")
	}
	var threads, free int
	var ev []fact.Evidence
	names := hyper()
	for _, file := range v.Glob("/proc/[0-9]*/task/[0-9]*/comm") {
		name, err := v.Text(file)
		if err != nil && see.ClassOf(err) != see.Absent { // those have ended since
			return gauge.Unseen(v, err)
		}
		if err != nil || !names.MatchString(name) {
			continue
		}
		threads++
		status, _, err := see.As(v.System, strings.TrimSuffix(file, "comm")+"status", parse.Texts)
		if err != nil {
			return gauge.Unseen(v, err)
		}
		allowed, err := parse.CPUList([]byte(status["Cpus_allowed_list"]))
		if err != nil || len(allowed) >= cpus {
			free++
		}
		if len(ev) < 8 {
			ev = append(ev, fact.Read(file, name+" on "+status["Cpus_allowed_list"], allowed))
		}
	}
	switch {
	case threads == 0:
		return fact.Say(fact.Skip, "no guests run")
	case threads > cpus:
		return fact.Say(fact.Warn, fmt.Sprintf("%d virtual processors on %d processors", threads, cpus), ev...)
	}
	return fact.Say(fact.OK, fmt.Sprintf("%d virtual processors on %d processors, %d of them not pinned", threads, cpus, free), ev...)
}

// XenInfo is where a fixture, and the output of the host's script, have what
// xl info prints.
const XenInfo = "/xl/info"

func dom0(v *see.View) fact.Finding {
	text, _, err := see.As(v.System, XenInfo, parse.Texts)
	if err != nil {
		f := v.Unseen(err)
		f.RunOn = "host"
		return f
	}
	line := text["xen_commandline"]
	ev := fact.Read(XenInfo, "xen_commandline: "+line, line)
	if strings.Contains(line, "dom0_max_vcpus") || strings.Contains(line, "dom0_vcpus_pin") {
		return fact.Say(fact.OK, "dom0 is bounded", ev)
	}
	if n, err := parse.Number([]byte(text["nr_cpus"])); err == nil && n > 8 {
		return fact.Say(fact.Info, fmt.Sprintf("dom0 is not pinned, on %d processors", n), ev)
	}
	return fact.Say(fact.Warn, "dom0 is neither bounded nor pinned, and competes with the guests that it serves", ev)
}
