package place

import (
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// looking is one look at a machine.
type looking struct {
	s        *see.System
	firmware Firmware
	leaves   []Leaf
	cpu      parse.CPUInfo
	cpuErr   error
	stack    []fact.Layer
}

// Of returns the stack of layers, the outermost first.
func Of(s *see.System) fact.Environment {
	l := &looking{s: s, firmware: FirmwareOf(s), leaves: Leaves(s)}
	l.cpu, _, l.cpuErr = see.As(s, "/proc/cpuinfo", parse.ProcCPUInfo)
	below := l.hypervisors()
	l.stack = append(l.stack, l.hardware(len(below) == 0))
	if c, ok := cloud(s, l.firmware); ok {
		l.stack = append(l.stack, c)
	}
	if n, ok := l.nested(below); ok {
		l.stack = append(l.stack, n)
	}
	l.stack = append(l.stack, below...)
	l.stack = append(l.stack, containers(s)...)
	return fact.Environment{Stack: l.stack}
}

// hardware is the lowest layer. That nothing lies between it and the kernel is
// sure only where the processor has a way to say so.
func (l *looking) hardware(bare bool) fact.Layer {
	h := fact.Layer{Kind: fact.Hardware, Name: l.s.Probe.Self().Uname.Machine, Confidence: fact.High}
	if h.Name == "" {
		h.Name, h.Confidence = "unknown", fact.Low
	}
	if l.cpuErr == nil && l.cpu.Model != "" {
		h.Evidence = append(h.Evidence, fact.Read("/proc/cpuinfo", "model name: "+l.cpu.Model, l.cpu.Model))
	}
	if !bare {
		return h
	}
	virtual, ev, err := Present(l.s)
	_, known, table := virtualBit(l.s)
	switch {
	case err == nil && !virtual:
		h.Name, h.Confidence = "bare metal", fact.High
		h.Evidence = append(h.Evidence, ev)
	case known:
		h.Name, h.Confidence = "bare metal", fact.High
		h.Evidence = append(h.Evidence, table)
	case l.cpuErr == nil && len(l.cpu.Flags) > 0 && !l.cpu.Has("hypervisor"):
		h.Name, h.Confidence = "bare metal", fact.Medium
		h.Evidence = append(h.Evidence, fact.Read("/proc/cpuinfo", "flags without hypervisor", false))
	}
	for _, name := range []string{"sys_vendor", "product_name"} {
		if l.firmware.Word(name) != "" {
			h.Evidence = append(h.Evidence, l.firmware.Evidence(name))
		}
	}
	return h
}

// hypervisors returns what lies between the hardware and the kernel: the
// hypervisor, the program around it, and how it virtualizes.
func (l *looking) hypervisors() []fact.Layer {
	if layers := l.xen(); layers != nil {
		return layers
	}
	if layer, ok := l.usermode(); ok {
		return []fact.Layer{layer}
	}
	vendor, file := l.firmware.Vendor()
	base, ok := l.signed()
	switch {
	case ok:
	case vendor == "amazon" || vendor == "google":
		base, ok = l.byCloud(vendor, file)
	case vendor != "":
		base = fact.Layer{Kind: fact.Hypervisor, Name: vendor, Confidence: fact.Medium, Evidence: []fact.Evidence{l.firmware.Evidence(file)}}
		ok = true
	}
	if !ok {
		base, ok = l.tree()
	}
	if !ok {
		base, ok = l.unnamed()
	}
	if !ok {
		return nil
	}
	if base.Name == "kvm" && vendor == "virtualbox" {
		// VirtualBox shows KVM's leaves to its guests, as its interface is known.
		base.Name = "virtualbox"
		base.Evidence = append(base.Evidence, l.firmware.Evidence(file))
	}
	layers := []fact.Layer{base}
	if program, ok := l.program(base); ok {
		layers = append(layers, program)
	}
	return layers
}

// signed is the hypervisor by its leaves. Of several blocks one that is not
// Hyper-V's counts: only others have a reason to imitate that.
func (l *looking) signed() (fact.Layer, bool) {
	var best *Leaf
	for i, leaf := range l.leaves {
		if leaf.Name != "" && (best == nil || best.Name == "hyperv") {
			best = &l.leaves[i]
		}
	}
	if best == nil {
		return fact.Layer{}, false
	}
	layer := fact.Layer{Kind: fact.Hypervisor, Name: best.Name, Confidence: fact.High}
	for _, leaf := range l.leaves {
		layer.Evidence = append(layer.Evidence, leaf.Evidence())
	}
	return layer, true
}

// byCloud is the hypervisor of a cloud whose firmware reads the same on machines
// with a hypervisor and without: the bit in its table decides, or the name.
func (l *looking) byCloud(vendor, file string) (fact.Layer, bool) {
	virtual, known, ev := virtualBit(l.s)
	product := l.firmware.Word("product_name")
	_, rest, metal := strings.Cut(product, ".metal")
	metal = metal && (rest == "" || rest[0] == '-')
	if known && !virtual || !known && metal {
		return fact.Layer{}, false
	}
	if present, _, err := Present(l.s); err == nil && !present {
		return fact.Layer{}, false
	}
	layer := fact.Layer{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.Medium, Evidence: []fact.Evidence{l.firmware.Evidence(file)}}
	if known {
		layer.Evidence = append(layer.Evidence, ev)
	}
	return layer, vendor != ""
}

// unnamed is a hypervisor that only says that it is there.
func (l *looking) unnamed() (fact.Layer, bool) {
	layer := fact.Layer{Kind: fact.Hypervisor, Name: "unknown", Confidence: fact.Medium}
	if virtual, ev, err := Present(l.s); err == nil && virtual {
		layer.Evidence = []fact.Evidence{ev}
		for _, leaf := range l.leaves {
			layer.Evidence = append(layer.Evidence, leaf.Evidence())
		}
		return layer, true
	}
	if virtual, known, ev := virtualBit(l.s); known && virtual {
		layer.Evidence = []fact.Evidence{ev}
		return layer, true
	}
	if _, err := l.s.Probe.CPUID(1, 0); err != nil && l.cpuErr == nil && l.cpu.Has("hypervisor") {
		layer.Evidence = []fact.Evidence{fact.Read("/proc/cpuinfo", "flags: … hypervisor …", true)}
		return layer, true
	}
	return fact.Layer{}, false
}

// usermode is a kernel that is a process of another one.
func (l *looking) usermode() (fact.Layer, bool) {
	if l.cpuErr != nil || l.cpu.Vendor != "User Mode Linux" {
		return fact.Layer{}, false
	}
	return fact.Layer{
		Kind: fact.Hypervisor, Name: "uml", Confidence: fact.High,
		Evidence: []fact.Evidence{fact.Read("/proc/cpuinfo", "vendor_id: "+l.cpu.Vendor, l.cpu.Vendor)},
	}, true
}

// tree reads the device tree, which stands for processor leaves where the
// processor has none.
func (l *looking) tree() (fact.Layer, bool) {
	const file = "/proc/device-tree/hypervisor/compatible"
	text, _, err := l.s.Says(file)
	if err == nil {
		text = strings.Trim(text, "\x00")
		name := "unknown"
		switch {
		case strings.HasPrefix(text, "linux,kvm"):
			name = "kvm"
		case strings.HasPrefix(text, "xen"):
			name = "xen"
		case strings.HasPrefix(text, "vmware"):
			name = "vmware"
		}
		return fact.Layer{Kind: fact.Hypervisor, Name: name, Confidence: fact.High, Evidence: []fact.Evidence{fact.Read(file, text, name)}}, true
	}
	names, err := l.s.List("/proc/device-tree")
	if err != nil {
		return fact.Layer{}, false
	}
	for _, n := range names {
		if strings.HasPrefix(n, "fw-cfg") {
			return fact.Layer{
				Kind: fact.Hypervisor, Name: "qemu", Confidence: fact.Medium,
				Evidence: []fact.Evidence{fact.Read("/proc/device-tree", n, "qemu")},
			}, true
		}
	}
	return fact.Layer{}, false
}

// program is the program that makes a virtual machine of the hypervisor, where
// it is not the hypervisor itself.
func (l *looking) program(base fact.Layer) (fact.Layer, bool) {
	if base.Name != "kvm" {
		return fact.Layer{}, false
	}
	const acpi = "/sys/firmware/acpi/tables/FACP"
	if raw, err := l.s.Read(acpi); err == nil && len(raw) >= 24 && string(raw[10:16]) == "FIRECK" {
		return fact.Layer{
			Kind: fact.Hypervisor, Name: "firecracker", Confidence: fact.High,
			Evidence: []fact.Evidence{fact.Read(acpi, string(raw[:4])+" … "+string(raw[10:24]), "FIRECK")},
		}, true
	}
	switch vendor, file := l.firmware.Vendor(); vendor {
	case "qemu", "cloud-hypervisor", "crosvm":
		return fact.Layer{Kind: fact.Hypervisor, Name: vendor, Confidence: fact.High, Evidence: []fact.Evidence{l.firmware.Evidence(file)}}, true
	}
	if l.firmware.Any() {
		return fact.Layer{}, false
	}
	data, err := l.s.Read("/proc/cmdline")
	if err != nil {
		return fact.Layer{}, false
	}
	marks := 0
	for _, p := range parse.Cmdline(data) {
		if p.Name == "virtio_mmio.device" || p.Name == "pci" && p.Value == "off" || p.Name == "reboot" && p.Value == "k" {
			marks++
		}
	}
	if marks == 0 {
		return fact.Layer{}, false
	}
	// Without ACPI's tables only the bare machine speaks for it: no firmware, and
	// the parameters that its manual starts kernels with.
	return fact.Layer{
		Kind: fact.Hypervisor, Name: "firecracker", Confidence: fact.Medium,
		Evidence: []fact.Evidence{fact.Read("/proc/cmdline", string(data), marks), {Source: "/sys/class/dmi", Raw: "", Parsed: "absent"}},
	}, true
}

// nested is a hypervisor below the one that we see. It cannot be known from here;
// what speaks for it makes a layer of low confidence.
func (l *looking) nested(below []fact.Layer) (fact.Layer, bool) {
	if len(below) == 0 {
		return fact.Layer{}, false
	}
	layer := fact.Layer{Kind: fact.Hypervisor, Name: "nested", Confidence: fact.Low}
	_, kvm := Find(l.leaves, "kvm")
	_, xen := Find(l.leaves, "xen")
	if kvm && xen {
		layer.Confidence = fact.Medium
		layer.Evidence = append(layer.Evidence, fact.Read("cpuid", "leaves of KVM and of Xen", true))
	}
	if data, err := l.s.Read("/proc/cmdline"); err == nil {
		for _, p := range parse.Cmdline(data) {
			if p.Name == "nested_pvm" && p.Value != "0" {
				layer.Evidence = append(layer.Evidence, fact.Read("/proc/cmdline", "nested_pvm="+p.Value, p.Value))
			}
		}
	}
	if ok, err := l.s.Exists("/dev/kvm"); err == nil && ok && l.cpuErr == nil && !l.cpu.Has("vmx") && !l.cpu.Has("svm") {
		layer.Evidence = append(layer.Evidence, fact.Read("/dev/kvm", "guests without vmx or svm in /proc/cpuinfo: those below may be made so, too", true))
	}
	return layer, len(layer.Evidence) > 0
}

// xen returns Xen and the kind of its guest, nil when it is not Xen.
func (l *looking) xen() []fact.Layer {
	base := fact.Layer{Kind: fact.Hypervisor, Name: "xen", Confidence: fact.High}
	leaf, signed := Find(l.leaves, "xen")
	if _, kvm := Find(l.leaves, "kvm"); kvm {
		signed = false // KVM answers for Xen's guests, and says so behind it
	}
	if signed {
		base.Evidence = append(base.Evidence, leaf.Evidence())
	}
	kind, typeEv, err := l.s.Says("/sys/hypervisor/type")
	if err == nil && kind == "xen" {
		base.Evidence = append(base.Evidence, typeEv)
	}
	if ok, err := l.s.Exists("/proc/xen"); err == nil && ok && len(base.Evidence) == 0 {
		base.Evidence = append(base.Evidence, fact.Read("/proc/xen", "", "present"))
	}
	if vendor, file := l.firmware.Vendor(); vendor == "xen" && len(base.Evidence) == 0 {
		base.Evidence, base.Confidence = append(base.Evidence, l.firmware.Evidence(file)), fact.Medium
	}
	if len(base.Evidence) == 0 {
		return nil
	}
	return []fact.Layer{base, l.xenMode(signed)}
}

// xenMode is the kind of guest. What the hypervisor could do, which is what
// properties/capabilities lists, says nothing about it.
func (l *looking) xenMode(signed bool) fact.Layer {
	mode := func(name string, c fact.Confidence, ev fact.Evidence) fact.Layer {
		return fact.Layer{Kind: fact.Paravirtual, Name: "xen-" + name, Confidence: c, Evidence: []fact.Evidence{ev}}
	}
	if bits, ev, err := see.As(l.s, "/sys/hypervisor/properties/features", parse.XenFeatures); err == nil && bits>>11&1 == 1 {
		return mode("dom0", fact.High, ev)
	}
	if text, ev, err := l.s.Says("/proc/xen/capabilities"); err == nil && strings.Contains(text, "control_d") {
		return mode("dom0", fact.High, ev)
	}
	if text, ev, err := l.s.Says("/sys/hypervisor/guest_type"); err == nil {
		switch text {
		case "PV":
			return mode("pv", fact.High, ev)
		case "HVM":
			return mode("pvhvm", fact.High, ev)
		case "PVH":
			return mode("pvh", fact.High, ev)
		}
	}
	if strings.HasPrefix(l.firmware.Word("product_name"), "HVM domU") {
		return mode("pvhvm", fact.High, l.firmware.Evidence("product_name"))
	}
	if l.cpuErr == nil && slices.Contains(l.cpu.Flags, "hypervisor") || signed {
		return mode("pvhvm", fact.Medium, fact.Read("/proc/cpuinfo", "flags: … hypervisor …", true))
	}
	if l.cpuErr == nil && len(l.cpu.Flags) > 0 {
		return mode("pv", fact.Medium, fact.Read("/proc/cpuinfo", "flags without hypervisor", false))
	}
	return mode("unknown", fact.Low, fact.Evidence{Source: "/sys/hypervisor/guest_type"})
}
