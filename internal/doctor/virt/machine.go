package virt

import (
	"fmt"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/place"
	"fishplate/internal/doctor/see"
)

// Rows are the checks of this group.
func Rows() []see.Row {
	return []see.Row{
		hypervisor(), xenMode(), ec2(), cloud(), nested(), container(), openvz(), lxc(), wsl(), gvisor(), kernel(),
		kvmPV(), hypervEnlightenments(), xenAPIC(),
	}
}

// stack is the evidence of a layer, or what was asked for in vain.
func stack(e fact.Environment, kinds ...fact.Kind) (names []string, evidence []fact.Evidence) {
	for _, l := range e.Stack {
		for _, k := range kinds {
			if l.Kind == k && l.Confidence != fact.Low {
				names, evidence = append(names, l.Name), append(evidence, l.Evidence...)
			}
		}
	}
	return names, evidence
}

func hypervisor() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.hypervisor", Title: "Hypervisor",
			Reads:    "/sys/class/dmi/id, /proc/xen, cpuid 0x1 and 0x40000000 to 0x4000ff00, /sys/hypervisor, /proc/device-tree, ACPI's FACP table",
			Rule:     "information; unknown when nothing of it can be read",
			Why:      "In a virtual machine an interrupt or a wake-up of another CPU may leave the guest, which a connection does several times; it selects which checks apply.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Any,
			Sources: []string{"https://www.kernel.org/doc/html/latest/virt/kvm/x86/cpuid.html"},
		},
		Look: func(v *see.View) fact.Finding {
			if names, ev := stack(v.Env, fact.Hypervisor, fact.Paravirtual); len(names) > 0 {
				return fact.Say(fact.Info, "virtual machine: "+strings.Join(names, ", "), ev...)
			}
			if l, ok := v.Env.Is(fact.Hardware, "bare metal"); ok {
				return fact.Say(fact.Info, "bare metal", l.Evidence...)
			}
			_, _, err := place.Present(v.System)
			if err == nil {
				err = &see.Error{What: "hypervisor", Class: see.Hidden}
			}
			return v.Unseen(err)
		},
	}
}

func xenMode() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.xen-mode", Title: "Kind of Xen guest",
			Reads:    "/sys/hypervisor/guest_type, /sys/hypervisor/properties/features (bit 11), /proc/xen/capabilities; else flags of /proc/cpuinfo",
			Rule:     "warn: PV; ok: PVHVM, PVH, dom0",
			Why:      "A 64-bit PV guest pays a bounce through the hypervisor with a change of page tables for each system call, and hypercalls for page tables, timers and wake-ups: three to five times fewer connections a second.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "use an HVM or PVH image; on EC2 an instance type of the Nitro system", Who: fact.Provider,
				Risk: "another image: test it before", Undo: "start the old image",
			}},
			Sources: []string{"https://wiki.xenproject.org/wiki/Understanding_the_Virtualization_Spectrum"},
		},
		Look: func(v *see.View) fact.Finding {
			if _, ok := v.Env.Is(fact.Hypervisor, "xen"); !ok {
				return notXen(v)
			}
			l, ok := v.Env.Is(fact.Paravirtual, "")
			if !ok {
				return fact.Say(fact.Unknown, "Xen, but nothing says which kind of guest")
			}
			if l.Name == "xen-pv" {
				return fact.Say(fact.Warn, "a paravirtual guest (PV) of Xen", l.Evidence...)
			}
			return fact.Say(fact.OK, strings.ToUpper(strings.TrimPrefix(l.Name, "xen-")), l.Evidence...)
		},
	}
}

func notXen(v *see.View) fact.Finding {
	if _, known := v.Env.Is(fact.Hypervisor, ""); known {
		return fact.Say(fact.Skip, "the hypervisor is not Xen")
	}
	return fact.Say(fact.Skip, "no sign of Xen")
}

// older are the families of EC2 before the Nitro system.
func older() []string {
	return []string{"t1", "m1", "m2", "m3", "c1", "c3", "cc1", "cc2", "cg1", "cr1", "r3", "i2", "hi1", "hs1", "g2", "t2", "m4", "c4", "r4", "d2", "i3", "p2", "p3", "x1", "x1e", "g3", "f1", "h1"}
}

