package doctor

import (
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// TestLight lets a small machine's counters move: each look judges what moved since
// the one before, and forgets it at the next.
func TestLight(t *testing.T) {
	tree := fstest.MapFS{}
	put := func(name, text string) {
		tree[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text), Mode: 0o444}
	}
	tcpCounters := func(n string) { put("/proc/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: "+n+" "+n+"\n") }
	put("probe.json", `{"cpuid": {"0x1": {"ECX": 2147483648}, "0x40000000": {"EAX": 1073741825, "EBX": 1263359563, "ECX": 1447775574, "EDX": 77}, "0x40000001": {"EAX": 32}}, "self": {"rlimit": {"nofile": {"soft": 100000, "hard": 100000}}}}`)
	put("/proc/stat", "cpu 100 0 100 800 0 0 0 500 0 0\ncpu0 100 0 100 800 0 0 0 500 0 0\n")
	put("/proc/self/cgroup", "0::/a\n")
	put("/sys/fs/cgroup/a/cpu.max", "50000 100000\n")
	put("/sys/fs/cgroup/a/cpu.stat", "nr_periods 100\nnr_throttled 90\n")
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
	put("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n")
	tcpCounters("1000")
	s, err := see.Fixture(tree)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLight(s)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want map[string]fact.Status) {
		t.Helper()
		results := l.Look(nil)
		if len(results) != len(lightRows()) {
			t.Fatalf("%d answers", len(results))
		}
		for _, r := range results {
			if w, ok := want[r.Check.ID]; ok && w != r.Finding.Status {
				t.Errorf("%s: %s: %s", r.Check.ID, r.Finding.Status, r.Finding.Found)
			}
		}
	}
	put("/proc/stat", "cpu 200 0 200 1600 0 0 0 500 0 0\ncpu0 200 0 200 1600 0 0 0 500 0 0\n")
	put("/sys/fs/cgroup/a/cpu.stat", "nr_periods 200\nnr_throttled 90\n")
	expect(map[string]fact.Status{"cpu.steal": fact.OK, "cpu.quota": fact.OK, "tcp.listen-overflow": fact.OK, "cpu.clock-cost": fact.OK, "sys.nofile": fact.OK, "fw.conntrack-full": fact.Unknown})

	put("/proc/stat", "cpu 300 0 300 2400 0 0 0 1500 0 0\ncpu0 300 0 300 2400 0 0 0 1500 0 0\n")
	put("/sys/fs/cgroup/a/cpu.stat", "nr_periods 300\nnr_throttled 95\n")
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n")
	put("/proc/sys/net/netfilter/nf_conntrack_count", "950\n")
	put("/proc/sys/net/netfilter/nf_conntrack_max", "1000\n")
	tcpCounters("1001")
	expect(map[string]fact.Status{"cpu.steal": fact.Fail, "cpu.quota": fact.Warn, "tcp.listen-overflow": fact.Fail, "cpu.clock-cost": fact.Warn, "fw.conntrack-full": fact.Fail})

	put("/proc/stat", "cpu 400 0 400 3200 0 0 0 1500 0 0\ncpu0 400 0 400 3200 0 0 0 1500 0 0\n")
	expect(map[string]fact.Status{"cpu.steal": fact.OK, "cpu.quota": fact.OK, "tcp.listen-overflow": fact.OK})
}

// TestLightHere looks at this machine as a process that serves does: netlink and
// tries of system calls are left alone.
func TestLightHere(t *testing.T) {
	s := Watching()
	if n := s.Probe.Network(); n.Sockets.Seen || n.Links.Seen || s.Probe.Self().Calls != nil {
		t.Errorf("it asks for %+v", n)
	}
	l, err := NewLight(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.Look(nil) {
		if strings.Contains(r.Finding.Found, "broke") {
			t.Errorf("%s: %s", r.Check.ID, r.Finding.Found)
		}
	}
}

// BenchmarkLight is what a look costs: CPU, since nothing of it waits.
func BenchmarkLight(b *testing.B) {
	l, err := NewLight(Watching())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Look(nil)
	}
}
