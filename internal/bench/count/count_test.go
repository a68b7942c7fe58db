package count

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func tree(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestParsers(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want Group
	}{
		{"netstat", pairs("TcpExt: A ListenOverflows B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 9\n", "TcpExt"), Group{"A": 1, "ListenOverflows": 22, "B": 3}},
		{"fewer values than names", pairs("Tcp: A B\nTcp: 1\n", "Tcp"), Group{"A": 1}},
		{"more values than names", pairs("Tcp: A\nTcp: 1 2\n", "Tcp"), Group{"A": 1}},
		{"negative", pairs("Tcp: MaxConn\nTcp: -1\n", "Tcp"), Group{"MaxConn": -1}},
		{"empty", pairs("", "Tcp"), Group{}},
		{"softnet of 2.6", softnet("0000000a 00000001 00000002 0 0 0 0 0 0\n00000005 00000000 00000001 0 0 0 0 0 0\n"), Group{"processed": 15, "dropped": 1, "time_squeeze": 3}},
		{"softnet today", softnet("00000001 0 0 0 0 0 0 0 0 00000010 00000002 0 0 0 0\n"), Group{"processed": 1, "dropped": 0, "time_squeeze": 0, "received_rps": 16, "flow_limit": 2}},
		{"interrupts", interrupts("     CPU0  CPU1\n 24:  1  2  PCI-MSI 1-edge  virtio0-input.0\nRES:  10  20  Rescheduling interrupts\nERR:  3\n"),
			Group{"24 virtio0-input.0": 3, "RES": 30, "ERR": 3}},
		{"schedstat", schedstat("version 15\ncpu0 0 0 0 0 0 0 7 8 9\ndomain0 1\ncpu1 0 0 0 0 0 0 1 1 1\n"), Group{"run_ns": 8, "wait_ns": 9, "timeslices": 10}},
		{"words", words("nr_periods 4\nnr_throttled x\nother 1\n", "nr_periods", "nr_throttled"), Group{"nr_periods": 4}},
		{"conntrack", conntrack("entries  insert_failed drop\n00000007  00000001 0000000a\n00000007  00000002 00000000\n"), Group{"insert_failed": 3, "drop": 10}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
	want := []Processor{{User: 3, System: 3, Idle: 9, Irq: 6, Softirq: 7, Steal: 8}, {User: 1, System: 1, Idle: 1}}
	if diff := cmp.Diff(want, processors("cpu  9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 0 1 1\nintr 5\n")); diff != "" {
		t.Errorf("processors: -want +got\n%s", diff)
	}
}

// Every known counter is in a difference, though the kernel has none of them.
func TestSinceHasEveryCounter(t *testing.T) {
	d := Take(tree(nil)).Since(Take(tree(nil)))
	for group, names := range known() {
		for _, n := range names {
			if v, ok := d.Groups[group][n]; !ok || v != 0 {
				t.Errorf("%s %s = %d, %t", group, n, v, ok)
			}
		}
	}
	a := Take(tree(map[string]string{"proc/net/netstat": "TcpExt: ListenOverflows\nTcpExt: 5\n", "proc/stat": "cpu0 1 0 0 9\nctxt 100\n"}))
	b := Take(tree(map[string]string{"proc/net/netstat": "TcpExt: ListenOverflows\nTcpExt: 12\n", "proc/stat": "cpu0 2 0 0 18\nctxt 130\n"}))
	d = b.Since(a)
	d.Add(b.Since(a))
	if d.Groups["tcpext"]["ListenOverflows"] != 14 || d.Groups["stat"]["ctxt"] != 60 || d.Processors[0].Idle != 18 || d.Processors[0].Total() != 20 {
		t.Errorf("%+v", d)
	}
}

// TestWrap: a counter of 32 bits that began again counts on.
func TestWrap(t *testing.T) {
	at := func(a, b string) Sample {
		return Take(tree(map[string]string{"proc/net/softnet_stat": a + " 0 0\n" + b + " 0 0\n", "proc/stat": "ctxt 5\n"}))
	}
	earlier := at("fffffff0", "fffffff8")
	if n := at("00000010", "00000008").Since(earlier).Groups["softnet"]["processed"]; n != 0x30 {
		t.Errorf("processed: %d", n)
	}
	if n := at("fffffff1", "fffffffa").Since(earlier).Groups["softnet"]["processed"]; n != 3 {
		t.Errorf("without a wrap: %d", n)
	}
}

func TestThrottlingAboveCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Group
	}{
		{"version 2", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.stat": "usage_usec 9\nnr_periods 10\nnr_throttled 3\nthrottled_usec 500\n",
			"sys/fs/cgroup/a/b/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_usec 7\n",
		}, Group{"nr_periods": 11, "nr_throttled": 4, "throttled_usec": 507}},
		{"version 1", map[string]string{
			"proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n", "sys/fs/cgroup/cpu,cpuacct/x/cpu.stat": "nr_periods 2\nnr_throttled 1\nthrottled_time 3000\n",
		}, Group{"nr_periods": 2, "nr_throttled": 1, "throttled_usec": 3}},
		{"none", map[string]string{"proc/self/cgroup": "0::/\n"}, Group{}},
	} {
		if diff := cmp.Diff(c.want, Take(tree(c.files)).Groups["cgroup"]); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

func TestProcess(t *testing.T) {
	before := tree(map[string]string{
		"proc/7/task/7/schedstat": "100 10 1\n", "proc/7/task/7/status": "Name:\tboss\nvoluntary_ctxt_switches:\t5\n",
	})
	after := tree(map[string]string{
		"proc/7/task/7/schedstat": "600 30 9\n", "proc/7/task/7/status": "Name:\tboss\nvoluntary_ctxt_switches:\t8\n",
		"proc/7/task/8/schedstat": "200 0 1\n", "proc/7/task/8/status": "Name:\twork\nvoluntary_ctxt_switches:\t1\n",
	})
	d := TakeProcess(after, 7).Since(TakeProcess(before, 7))
	want := Usage{7: {7, "boss", 500, 20, 3}, 8: {8, "work", 200, 0, 1}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	d.Add(Usage{8: {8, "work", 1, 1, 1}})
	if s := d.Sum(); s.Run != 701 || s.Wait != 21 || s.Sleeps != 5 || d.Busiest().Name != "boss" {
		t.Errorf("%+v, busiest %+v", s, d.Busiest())
	}
	if u := TakeProcess(after, 9); len(u) != 0 {
		t.Errorf("a process that is gone used %v", u)
	}
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{"TcpExt: A B\nTcpExt: 1 2\n", "0000000a 1 2\n", "   CPU0\n 1: 2 x\n", "cpu0 1 2 3 4 5\n", "cpu0 0 0 0 0 0 0 7 8 9\n", "0::/a\n"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		pairs(s, "TcpExt")
		softnet(s)
		interrupts(s)
		words(s)
		processors(s)
		schedstat(s)
		conntrack(s)
		status(s)
		throttling(tree(nil), s)
	})
}