func ec2() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.ec2", Title: "EC2 instance type",
			Reads:    "/sys/class/dmi/id/{sys_vendor,bios_vendor,bios_version,product_name}, /sys/hypervisor/uuid",
			Rule:     "warn: a type on Xen; ok: a type of the Nitro system; unknown when the type is not told, as Xen does not",
			Why:      "Types on Xen have a software network card or a virtual function without its help for interrupts, and lower limits of packets a second.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Card,
			Fix: []fact.Fix{{
				Command: "aws ec2 modify-instance-attribute --instance-id ID --instance-type c7i.xlarge", Who: fact.Provider,
				Risk: "the instance must be stopped; drivers for ENA and NVMe must be in the image", Undo: "change the type back",
			}},
			Sources: []string{"https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html", "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html"},
		},
		Look: func(v *see.View) fact.Finding {
			l, ok := v.Env.Is(fact.Cloud, "ec2")
			if !ok {
				return fact.Say(fact.Skip, "not on EC2")
			}
			f := place.FirmwareOf(v.System)
			name := f.Word("product_name")
			family, _, typed := strings.Cut(name, ".")
			if typed {
				l.Evidence = append(l.Evidence[:len(l.Evidence):len(l.Evidence)], f.Evidence("product_name"))
			}
			if _, xen := v.Env.Is(fact.Hypervisor, "xen"); xen {
				return fact.Say(fact.Warn, "an EC2 type of an earlier generation, on Xen", l.Evidence...)
			}
			for _, old := range older() {
				if typed && family == old {
					return fact.Say(fact.Warn, name+" is a type of an earlier generation", l.Evidence...)
				}
			}
			if !typed {
				return fact.Say(fact.Unknown, "the instance type is not told", l.Evidence...)
			}
			return fact.Say(fact.OK, name, l.Evidence...)
		},
	}
}

func cloud() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.cloud", Title: "Cloud",
			Reads:    "/sys/class/dmi/id/{sys_vendor,product_name,chassis_asset_tag,bios_version}, /sys/hypervisor/uuid",
			Rule:     "information",
			Why:      "Clouds limit packets and connections outside the machine, and have their own MTU (1460 on GCE) and network cards.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Card,
			Sources: []string{"https://cloud.google.com/compute/docs/instances/detect-compute-engine", "https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service"},
		},
		Look: func(v *see.View) fact.Finding {
			if names, ev := stack(v.Env, fact.Cloud); len(names) > 0 {
				return fact.Say(fact.Info, strings.Join(names, ", "), ev...)
			}
			if place.FirmwareOf(v.System).Any() {
				return fact.Say(fact.Info, "the firmware names no cloud that we know")
			}
			return v.Unseen(&see.Error{What: "/sys/class/dmi/id", Class: see.Absent})
		},
	}
}

func nested() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.nested", Title: "Nested virtualization",
			Reads:    "hypervisor leaves, /dev/kvm, flags vmx and svm of /proc/cpuinfo, /proc/cmdline, the kernel's log (pvm)",
			Rule:     "warn: leaves of two hypervisors, or the log says that the guest is one of PVM; else information: it can be guessed, never ruled out",
			Why:      "Each exit of a nested guest is a round trip through two hypervisors, tens of microseconds for a wake-up.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "use a virtual machine of the first level, or bare metal", Who: fact.Provider,
				Risk: "another machine", Undo: "move back",
			}},
			Sources: []string{"https://docs.kernel.org/virt/kvm/x86/nested-vmx.html"},
		},
		Look: lookNested,
	}
}

