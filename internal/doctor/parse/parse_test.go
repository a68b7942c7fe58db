package parse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a well-formed file for each reader, and the reader as a function
// that returns something comparable.
var samples = []struct {
	name string
	text string
	read func([]byte) (any, error)
}{
	{"number", "-12\n", as(Number)},
	{"numbers", "32768\t60999\n", as(Numbers)},
	{"flag", "Y\n", as(Flag)},
	{"limit", "9223372036854771712\n", as(Limit)},
	{"chosen", "always [madvise] never\n", func(b []byte) (any, error) { c, all, err := Chosen(b); return []any{c, all}, err }},
	{"pairs", "nr_periods 1000\nnr_throttled 900\nthrottled_usec 77\n", as(Pairs)},
	{"texts", "Name:\tfishplate\nSeccomp:\t2\nCpus_allowed_list:\t0-1\n", as(Texts)},
	{"stat", "cpu  10 2 3 400 5 6 7 8 9 0\ncpu0 10 2 3 400 5 6 7 8 9 0\nintr 5 0 1\nbtime 1700000000\nprocesses 77\n", as(ProcStat)},
	{"list", "0-2,8\n", as(CPUList)},
	{"mask", "00000001,000000ff\n", as(CPUMask)},
	{"interrupts", "           CPU0       CPU1       \n  0:         44          0  IR-IO-APIC    2-edge      timer\n 24:          1          2  PCI-MSIX-0000:00:01.0    1-edge      virtio0-input.0\nERR:          3\n", as(InterruptTable)},
	{"cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: X\nflags\t\t: fpu hypervisor aes\nvmx flags\t: vnmi apicv\n\nprocessor\t: 1\n", as(ProcCPUInfo)},
	{"netstat", "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 5 7\nIpExt: InNoRoutes\nIpExt: 1\n", as(NetCounters)},
	{"softnet", "0000001a 00000002 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000004 00000005 00000006 00000001\n", as(SoftnetStat)},
	{"conntrack", "entries  searched found drop\n0000000a  00000001 00000002 00000003\n0000000a  00000001 00000002 00000004\n", as(ConntrackStat)},
	{"sockstat", "sockets: used 100\nTCP: inuse 5 orphan 1 tw 20 alloc 6 mem 3\n", as(Sockstat)},
	{"devices", "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n  eth0:1000 10 1 2 3 0 0 0 2000 20 4 5 6 0 0 0\n", as(NetDevices)},
	{"meminfo", "MemTotal:        1024 kB\nMemAvailable:     512 kB\nHugePages_Total:       3\n", as(Meminfo)},
	{"pressure", "some avg10=1.50 avg60=0.20 avg300=0.00 total=12345\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=5\n", as(Pressures)},
	{"beancounters", "Version: 2.5\n uid  resource held maxheld barrier limit failcnt\n 101: kmemsize 1 2 3 4 0\n numtcpsock 300 360 360 360 17\n", as(Beancounters)},
	{"swaps", "Filename\t\t\tType\t\tSize\tUsed\tPriority\n/dev/vda2  partition 1000 10 -2\n", as(Swaps)},
	{"cgroups", "12:cpu,cpuacct:/docker/a:b\n1:name=systemd:/x\n0::/user.slice\n", as(Cgroups)},
	{"cpu.max", "150000 100000\n", as(CPUMax)},
	{"mounts", `36 35 98:0 /m\040x /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue` + "\n", as(Mounts)},
	{"release", "5.15.153.1-microsoft-standard-WSL2\n", as(Release)},
	{"cmdline", `BOOT_IMAGE=/vmlinuz mitigations=off dyndbg="file a b" quiet` + "\n", func(b []byte) (any, error) { return Cmdline(b), nil }},
	{"limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 1048576              files     \nMax realtime timeout      unlimited            unlimited            us        \n", as(Limits)},
	{"xen", "000022e6\n", as(XenFeatures)},
	{"uid_map", "         0     100000      65536\n", as(IDMaps)},
	{"kmsg", "6,339,5140900,-;TCP: request_sock_TCP: Possible SYN flooding on port 80.\n KEY=value\n[    7.500000] done\n", func(b []byte) (any, error) { return KernelLog(b), nil }},
	{"config", "# CONFIG_X is not set\nCONFIG_HZ=250\nCONFIG_CC=\"gcc\"\n", func(b []byte) (any, error) { return KernelConfig(b), nil }},
}

