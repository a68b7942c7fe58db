package parse

import (
	"slices"
	"strconv"
	"strings"
)

// maxCPUs bounds the numbers of CPUs: Linux has at most 8,192, and a list of
// "0-4294967295" must not take the memory of the machine.
const maxCPUs = 8192

// Times is a row of /proc/stat: ticks (USER_HZ, nearly always 100 a second)
// since boot. Kernels before 2.6.11 have no Steal, before 2.6.24 no Guest.
type Times struct {
	User, Nice, System, Idle, IOWait, IRQ, SoftIRQ, Steal uint64
	Columns                                               int // how many were there; Steal is known from 8 on
}

// Total is the sum of all columns. Guest time is already within User.
func (t Times) Total() uint64 {
	return t.User + t.Nice + t.System + t.Idle + t.IOWait + t.IRQ + t.SoftIRQ + t.Steal
}

// Busy is the time that was spent working: neither idle nor waiting for disks
// nor stolen.
func (t Times) Busy() uint64 { return t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ }

// Minus is the difference to an earlier reading; a counter that went backwards
// (a CPU that was unplugged in between) counts as none.
func (t Times) Minus(old Times) Times {
	return Times{
		User: less(t.User, old.User), Nice: less(t.Nice, old.Nice), System: less(t.System, old.System),
		Idle: less(t.Idle, old.Idle), IOWait: less(t.IOWait, old.IOWait), IRQ: less(t.IRQ, old.IRQ),
		SoftIRQ: less(t.SoftIRQ, old.SoftIRQ), Steal: less(t.Steal, old.Steal), Columns: t.Columns,
	}
}

func less(a, b uint64) uint64 { return a - min(a, b) }

// Stat is /proc/stat.
type Stat struct {
	All   Times
	CPUs  map[int]Times // by the number of the CPU; those offline are not there
	Boot  uint64        // seconds since 1970, 0 when it is not said
	Forks uint64
}

// ProcStat reads /proc/stat. The row of all CPUs must be there.
func ProcStat(b []byte) (Stat, error) {
	s := Stat{CPUs: map[int]Times{}}
	for line := range lines(b) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		name, ok := strings.CutPrefix(fields[0], "cpu")
		switch {
		case ok && name == "":
			s.All = times(fields[1:])
		case ok:
			if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < maxCPUs {
				if t := times(fields[1:]); t.Columns >= 4 {
					s.CPUs[n] = t
				}
			}
		case fields[0] == "btime":
			s.Boot, _ = strconv.ParseUint(fields[1], 10, 64) // 0 is "not said"
		case fields[0] == "processes":
			s.Forks, _ = strconv.ParseUint(fields[1], 10, 64)
		}
	}
	if s.All.Columns < 4 {
		return Stat{}, nothing("/proc/stat")
	}
	return s, nil
}

// times reads columns up to the first that is no number.
func times(fields []string) Times {
	var t Times
	for i, to := range []*uint64{&t.User, &t.Nice, &t.System, &t.Idle, &t.IOWait, &t.IRQ, &t.SoftIRQ, &t.Steal} {
		if i >= len(fields) {
			break
		}
		n, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			break
		}
		*to, t.Columns = n, i+1
	}
	return t
}