func lookNested(v *see.View) fact.Finding {
	cpu, _, err := see.As(v.System, "/proc/cpuinfo", parse.ProcCPUInfo)
	if err != nil {
		return v.Unseen(err)
	}
	device, err := v.Exists("/dev/kvm")
	can := device || cpu.Has("vmx") || cpu.Has("svm")
	ev := fact.Read("/proc/cpuinfo, /dev/kvm", fmt.Sprintf("vmx %v, svm %v, /dev/kvm %v", cpu.Has("vmx"), cpu.Has("svm"), device), can)
	if !v.Env.Guest() {
		if _, sure := v.Env.Is(fact.Hardware, "bare metal"); !sure {
			return v.Unseen(&see.Error{What: "hypervisor", Class: see.Hidden, Err: err})
		}
		return fact.Say(fact.OK, "not in a virtual machine", ev)
	}
	for _, l := range v.Env.Stack {
		if l.Name != "nested" {
			continue
		}
		if l.Confidence == fact.Low {
			return fact.Say(fact.Info, "maybe nested: it can be guessed only, cpu.wake-latency has the effect", append(l.Evidence, ev)...)
		}
		return fact.Say(fact.Warn, "a hypervisor inside a hypervisor", append(l.Evidence, ev)...)
	}
	if can {
		return fact.Say(fact.Info, "this guest can have guests; whether it is itself nested cannot be seen", ev)
	}
	return fact.Say(fact.Unknown, "whether the hypervisor is itself a guest cannot be seen from inside; cpu.wake-latency has the effect", ev)
}

func kernel() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.kernel", Title: "Kernel version",
			Reads:    "/proc/sys/kernel/osrelease",
			Rule:     "fail: before 3.9, which has no SO_REUSEPORT; warn: before 4.5, or one of 4.18 and before without the number that a distribution gives, whose series gets no more mending; information: no Linux at all; ok: else",
			Why:      "3.9 has a listener for each CPU, 4.4 a listener table without a lock, 4.5 selection by CPU, 5.14 moves waiting connections when a listener closes, 6.2 SO_INCOMING_CPU that works.",
			Severity: fact.SevereFail, Scope: fact.Kernel, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "apt-get install linux-image-generic && reboot (or your distribution's way)", Who: fact.Root,
				Risk: "a reboot", Undo: "choose the old kernel at boot",
			}},
			Sources: []string{"https://docs.kernel.org/networking/ip-sysctl.html", "https://www.kernel.org/category/releases.html"},
		},
		Look: lookKernel,
	}
}

// abilities are what listeners gained, by version.
func abilities() []struct {
	major, minor int
	what         string
} {
	return []struct {
		major, minor int
		what         string
	}{
		{3, 9, "SO_REUSEPORT"}, {4, 4, "lockless listeners"}, {4, 5, "reuseport by cBPF, EPOLLEXCLUSIVE"}, {4, 19, "reuseport by eBPF"},
		{5, 4, "somaxconn 4096"}, {5, 11, "preferred busy polling"}, {5, 14, "tcp_migrate_req"}, {6, 2, "SO_INCOMING_CPU"}, {6, 3, "IP_LOCAL_PORT_RANGE"},
	}
}

func lookKernel(v *see.View) fact.Finding {
	version, ev, err := see.As(v.System, "/proc/sys/kernel/osrelease", parse.Release)
	if err != nil {
		return v.Unseen(err)
	}
	for _, name := range []string{"gvisor", "wsl1"} {
		if _, ok := v.Env.Is(fact.Container, name); ok {
			return fact.Say(fact.Info, name+" answers "+version.String()+", and is no Linux: what it can do the number does not say", ev)
		}
	}
	var lacks []string
	for _, a := range abilities() {
		if !version.AtLeast(a.major, a.minor) {
			lacks = append(lacks, a.what)
		}
	}
	text := "Linux " + version.String()
	if len(lacks) > 0 {
		text += ", without " + strings.Join(lacks, ", ")
	}
	switch {
	case !version.AtLeast(3, 9):
		return fact.Say(fact.Fail, text, ev)
	case !version.AtLeast(4, 5):
		return fact.Say(fact.Warn, text, ev)
	case !version.AtLeast(4, 19) && distributed(v):
		return fact.Say(fact.OK, text+"; its series gets no more mending but from its distribution, which knows for how long", ev)
	case !version.AtLeast(4, 19):
		return fact.Say(fact.Warn, text+"; its series gets no more mending", ev)
	}
	return fact.Say(fact.OK, text, ev)
}

// distributed reports whether a kernel is a distribution's: they put a number of
// their own behind the version, as in 4.18.0-553.el8_10.x86_64 and 4.15.0-213-generic.
func distributed(v *see.View) bool {
	release, err := v.Text("/proc/sys/kernel/osrelease")
	_, behind, _ := strings.Cut(release, "-")
	return err == nil && behind != "" && behind[0] >= '0' && behind[0] <= '9'
}