func as[T any](read func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return read(b) }
}

// TestLineEnds: every format reads the same with CRLF, as under WSL, without the
// last line end, and with empty lines behind.
func TestLineEnds(t *testing.T) {
	for _, s := range samples {
		want, err := s.read([]byte(s.text))
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		for _, text := range []string{
			strings.ReplaceAll(s.text, "\n", "\r\n"), strings.TrimRight(s.text, "\n"), s.text + "\n\n", s.text + "\x00",
		} {
			got, err := s.read([]byte(text))
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("%s: %q\n%v\n%s", s.name, text, err, cmp.Diff(want, got))
			}
		}
	}
}

// TestRuins: what is empty, foreign or cut is an error or a part, never a panic
// and never an answer where there was none.
func TestRuins(t *testing.T) {
	free := map[string]bool{"cmdline": true, "kmsg": true, "config": true, "list": true} // may be empty
	for _, s := range samples {
		for i := range s.text {
			_, err := s.read([]byte(s.text[:i]))
			if err != nil && !errors.Is(err, ErrNothing) {
				t.Errorf("%s: %q: %v is not ErrNothing", s.name, s.text[:i], err)
			}
		}
		for _, text := range []string{"", "\n", "\x00\x00", "\r\n\r\n", "\v\u00a0\f", strings.Repeat("\xff", 100), "<html>no</html>"} {
			if _, err := s.read([]byte(text)); err == nil && !free[s.name] {
				t.Errorf("%s: %q has no error", s.name, text)
			}
		}
		// Each number in turn becomes one that no machine word holds.
		for _, huge := range []string{strings.Repeat("9", 40), "-" + strings.Repeat("9", 40), "1e309"} {
			for _, field := range strings.Fields(s.text) {
				if strings.ContainsAny(field, "0123456789") {
					_, err := s.read([]byte(strings.Replace(s.text, field, huge, 1)))
					if err != nil && !errors.Is(err, ErrNothing) {
						t.Errorf("%s: %v", s.name, err)
					}
				}
			}
		}
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		name string
		got  func() (any, error)
		want any // nil: an error is wanted
	}{
		{"negative", with(Number, "-1"), int64(-1)},
		{"no number", with(Number, "12a"), nil},
		{"too large", with(Number, "18446744073709551616"), nil},
		{"ports", with(Numbers, "32768\t60999"), []int64{32768, 60999}},
		{"ports with a word", with(Numbers, "32768 x"), nil},
		{"off", with(Flag, "N"), false},
		{"flag of 2", with(Flag, "2"), nil},
		{"max", with(Limit, "max"), uint64(Unlimited)},
		{"v1 unlimited", with(Limit, "-1"), uint64(Unlimited)},
		{"limit of nothing", with(Limit, ""), nil},
		{"xen without 0x", with(XenFeatures, "00000f05"), uint64(0xf05)},
		{"xen with 0x", with(XenFeatures, "0x800"), uint64(XenDom0)},
		{"xen words", with(XenFeatures, "zz"), nil},
		{"quota", with(CPUMax, "150000 100000"), 1.5},
		{"no quota", with(CPUMax, "max 100000"), 0.0},
		{"quota alone", with(CPUMax, "50000"), 0.5},
		{"period zero", with(CPUMax, "50000 0"), nil},
		{"one mask", with(CPUMask, "3"), []int{0, 1}},
		{"mask of 64", with(CPUMask, "00000001,00000000"), []int{32}},
		{"mask of none", with(CPUMask, "00"), []int(nil)},
		{"long group", with(CPUMask, "300000001"), []int{0, 32, 33}},
		{"mask of words", with(CPUMask, "all"), nil},
		{"wide group in a list", with(CPUMask, "fffffffff,0"), nil},
		{"list", with(CPUList, "10-11,0-1,1"), []int{0, 1, 10, 11}},
		{"empty list", with(CPUList, ""), []int(nil)},
		{"list of all numbers", with(CPUList, "0-4294967295"), nil},
		{"list backwards", with(CPUList, "3-1"), nil},
		{"list of words", with(CPUList, "a"), nil},
		{"release", with(Release, "6.18.44"), Version{6, 18, 44}},
		{"release of WSL1", with(Release, "4.4.0-19041-Microsoft\r\n"), Version{4, 4, 0}},
		{"release of OpenVZ", with(Release, "2.6.32-042stab145.3"), Version{2, 6, 32}},
		{"release candidate", with(Release, "6.12-rc3"), Version{6, 12, 0}},
		{"no release", with(Release, "linux"), nil},
		{"half a release", with(Release, "6"), nil},
		{"release too large", with(Release, "99999999.1"), nil},
		{"capabilities", func() (any, error) { return Capabilities("000001ffffffffff") }, uint64(0x1ffffffffff)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.got()
			if test.want == nil {
				if err == nil {
					t.Fatalf("no error but %v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if list, ok := got.([]int); ok {
				want := slices.Clone(test.want.([]int))
				slices.Sort(want)
				slices.Sort(list)
				if !slices.Equal(list, want) {
					t.Fatalf("%v instead of %v", list, want)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func with[T any](read func([]byte) (T, error), text string) func() (any, error) {
	return func() (any, error) { return read([]byte(text)) }
}

func samplesText(name string) string {
	for _, s := range samples {
		if s.name == name {
			return s.text
		}
	}
	return ""
}

func TestStatOfOldKernels(t *testing.T) {
	s, err := ProcStat([]byte("cpu  100 0 50 800 20 5 25\ncpu0 100 0 50 800 20 5 25\ncpu1 broken\ncpu3 1 1 1 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.All.Columns != 7 || s.All.Steal != 0 || s.All.Total() != 1000 || s.All.Busy() != 180 {
		t.Errorf("%+v", s.All)
	}
	if len(s.CPUs) != 2 || s.CPUs[3].Columns != 4 {
		t.Errorf("%+v", s.CPUs)
	}
	if d := (Times{User: 5}).Minus(Times{User: 7}); d.User != 0 {
		t.Errorf("a counter that went backwards counts %d", d.User)
	}
}

func TestInterruptsOfManyCPUs(t *testing.T) {
	var text strings.Builder
	text.WriteString("      ")
	for n := range 256 {
		fmt.Fprintf(&text, " CPU%d", n)
	}
	text.WriteString("\n  24:")
	for n := range 256 {
		fmt.Fprintf(&text, " %10d", n)
	}
	text.WriteString("  PCI-MSIX-0000:00:03.0 0-edge eth0-Tx-Rx-0\nMIS: 0\n 25: 1 2\n")
	got, err := InterruptTable([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	row, ok := got.Row("24")
	if !ok || len(got.CPUs) != 256 || row.Total() != 255*256/2 || row.Label != "PCI-MSIX-0000:00:03.0 0-edge eth0-Tx-Rx-0" {
		t.Errorf("%d CPUs, row %v", len(got.CPUs), row)
	}
	if cut, _ := got.Row("25"); len(cut.Counts) != 2 {
		t.Errorf("a row that was cut has %d counts", len(cut.Counts))
	}
}

func TestSoftnetColumns(t *testing.T) {
	columns := []string{"0000ffff", "00000001", "00000002", "0", "0", "0", "0", "0", "0", "00000003", "00000004", "00000005", "00000007", "0", "0"}
	for _, n := range []int{9, 10, 11, 13, 15} {
		rows, err := SoftnetStat([]byte(strings.Join(columns[:n], " ")))
		if err != nil {
			t.Fatal(err)
		}
		want := Softnet{Processed: 0xffff, Dropped: 1, Squeezed: 2, Columns: n}
		if n > 9 {
			want.ReceivedRPS = 3
		}
		if n > 10 {
			want.FlowLimited = 4
		}
		if n > 12 {
			want.BacklogSize, want.CPU = 5, 7
		}
		if rows[0] != want {
			t.Errorf("%d columns: %+v instead of %+v", n, rows[0], want)
		}
	}
}

func TestCountersThatComeAndGo(t *testing.T) {
	c, err := NetCounters([]byte("Tcp: RtoAlgorithm MaxConn OutSegs RetransSegs\nTcp: 1 -1 1000 9\nTcpExt: ListenOverflows ListenDrops TCPNew\nTcpExt: 3 4\nUdp: A\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Counters{"Tcp.RtoAlgorithm": 1, "Tcp.OutSegs": 1000, "Tcp.RetransSegs": 9, "TcpExt.ListenOverflows": 3, "TcpExt.ListenDrops": 4}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestMoreOfTheFormats(t *testing.T) {
	bean, err := Beancounters([]byte(samplesText("beancounters") + " 102: kmemsize 9 9 9 9 9\n"))
	if err != nil || len(bean) != 2 || bean[1] != (Beancounter{"numtcpsock", 300, 360, 360, 360, 17}) {
		t.Errorf("beancounters %v %v", bean, err)
	}
	group, err := Cgroups([]byte(samplesText("cgroups")))
	if path, v1 := group.Path("cpu"); err != nil || path != "/docker/a:b" || !v1 {
		t.Errorf("cgroup %v %v", group, err)
	}
	if path, v1 := group.Path("memory"); path != "/user.slice" || v1 {
		t.Errorf("memory in %q", path)
	}
	if q, err := Quota([]byte("-1"), []byte("100000")); q != 0 || err != nil {
		t.Errorf("quota of v1 %v %v", q, err)
	}
	if q, err := Quota([]byte("25000"), []byte("50000")); q != 0.5 || err != nil {
		t.Errorf("quota of v1 %v %v", q, err)
	}
	if _, err := Quota([]byte("25000"), []byte("0")); err == nil {
		t.Error("a period of 0 has no error")
	}
	mounts, err := Mounts([]byte(samplesText("mounts")))
	if err != nil || mounts[0].Root != "/m x" || mounts[0].Type != "ext4" || mounts[0].Super != "rw,errors=continue" {
		t.Errorf("mounts %+v %v", mounts, err)
	}
	memory, err := Meminfo([]byte(samplesText("meminfo")))
	if err != nil || memory["MemTotal"] != 1<<20 || memory["HugePages_Total"] != 3 {
		t.Errorf("memory %v %v", memory, err)
	}
	limits, err := Limits([]byte(samplesText("limits")))
	if err != nil || limits["Max open files"] != [2]uint64{1024, 1048576} || limits["Max realtime timeout"][0] != Unlimited {
		t.Errorf("limits %v %v", limits, err)
	}
	log := KernelLog([]byte(samplesText("kmsg")))
	want := []Message{{6, 5140900, "TCP: request_sock_TCP: Possible SYN flooding on port 80.", true}, {-1, 7500000, "done", true}}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
	if log := KernelLog([]byte("<4>[    1.500000] x\n<x>y")); log[0] != (Message{4, 1500000, "x", true}) || log[1].Text != "<x>y" {
		t.Errorf("log %+v", log)
	}
	if log := KernelLog([]byte("] x\n[ 1e999] y")); len(log) != 2 || log[0].Text != "] x" {
		t.Errorf("log %+v", log)
	}
	line := Cmdline([]byte(samplesText("cmdline")))
	if len(line) != 4 || line[1] != (Parameter{"mitigations", "off"}) || line[2].Value != "file a b" || line[3].Name != "quiet" {
		t.Errorf("cmdline %q", line)
	}
	if env := Environ([]byte("container=lxc\x00A=\x00container=x\x00=y\x00z")); env["container"] != "lxc" || len(env) != 2 {
		t.Errorf("environ %q", env)
	}
	whole, err := IDMaps([]byte("0 0 4294967295"))
	if err != nil || !WholeIDMap(whole) {
		t.Errorf("map %v %v", whole, err)
	}
	if config := KernelConfig([]byte(samplesText("config"))); len(config) != 2 || config["HZ"] != "250" || config["CC"] != "gcc" {
		t.Errorf("config %v", config)
	}
}

func TestSMBIOS(t *testing.T) {
	table := make([]byte, 24)
	table[1] = 24
	if virtual, ok := SMBIOSVirtual(table); virtual || !ok {
		t.Error("a table without the bit")
	}
	table[19] = 0x1c
	if virtual, ok := SMBIOSVirtual(table); !virtual || !ok {
		t.Error("a table with the bit")
	}
	if _, ok := SMBIOSVirtual(table[:19]); ok {
		t.Error("a table that was cut has a bit")
	}
}

func TestCPUInfo(t *testing.T) {
	c, err := ProcCPUInfo([]byte(samplesText("cpuinfo")))
	if err != nil || c.Processors != 2 || !c.Has("hypervisor") || c.Has("avx2") || !c.HasVMX("apicv") || c.HasVMX("posted_intr") {
		t.Errorf("%+v %v", c, err)
	}
	arm, err := ProcCPUInfo([]byte("processor\t: 0\nFeatures\t: fp asimd aes\n"))
	if err != nil || !arm.Has("aes") || arm.Vendor != "" {
		t.Errorf("%+v %v", arm, err)
	}
}
