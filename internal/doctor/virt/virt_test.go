package virt

import (
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/trial"
)

func layer(kind fact.Kind, name string) fact.Layer {
	return fact.Layer{Kind: kind, Name: name, Confidence: fact.High, Evidence: []fact.Evidence{fact.Read("/x", name, name)}}
}

func TestRows(t *testing.T) {
	metal, kvm, xen := layer(fact.Hardware, "bare metal"), layer(fact.Hypervisor, "kvm"), layer(fact.Hypervisor, "xen")
	pv, hvm := layer(fact.Paravirtual, "xen-pv"), layer(fact.Paravirtual, "xen-pvhvm")
	ec2, vz := layer(fact.Cloud, "ec2"), layer(fact.Container, "openvz")
	of := func(layers ...fact.Layer) []fact.Layer { return layers }
	const (
		kvmLeaves = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}, "0x40000001": {"EAX": 16809723}}}`
		poorLeaf  = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}, "0x40000001": {"EAX": 9}}}`
		xenLeaves = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741829, "EBX": 1450075480, "ECX": 1700285773, "EDX": 1296914030}, "0x40000004": {"EAX": 0}}}`
		xenAPICv  = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741829, "EBX": 1450075480, "ECX": 1700285773, "EDX": 1296914030}, "0x40000004": {"EAX": 3}}}`
		hvLeaves  = `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741835, "EBX": 1919117645, "ECX": 1718580079, "EDX": 1984438388}, "0x40000003": {"EAX": 4}, "0x40000004": {}, "0x40000006": {"EAX": 1}}}`
	)
	counters := func(failed string) map[string]string {
		return map[string]string{"/proc/user_beancounters": "Version: 2.5\n uid resource held maxheld barrier limit failcnt\n 101: kmemsize 1 2 3 4 0\n numtcpsock 360 360 360 360 " + failed + "\n"}
	}
	trial.Run(t, Rows(), []trial.Case{
		{ID: "virt.hypervisor", Env: of(kvm), Want: fact.Info, Says: "kvm"},
		{ID: "virt.hypervisor", Env: of(metal), Want: fact.Info, Says: "bare metal"},
		{ID: "virt.hypervisor", Want: fact.Unknown},
		{ID: "virt.xen-mode", Env: of(xen, pv), Want: fact.Warn, Says: "PV"},
		{ID: "virt.xen-mode", Env: of(xen, hvm), Want: fact.OK, Says: "PVHVM"},
		{ID: "virt.xen-mode", Env: of(xen), Want: fact.Unknown},
		{ID: "virt.xen-mode", Env: of(kvm), Want: fact.Skip},
		{ID: "virt.ec2", Env: of(ec2, xen), Want: fact.Warn, Says: "earlier generation"},
		{ID: "virt.ec2", Env: of(ec2, kvm), Want: fact.OK, Says: "c5.xlarge", Files: map[string]string{"/sys/class/dmi/id/product_name": "c5.xlarge\n"}},
		{ID: "virt.ec2", Env: of(ec2, kvm), Want: fact.Warn, Says: "m4.large", Files: map[string]string{"/sys/class/dmi/id/product_name": "m4.large\n"}},
		{ID: "virt.ec2", Env: of(ec2, kvm), Want: fact.Unknown},
		{ID: "virt.ec2", Env: of(kvm), Want: fact.Skip},
		{ID: "virt.cloud", Env: of(ec2), Want: fact.Info, Says: "ec2"},
		{ID: "virt.cloud", Want: fact.Info, Says: "no cloud", Files: map[string]string{"/sys/class/dmi/id/sys_vendor": "Dell Inc.\n"}},
		{ID: "virt.cloud", Env: of(kvm), Want: fact.Unknown, RunOn: "host"},
		{ID: "virt.nested", Env: of(metal), Want: fact.OK, Files: map[string]string{"/proc/cpuinfo": "flags: vmx\n"}},
		{ID: "virt.nested", Env: of(kvm), Want: fact.Unknown, Files: map[string]string{"/proc/cpuinfo": "flags: hypervisor\n"}},
		{ID: "virt.nested", Env: of(kvm), Want: fact.Info, Says: "can have guests", Files: map[string]string{"/proc/cpuinfo": "flags: hypervisor vmx\n"}},
		{ID: "virt.nested", Env: of(layer(fact.Hypervisor, "nested"), kvm), Want: fact.Warn, Files: map[string]string{"/proc/cpuinfo": "flags: hypervisor\n"}},
		{ID: "virt.container", Env: of(layer(fact.Container, "docker")), Want: fact.Info, Says: "docker"},
		{ID: "virt.container", Env: of(kvm), Want: fact.Info, Says: "left over", Files: map[string]string{"/.dockerenv": "", "/proc/self/cgroup": "0::/\n"}},
		{ID: "virt.container", Want: fact.Info, Says: "no container", Files: map[string]string{"/proc/self/cgroup": "0::/init.scope\n"}},
		{ID: "virt.container", Want: fact.Unknown},
		{ID: "virt.openvz", Env: of(vz), Want: fact.Fail, Says: "numtcpsock 17 times", Files: counters("17")},
		{ID: "virt.openvz", Env: of(vz), Want: fact.OK, Files: counters("0")},
		{ID: "virt.openvz", Env: of(vz), Want: fact.OK, Files: counters("17"), Before: counters("17")},
		{ID: "virt.openvz", Env: of(vz), Want: fact.Fail, Says: "2 times", Files: counters("17"), Before: counters("15")},
		{ID: "virt.openvz", Env: of(vz), Want: fact.Unknown, RunOn: "initns"},
		{ID: "virt.lxc", Env: of(layer(fact.Container, "lxc")), Want: fact.Info, Says: "/proc/stat",
			Files: map[string]string{"/proc/self/mountinfo": "1 0 0:1 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw\n"}},
		{ID: "virt.lxc", Want: fact.Skip},
		{ID: "virt.wsl", Env: of(layer(fact.Container, "wsl1")), Want: fact.Fail},
		{ID: "virt.wsl", Env: of(layer(fact.Container, "wsl2")), Want: fact.Warn},
		{ID: "virt.wsl", Want: fact.Skip},
		{ID: "virt.gvisor", Env: of(layer(fact.Container, "gvisor")), Want: fact.Warn},
		{ID: "virt.gvisor", Env: of(kvm), Want: fact.Info, Says: "Kata", Files: map[string]string{"/proc/cmdline": "systemd.unit=kata-containers.target agent.log=info"}},
		{ID: "virt.gvisor", Want: fact.Skip},
		{ID: "virt.kernel", Want: fact.OK, Says: "6.18.44", Files: map[string]string{"/proc/sys/kernel/osrelease": "6.18.44-fc\n"}},
		{ID: "virt.kernel", Want: fact.Warn, Says: "EPOLLEXCLUSIVE", Files: map[string]string{"/proc/sys/kernel/osrelease": "3.13.0-48-generic\n"}},
		{ID: "virt.kernel", Want: fact.Fail, Says: "SO_REUSEPORT", Files: map[string]string{"/proc/sys/kernel/osrelease": "2.6.32-042stab145.3\n"}},
		{ID: "virt.kernel", Want: fact.Warn, Says: "no more mending", Files: map[string]string{"/proc/sys/kernel/osrelease": "4.9.0\n"}},
		{ID: "virt.kernel", Want: fact.Warn, Says: "no more mending", Files: map[string]string{"/proc/sys/kernel/osrelease": "4.9.337-ours\n"}},
		{ID: "virt.kernel", Want: fact.OK, Says: "from its distribution", Files: map[string]string{"/proc/sys/kernel/osrelease": "4.18.0-553.el8_10.x86_64\n"}},
		{ID: "virt.kernel", Want: fact.Unknown},
		{ID: "virt.kernel", Env: []fact.Layer{{Kind: fact.Container, Name: "gvisor", Confidence: fact.High}}, Want: fact.Info, Says: "no Linux", Files: map[string]string{"/proc/sys/kernel/osrelease": "4.4.0\n"}},
		{ID: "virt.kvm-pv", Env: of(kvm), Want: fact.OK, Probe: kvmLeaves},
		{ID: "virt.kvm-pv", Env: of(kvm), Want: fact.Warn, Says: "missing: steal time", Probe: poorLeaf},
		{ID: "virt.kvm-pv", Env: of(kvm), Want: fact.Unknown, RunOn: "host"},
		{ID: "virt.kvm-pv", Env: of(metal), Want: fact.Skip},
		{ID: "virt.hyperv-enl", Env: of(layer(fact.Hypervisor, "hyperv")), Want: fact.Info, Says: "synthetic interrupts, APIC assist", Probe: hvLeaves},
		{ID: "virt.hyperv-enl", Env: of(layer(fact.Hypervisor, "hyperv")), Want: fact.Unknown, RunOn: "host"},
		{ID: "virt.hyperv-enl", Want: fact.Skip},
		{ID: "virt.xen-hvm-apic", Env: of(xen, hvm), Want: fact.OK, Probe: xenAPICv},
		{ID: "virt.xen-hvm-apic", Env: of(xen, hvm), Want: fact.Warn, Says: "software", Probe: xenLeaves},
		{ID: "virt.xen-hvm-apic", Env: of(xen, hvm), Want: fact.Unknown, RunOn: "host"},
		{ID: "virt.xen-hvm-apic", Env: of(xen, pv), Want: fact.Skip},
	})
}

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }
