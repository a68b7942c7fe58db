// Package cpu has the checks of processors, interrupts and clocks: what a
// wake-up, a system call and a look at the clock cost here, whether the
// hypervisor or a control group takes time away, and what the processor can.
//
// Costs are judged by measurement where one was made (--probe), else by settings
// as far as those decide. What only the host of a virtual machine can see is
// unknown in the guest. Rows are values, and looking keeps nothing.
package cpu

import "fishplate/internal/doctor/see"

// Rows are the checks of this group.
func Rows() []see.Row {
	return []see.Row{
		apicv(), apicvParam(), x2apic(), pinning(),
		wakeLatency(), syscallCost(), clockCost(), pageFault(), timerSlack(), crrFloor(), cryptoSpeed(), memorySpeed(),
		haltpoll(), steal(), stealVisible(), oneHot(), quota(), affinity(),
		governor(), mitigations(), simd(), smt(), numa(), pmu(),
	}
}
