package place

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

const (
	dmi   = "sys/class/dmi/id/"
	x86   = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nflags\t\t: fpu sse2 vmx\n"
	guest = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nflags\t\t: fpu sse2 hypervisor\n"
)

// leaf is the block of a hypervisor.
func leaf(signature string) see.Registers {
	b := append([]byte(signature), make([]byte, 12)...)
	word := func(i int) uint32 {
		return uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
	}
	return see.Registers{EAX: 0x40000001, EBX: word(0), ECX: word(4), EDX: word(8)}
}

// virtual are the leaves of a guest whose blocks have these signatures.
func virtual(signatures ...string) map[string]see.Registers {
	m := map[string]see.Registers{"0x1": {ECX: 1 << 31}}
	for i, s := range signatures {
		m[[]string{"0x40000000", "0x40000100"}[i]] = leaf(s)
	}
	return m
}

func bare() map[string]see.Registers { return map[string]see.Registers{"0x1": {}} }

func machine(t *testing.T, files map[string]string, cpuid map[string]see.Registers) *see.System {
	t.Helper()
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	probe, err := json.Marshal(map[string]any{"cpuid": cpuid, "self": see.Self{Uname: see.Uname{Machine: "x86_64"}}})
	if err != nil {
		t.Fatal(err)
	}
	fs["probe.json"] = &fstest.MapFile{Data: probe}
	s, err := see.Fixture(fs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// described is the stack in short: kind:name/confidence.
func described(e fact.Environment) string {
	var b []string
	for _, l := range e.Stack {
		b = append(b, string(l.Kind)+":"+l.Name+"/"+string(l.Confidence))
	}
	return strings.Join(b, " ")
}

func TestStack(t *testing.T) {
	fireck := "FACP\x14\x01\x00\x00\x06\x66FIRECKFCVMFADT"
	for _, c := range []struct {
		name  string
		files map[string]string
		cpuid map[string]see.Registers
		want  string
	}{
		{"bare metal", map[string]string{dmi + "sys_vendor": "Dell Inc.\n", "proc/cpuinfo": x86}, bare(),
			"hardware:bare metal/high"},
		{"qemu", map[string]string{dmi + "sys_vendor": "QEMU\n", "proc/cpuinfo": guest}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:kvm/high hypervisor:qemu/high"},
		{"kvm that looks like Hyper-V", map[string]string{dmi + "sys_vendor": "QEMU"}, virtual("Microsoft Hv", "KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:kvm/high hypervisor:qemu/high"},
		{"firecracker with a mark of docker", map[string]string{
			"proc/cpuinfo": guest, ".dockerenv": "", "sys/firmware/acpi/tables/FACP": fireck,
			"sys/fs/cgroup/systemd/release_agent": "", "proc/self/cgroup": "0::/\n", "proc/cmdline": "reboot=k nested_pvm=1",
			"proc/self/mountinfo": "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n", "proc/self/uid_map": "0 0 4294967295\n",
		}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:nested/low hypervisor:kvm/high hypervisor:firecracker/high"},
		{"firecracker, whose tables are root's", map[string]string{"proc/cmdline": "console=ttyS0 reboot=k panic=1 pci=off"}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:kvm/high hypervisor:firecracker/medium"},
		{"xen pv on ec2", map[string]string{
			"proc/cpuinfo": x86, "sys/hypervisor/type": "xen\n", "sys/hypervisor/uuid": "ec2f00d0-0000", "proc/xen/capabilities": "",
			"sys/hypervisor/properties/features": "000022e6", "sys/hypervisor/properties/capabilities": "xen-3.0-x86_64 hvm-3.0-x86_64",
		}, nil, "hardware:x86_64/high cloud:ec2/high hypervisor:xen/high paravirtual:xen-pv/medium"},
		{"xen pv that says so", map[string]string{"sys/hypervisor/type": "xen", "sys/hypervisor/guest_type": "PV"}, nil,
			"hardware:x86_64/high hypervisor:xen/high paravirtual:xen-pv/high"},
		{"xen pvh", map[string]string{"sys/hypervisor/type": "xen", "sys/hypervisor/guest_type": "PVH"}, virtual("XenVMMXenVMM"),
			"hardware:x86_64/high hypervisor:xen/high paravirtual:xen-pvh/high"},
		{"xen hvm on ec2", map[string]string{
			"proc/cpuinfo": guest, "sys/hypervisor/type": "xen", dmi + "sys_vendor": "Xen", dmi + "product_name": "HVM domU", dmi + "bios_version": "4.11.amazon",
		}, virtual("XenVMMXenVMM"), "hardware:x86_64/high cloud:ec2/high hypervisor:xen/high paravirtual:xen-pvhvm/high"},
		{"dom0 by features", map[string]string{"proc/cpuinfo": x86, "sys/hypervisor/type": "xen", "sys/hypervisor/properties/features": "00000f05"}, nil,
			"hardware:x86_64/high hypervisor:xen/high paravirtual:xen-dom0/high"},
		{"dom0 by capabilities", map[string]string{"proc/xen/capabilities": "control_d\n"}, nil,
			"hardware:x86_64/high hypervisor:xen/high paravirtual:xen-dom0/high"},
		{"nitro", map[string]string{dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c5.xlarge"}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high cloud:ec2/high hypervisor:kvm/high"},
		{"nitro without cpuid", map[string]string{dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c6g.large"}, nil,
			"hardware:x86_64/high cloud:ec2/high hypervisor:kvm/medium"},
		{"ec2 metal", map[string]string{dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c5.metal", "proc/cpuinfo": x86}, bare(),
			"hardware:bare metal/high cloud:ec2/high"},
		{"ec2 metal on arm", map[string]string{dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c7g.metal-48xl"}, nil,
			"hardware:x86_64/high cloud:ec2/high"},
		{"gce", map[string]string{dmi + "sys_vendor": "Google", dmi + "product_name": "Google Compute Engine"}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high cloud:gce/high hypervisor:kvm/high"},
		{"azure", map[string]string{dmi + "sys_vendor": "Microsoft Corporation", dmi + "chassis_asset_tag": asset}, virtual("Microsoft Hv"),
			"hardware:x86_64/high cloud:azure/high hypervisor:hyperv/high"},
		{"hyper-v at home", map[string]string{dmi + "sys_vendor": "Microsoft Corporation", dmi + "product_name": "Virtual Machine", dmi + "chassis_asset_tag": "1234"}, virtual("Microsoft Hv"),
			"hardware:x86_64/high hypervisor:hyperv/high"},
		{"vmware", map[string]string{dmi + "sys_vendor": "VMware, Inc."}, virtual("VMwareVMware"), "hardware:x86_64/high hypervisor:vmware/high"},
		{"virtualbox with kvm's leaves", map[string]string{dmi + "product_name": "VirtualBox"}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:virtualbox/high"},
		{"bhyve", nil, virtual("bhyve bhyve "), "hardware:x86_64/high hypervisor:bhyve/high"},
		{"unknown", nil, virtual("NewNewNewNew"), "hardware:x86_64/high hypervisor:unknown/medium"},
		{"arm guest", map[string]string{"proc/device-tree/hypervisor/compatible": "linux,kvm\x00"}, nil, "hardware:x86_64/high hypervisor:kvm/high"},
		{"wsl2", map[string]string{"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\r\n"}, virtual("Microsoft Hv"),
			"hardware:x86_64/high hypervisor:hyperv/high container:wsl2/high"},
		{"wsl1", map[string]string{"proc/sys/kernel/osrelease": "4.4.0-19041-Microsoft"}, nil, "hardware:x86_64/high container:wsl1/high"},
		{"openvz", map[string]string{"proc/vz/x": "", "proc/cpuinfo": x86}, bare(), "hardware:bare metal/high container:openvz/high"},
		{"openvz's host", map[string]string{"proc/vz/x": "", "proc/bc/x": "", "proc/cpuinfo": x86}, bare(), "hardware:bare metal/high"},
		{"docker on nitro", map[string]string{
			dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c5.xlarge", ".dockerenv": "", "sys/fs/cgroup/cgroup.type": "domain",
			"proc/self/mountinfo": "500 1 0:50 / / rw,relatime - overlay overlay rw\n",
		}, virtual("KVMKVMKVM"), "hardware:x86_64/high cloud:ec2/high hypervisor:kvm/high container:docker/high"},
		{"docker by group", map[string]string{"proc/1/cgroup": "12:cpu:/docker/0123456789abcdef0123\n"}, bare(), "hardware:bare metal/high container:docker/high"},
		{"pod", map[string]string{"proc/1/cgroup": "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-01.scope\n"}, bare(),
			"hardware:bare metal/high container:containerd/high container:kubernetes/high"},
		{"containerd without a pod", map[string]string{"proc/1/cgroup": "0::/system.slice/cri-containerd-0123456789ab.scope\n"}, bare(), "hardware:bare metal/high container:containerd/high"},
		{"pod by cri-o on gce", map[string]string{
			dmi + "sys_vendor": "Google", dmi + "product_name": "Google Compute Engine", "proc/1/cgroup": "0::/kubepods.slice/crio-0123456789abcdef.scope\n",
		}, virtual("KVMKVMKVM"), "hardware:x86_64/high cloud:gce/high hypervisor:kvm/high container:cri-o/high container:kubernetes/high"},
		{"podman by group", map[string]string{"proc/1/cgroup": "0::/machine.slice/libpod-0123456789abcdef.scope\n"}, bare(), "hardware:bare metal/high container:podman/high"},
		{"podman", map[string]string{"run/.containerenv": "", "proc/1/environ": "PATH=/bin\x00container=podman\x00"}, bare(),
			"hardware:bare metal/high container:podman/high"},
		{"lxd", map[string]string{"run/systemd/container": "lxc", "dev/lxd/sock": ""}, bare(), "hardware:bare metal/high container:lxd/high"},
		{"lxc", map[string]string{"proc/1/environ": "container=lxc\x00"}, bare(), "hardware:bare metal/high container:lxc/high"},
		{"incus", map[string]string{"proc/1/environ": "container=lxc\x00", "dev/incus/sock": ""}, bare(), "hardware:bare metal/high container:incus/high"},
		{"lxc by group in a kvm guest", map[string]string{"proc/1/cgroup": "0::/lxc.payload.web/init.scope\n"}, virtual("KVMKVMKVM"), "hardware:x86_64/high hypervisor:kvm/high container:lxc/high"},
		{"nspawn by environment", map[string]string{"proc/1/environ": "container=systemd-nspawn\x00"}, bare(), "hardware:bare metal/high container:nspawn/high"},
		{"nspawn", map[string]string{"run/host/container-manager": "systemd-nspawn\n"}, bare(), "hardware:bare metal/high container:nspawn/high"},
		{"gvisor", map[string]string{"proc/version": "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n"}, bare(),
			"hardware:bare metal/high container:gvisor/high"},
		{"gvisor in a guest of kvm", map[string]string{"proc/version": "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n"}, virtual("KVMKVMKVM"),
			"hardware:x86_64/high hypervisor:kvm/high container:gvisor/high"},
		{"nameless container", map[string]string{"sys/fs/cgroup/cgroup.type": "domain"}, bare(), "hardware:bare metal/high container:unknown/medium"},
		{"uml", map[string]string{"proc/cpuinfo": "processor\t: 0\nvendor_id\t: User Mode Linux\n"}, bare(), "hardware:x86_64/high hypervisor:uml/high"},
		{"nothing to see", nil, nil, "hardware:x86_64/high"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := machine(t, c.files, c.cpuid)
			e := Of(s)
			if got := described(e); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			for _, l := range e.Stack {
				if len(l.Evidence) == 0 && l.Kind != fact.Hardware {
					t.Errorf("%s %s has no evidence", l.Kind, l.Name)
				}
			}
		})
	}
}

// TestStale: the mark that an image brought along is told, and not believed.
func TestStale(t *testing.T) {
	left := machine(t, map[string]string{".dockerenv": ""}, bare())
	if ev, ok := Stale(left); !ok || ev.Source != "/.dockerenv" {
		t.Errorf("a mark that was left over: %v, %v", ev, ok)
	}
	real := machine(t, map[string]string{".dockerenv": "", "sys/fs/cgroup/cgroup.type": "domain"}, bare())
	if _, ok := Stale(real); ok {
		t.Error("the mark of a real container is called stale")
	}
}