// CPUList reads "0-3,8,10-11" into sorted numbers. An empty file is an empty
// list: a node without CPUs has one.
func CPUList(b []byte) ([]int, error) {
	word := Word(b)
	var list []int
	for part := range strings.SplitSeq(word, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		part, _, _ = strings.Cut(part, ":") // "0-31:1/2", a stride, is taken whole
		low, high, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(low)
		z := a
		if err == nil && ranged {
			z, err = strconv.Atoi(high)
		}
		if err != nil || a < 0 || z < a || z >= maxCPUs {
			return nil, bad("list of CPUs", part, "a number or a range of CPUs")
		}
		for n := a; n <= z; n++ {
			list = append(list, n)
		}
		if len(list) > 4*maxCPUs {
			return nil, bad("list of CPUs", word, "shorter than four times all CPUs")
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// CPUMask reads a mask in groups of 32 bits, "00000000,000000ff", the last
// group being that of CPU 0, into sorted numbers.
func CPUMask(b []byte) ([]int, error) {
	word := Word(b)
	if word == "" {
		return nil, nothing("mask of CPUs")
	}
	groups := strings.Split(word, ",")
	if len(groups) > maxCPUs/32 {
		return nil, bad("mask of CPUs", word, "a mask of at most 8192 CPUs")
	}
	var list []int
	for i := range groups {
		group := strings.TrimSpace(groups[len(groups)-1-i])
		// One group alone may be longer than 32 bits in masks that people write.
		bits, err := hexadecimal(group)
		if err != nil || len(groups) > 1 && bits > 0xffffffff {
			return nil, bad("mask of CPUs", group, "a group of hexadecimal digits")
		}
		for n := range 64 {
			if bits>>n&1 == 1 {
				list = append(list, 32*i+n)
			}
		}
	}
	return list, nil
}

// Interrupt is a row of /proc/interrupts: an interrupt and how often each CPU
// took it, in the order of the columns.
type Interrupt struct {
	Name   string // "24", "NMI"
	Label  string // what stands behind the counts: controller, kind and device
	Counts []uint64
}

// Total is how often all CPUs took it.
func (i Interrupt) Total() uint64 {
	var sum uint64
	for _, n := range i.Counts {
		sum += n
	}
	return sum
}

// Interrupts is /proc/interrupts, or /proc/softirqs, whose rows have no label.
type Interrupts struct {
	CPUs []int // what the columns stand for
	Rows []Interrupt
}

// Row finds an interrupt by name.
func (t Interrupts) Row(name string) (Interrupt, bool) {
	for _, r := range t.Rows {
		if r.Name == name {
			return r, true
		}
	}
	return Interrupt{}, false
}

// InterruptTable reads /proc/interrupts and /proc/softirqs. The first line names
// the CPUs; without it the columns mean nothing. Rows such as ERR and MIS have
// one count whatever the number of CPUs.
func InterruptTable(b []byte) (Interrupts, error) {
	var t Interrupts
	for line := range lines(b) {
		fields := strings.Fields(line)
		if t.CPUs == nil {
			t.CPUs = header(fields)
			if t.CPUs == nil {
				return Interrupts{}, nothing("table of interrupts")
			}
			continue
		}
		name, ok := strings.CutSuffix(fields[0], ":")
		if !ok {
			continue
		}
		row := Interrupt{Name: name}
		fields = fields[1:]
		for len(fields) > 0 && len(row.Counts) < len(t.CPUs) {
			n, err := strconv.ParseUint(fields[0], 10, 64)
			if err != nil {
				break
			}
			row.Counts, fields = append(row.Counts, n), fields[1:]
		}
		row.Label = strings.Join(fields, " ")
		t.Rows = append(t.Rows, row)
	}
	if t.Rows == nil {
		return Interrupts{}, nothing("table of interrupts")
	}
	return t, nil
}

// header reads "CPU0 CPU1 …", or nil.
func header(fields []string) []int {
	var cpus []int
	for _, f := range fields {
		n, err := strconv.Atoi(strings.TrimPrefix(f, "CPU"))
		if err != nil || !strings.HasPrefix(f, "CPU") || n < 0 || len(cpus) >= maxCPUs {
			return nil
		}
		cpus = append(cpus, n)
	}
	return cpus
}

// CPUInfo is what the first processor of /proc/cpuinfo says of itself.
type CPUInfo struct {
	Vendor     string // "GenuineIntel", "AuthenticAMD", "User Mode Linux"; "" on arm64 and riscv64
	Model      string
	Flags      []string // sorted; the flags of x86, the Features of arm64, the isa letters are not split
	VMXFlags   []string // sorted; what Intel's virtualization can do, since Linux 5.6
	Processors int
}

// Has reports whether the processor has a flag.
func (c CPUInfo) Has(flag string) bool {
	_, ok := slices.BinarySearch(c.Flags, flag)
	return ok
}

// HasVMX reports whether the virtualization of the processor has a flag.
func (c CPUInfo) HasVMX(flag string) bool {
	_, ok := slices.BinarySearch(c.VMXFlags, flag)
	return ok
}

// ProcCPUInfo reads /proc/cpuinfo.
func ProcCPUInfo(b []byte) (CPUInfo, error) {
	var c CPUInfo
	understood := false
	for line := range lines(b) {
		name, text, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		text = strings.TrimSpace(text)
		understood = true
		switch strings.TrimSpace(name) {
		case "processor":
			c.Processors++
		case "vendor_id":
			c.Vendor = first(c.Vendor, text)
		case "model name", "uarch":
			c.Model = first(c.Model, text)
		case "flags", "Features":
			c.Flags = words(c.Flags, text)
		case "vmx flags":
			c.VMXFlags = words(c.VMXFlags, text)
		}
	}
	if !understood {
		return CPUInfo{}, nothing("/proc/cpuinfo")
	}
	return c, nil
}

func first(old, text string) string {
	if old != "" {
		return old
	}
	return text
}

// words returns the words of a text, sorted, unless there are some already.
func words(old []string, text string) []string {
	if old != nil {
		return old
	}
	list := strings.Fields(text)
	slices.Sort(list)
	return list
}
