package place

import (
	"encoding/binary"
	"fmt"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// Leaf is a block of hypervisor leaves: its first leaf, the last one that it
// has, and who signed it.
type Leaf struct {
	Base, Last uint32
	Signature  string
	Name       string // the hypervisor's, "" for a signature that we do not know
}

// Present reports whether the processor says that it is a virtual one, which
// bit 31 of ECX of leaf 1 is reserved for.
func Present(s *see.System) (virtual bool, ev fact.Evidence, err error) {
	r, err := s.Probe.CPUID(1, 0)
	if err != nil {
		return false, fact.Evidence{Source: "cpuid 0x1"}, err
	}
	virtual = r.ECX>>31 == 1
	return virtual, fact.Read("cpuid 0x1", fmt.Sprintf("ecx=%#08x", r.ECX), map[string]bool{"hypervisor": virtual}), nil
}

// Leaves scans for blocks of hypervisor leaves. A hypervisor that shows itself
// as Hyper-V to please Windows puts its own block behind that one, 0x100 further,
// so that the first signature is not the last word.
func Leaves(s *see.System) []Leaf {
	if virtual, _, err := Present(s); err != nil || !virtual {
		return nil
	}
	var list []Leaf
	for base := uint32(0x40000000); base < 0x40010000; base += 0x100 {
		r, err := s.Probe.CPUID(base, 0)
		if err != nil {
			continue
		}
		sign := signature(r)
		name := signedBy(sign)
		if name == "" && base != 0x40000000 {
			// Leaves that do not exist repeat some other leaf.
			continue
		}
		list = append(list, Leaf{Base: base, Last: r.EAX, Signature: sign, Name: name})
	}
	return list
}

// Find returns the block of a hypervisor.
func Find(leaves []Leaf, name string) (Leaf, bool) {
	for _, l := range leaves {
		if l.Name == name {
			return l, true
		}
	}
	return Leaf{}, false
}

// Evidence is the leaf as evidence.
func (l Leaf) Evidence() fact.Evidence {
	return fact.Read(fmt.Sprintf("cpuid %#x", l.Base), fmt.Sprintf("max=%#x %q", l.Last, l.Signature), l.Name)
}

func signature(r see.Registers) string {
	var b [12]byte
	binary.LittleEndian.PutUint32(b[0:], r.EBX)
	binary.LittleEndian.PutUint32(b[4:], r.ECX)
	binary.LittleEndian.PutUint32(b[8:], r.EDX)
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return string(b[:n])
}

func signedBy(signature string) string {
	switch signature {
	case "KVMKVMKVM", "Linux KVM Hv":
		return "kvm"
	case "XenVMMXenVMM":
		return "xen"
	case "Microsoft Hv":
		return "hyperv"
	case "VMwareVMware":
		return "vmware"
	case "VBoxVBoxVBox":
		return "virtualbox"
	case "bhyve bhyve ":
		return "bhyve"
	case "TCGTCGTCGTCG":
		return "qemu-tcg"
	case " lrpepyh vr", " prl hyperv ":
		return "parallels"
	case "QNXQVMBSQG":
		return "qnx"
	case "ACRNACRNACRN":
		return "acrn"
	case "SRESRESRESRE":
		return "sre"
	case "Apple VZ", "Apple VZ____":
		return "apple"
	case "OpenBSDVMM58":
		return "openbsd-vmm"
	case "EVMMEVMMEVMM":
		return "evmm"
	}
	return ""
}
