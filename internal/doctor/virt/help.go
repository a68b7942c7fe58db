package virt

import (
	"fmt"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/place"
	"fishplate/internal/doctor/see"
)

// Bits of KVM's feature leaf, EAX of base + 1.
const (
	StealBit   = 5
	EOIBit     = 6
	FlushBit   = 9
	IPIBit     = 11
	RealtimeIn = 0 // of EDX: the host promises CPUs of our own
)

// Features returns KVM's feature leaf.
func Features(v *see.View) (see.Registers, fact.Evidence, bool) {
	leaf, ok := place.Find(place.Leaves(v.System), "kvm")
	if !ok {
		return see.Registers{}, fact.Evidence{}, false
	}
	r, err := v.Probe.CPUID(leaf.Base+1, 0)
	if err != nil {
		return see.Registers{}, fact.Evidence{}, false
	}
	return r, fact.Read(fmt.Sprintf("cpuid %#x", leaf.Base+1), fmt.Sprintf("eax=%#08x edx=%#x", r.EAX, r.EDX), nil), true
}

// needed are the features that make interrupts and wake-ups cheaper.
func needed() []struct {
	bit  int
	name string
} {
	return []struct {
		bit  int
		name string
	}{{StealBit, "steal time"}, {EOIBit, "end of interrupt without an exit"}, {FlushBit, "TLB flush"}, {IPIBit, "IPI by hypercall"}}
}

func kvmPV() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.kvm-pv", Title: "Paravirtual help of KVM",
			Reads:    "cpuid base + 1 of the leaves signed KVMKVMKVM: EAX bits 5, 6, 9, 11; EDX bit 0",
			Rule:     "warn: one of steal time, end of interrupt, TLB flush, IPI is missing",
			Why:      "Without posted interrupts these halve the exits of an interrupt or of waking another CPU.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "QEMU: -cpu host,+kvm-pv-eoi,+kvm-pv-ipi,+kvm-pv-tlb-flush,+kvm-steal-time; with CPUs of its own also kvm-hint-dedicated=on", Who: fact.ByHost,
				Persist: "the domain's definition", Risk: "the guest is started anew; no migration to a host without them", Undo: "take them out again",
			}},
			Sources: []string{"https://docs.kernel.org/virt/kvm/x86/cpuid.html"},
		},
		Look: func(v *see.View) fact.Finding {
			if _, ok := v.Env.Is(fact.Hypervisor, "kvm"); !ok {
				return fact.Say(fact.Skip, "the hypervisor is not KVM")
			}
			r, ev, ok := Features(v)
			if !ok {
				return v.Unseen(&see.Error{What: "cpuid 0x40000001", Class: see.Hidden})
			}
			var missing, there []string
			for _, f := range needed() {
				if r.EAX>>f.bit&1 == 1 {
					there = append(there, f.name)
				} else {
					missing = append(missing, f.name)
				}
			}
			dedicated := r.EDX>>RealtimeIn&1 == 1
			ev.Parsed = map[string]any{"there": there, "missing": missing, "dedicated_cpus": dedicated}
			if len(missing) > 0 {
				return fact.Say(fact.Warn, "missing: "+strings.Join(missing, ", "), ev)
			}
			text := strings.Join(there, ", ")
			if dedicated {
				text += "; the host gives us CPUs of our own"
			}
			return fact.Say(fact.OK, text, ev)
		},
	}
}

func hypervEnlightenments() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.hyperv-enl", Title: "Enlightenments of Hyper-V",
			Reads:    "cpuid 0x40000003 EAX, 0x40000004 EAX, 0x40000006 EAX",
			Rule:     "information",
			Why:      "As KVM's help: synthetic interrupts and the APIC assist save exits.",
			Severity: fact.SevereInfo, Scope: fact.Host, Path: fact.Any,
			Sources: []string{"https://learn.microsoft.com/virtualization/hyper-v-on-windows/tlfs/feature-discovery"},
		},
		Look: func(v *see.View) fact.Finding {
			leaf, ok := place.Find(place.Leaves(v.System), "hyperv")
			if !ok {
				if _, is := v.Env.Is(fact.Hypervisor, "hyperv"); is {
					return v.Unseen(&see.Error{What: "cpuid 0x40000000", Class: see.Hidden})
				}
				return fact.Say(fact.Skip, "no leaves of Hyper-V")
			}
			var evidence []fact.Evidence
			var parts []string
			for _, ask := range []struct {
				at   uint32
				bit  int
				what string
			}{{3, 2, "synthetic interrupts"}, {3, 9, "reference TSC page"}, {4, 3, "APIC by registers"}, {6, 0, "APIC assist of the hardware"}} {
				r, err := v.Probe.CPUID(leaf.Base+ask.at, 0)
				if err != nil {
					return v.Unseen(err)
				}
				on := r.EAX>>ask.bit&1 == 1
				evidence = append(evidence, fact.Read(fmt.Sprintf("cpuid %#x", leaf.Base+ask.at), fmt.Sprintf("eax=%#08x", r.EAX), map[string]bool{ask.what: on}))
				if on {
					parts = append(parts, ask.what)
				}
			}
			if parts == nil {
				parts = []string{"none that matter here"}
			}
			return fact.Say(fact.Info, strings.Join(parts, ", "), evidence...)
		},
	}
}

func xenAPIC() see.Row {
	return see.Row{
		Check: fact.Check{
			ID: "virt.xen-hvm-apic", Title: "Virtual APIC under Xen",
			Reads:    "cpuid base + 4 of the leaves signed XenVMMXenVMM: EAX bits 0 and 1",
			Rule:     "warn: neither bit is set",
			Why:      "Without it each interrupt and its end leave the guest; this is the one thing of APICv that a guest can see.",
			Severity: fact.SevereWarn, Scope: fact.Host, Path: fact.Any,
			Fix: []fact.Fix{{
				Command: "a processor with APICv (Xeon E5 v2 or later) and Xen 4.3 or later", Who: fact.ByHost, Risk: "another host", Undo: "move back",
			}},
			Sources: []string{"https://xenbits.xen.org/docs/unstable/hypercall/x86_64/include,public,arch-x86,cpuid.h.html"},
		},
		Look: func(v *see.View) fact.Finding {
			if _, ok := v.Env.Is(fact.Hypervisor, "xen"); !ok {
				return notXen(v)
			}
			if l, _ := v.Env.Is(fact.Paravirtual, ""); l.Name == "xen-pv" || l.Name == "xen-dom0" {
				return fact.Say(fact.Skip, "PV guests have event channels in place of an APIC")
			}
			leaf, ok := place.Find(place.Leaves(v.System), "xen")
			if !ok {
				return v.Unseen(&see.Error{What: "cpuid 0x40000004", Class: see.Hidden})
			}
			r, err := v.Probe.CPUID(leaf.Base+4, 0)
			if err != nil {
				return v.Unseen(err)
			}
			access, x2 := r.EAX&1 == 1, r.EAX>>1&1 == 1
			ev := fact.Read(fmt.Sprintf("cpuid %#x", leaf.Base+4), fmt.Sprintf("eax=%#x", r.EAX), map[string]bool{"apic_access": access, "x2apic": x2})
			if !access && !x2 {
				return fact.Say(fact.Warn, "the APIC is imitated in software", ev)
			}
			return fact.Say(fact.OK, "the processor helps with the APIC", ev)
		},
	}
}
