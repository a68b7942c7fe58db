package gauge

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

func view(t *testing.T, files map[string]string) *see.View {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text), Mode: 0o444}
	}
	s, err := see.Fixture(tree)
	if err != nil {
		t.Fatal(err)
	}
	return &see.View{System: s}
}

func TestCounts(t *testing.T) {
	v := view(t, map[string]string{"/c": "a 10\nb 5\nc 1\n"})
	v.Before = view(t, map[string]string{"/c": "a 4\nb 9\n"}).System
	c, err := Count(v, "/c", parse.Pairs)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := c.Get("a"); a != 6 {
		t.Errorf("a grew by %d", a)
	}
	if b, _ := c.Get("b"); b != 5 {
		t.Errorf("b, which began again, grew by %d", b)
	}
	if n, _ := c.Get("c"); n != 1 {
		t.Errorf("c, which is new, grew by %d", n)
	}
	if _, ok := c.Get("d"); ok || c.Known("d") || !c.Known("d", "a") {
		t.Error("what is known is wrong")
	}
	if c.Sum("a", "b", "d") != 11 || c.Stricter(fact.Fail, fact.Warn) != fact.Fail || len(c.Evidence("a", "d")) != 1 {
		t.Error("sums are wrong")
	}
	v.Before = view(t, nil).System
	if c, err := Count(v, "/c", parse.Pairs); err != nil || c.Live || c.Sum("a") != 10 {
		t.Errorf("without an earlier file: %+v, %v", c, err)
	}
	// What the earlier look did not read is not what it is now.
	first := view(t, map[string]string{"/c": "a 10\n"}).System
	v = &see.View{System: first.Again(), Before: first}
	if c, err := Count(v, "/c", parse.Pairs); see.ClassOf(err) != see.Hidden {
		t.Errorf("a file that was not read then: %+v, %v", c, err)
	}
}

func TestCgroup(t *testing.T) {
	const own = "/proc/self/cgroup"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
		v1    bool
	}{
		{"v2 by levels", map[string]string{own: "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "", "/sys/fs/cgroup/a/memory.max": ""},
			[]string{"/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max"}, false},
		{"v2 within a container", map[string]string{own: "0::/\n", "/sys/fs/cgroup/memory.max": ""}, []string{"/sys/fs/cgroup/memory.max"}, false},
		{"v2 with the path of the host", map[string]string{own: "0::/docker/f\n", "/sys/fs/cgroup/memory.max": ""}, []string{"/sys/fs/cgroup/memory.max"}, false},
		{"v1", map[string]string{own: "3:cpu,memory:/x\n", "/sys/fs/cgroup/memory/x/memory.max": ""}, []string{"/sys/fs/cgroup/memory/x/memory.max"}, true},
		{"v1, mounted together", map[string]string{own: "3:cpu,memory:/x\n", "/sys/fs/cgroup/cpu,memory/x/memory.max": ""}, []string{"/sys/fs/cgroup/cpu,memory/x/memory.max"}, true},
		{"hybrid", map[string]string{own: "1:name=systemd:/\n0::/x\n", "/sys/fs/cgroup/unified/x/memory.max": ""}, []string{"/sys/fs/cgroup/unified/x/memory.max"}, false},
		{"none", map[string]string{own: "0::/x\n"}, nil, false},
		{"upwards out of the tree", map[string]string{own: "0::/../../x\n", "/sys/fs/cgroup/x/memory.max": ""}, []string{"/sys/fs/cgroup/x/memory.max"}, false},
	}
	for _, test := range tests {
		got, v1, err := Cgroup(view(t, test.files), "memory", "memory.max")
		if !slices.Equal(got, test.want) || v1 != test.v1 || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %q %v %v", test.name, got, v1, err)
		}
	}
}

func TestRunning(t *testing.T) {
	v := view(t, map[string]string{"/proc/1/comm": "init\n", "/proc/22/comm": "systemd-timesyn\n", "/proc/self/comm": "x"})
	got, err := Running(v, "chronyd", "systemd-timesyncd")
	if err != nil || !slices.Equal(got, []string{"systemd-timesyn"}) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := Running(view(t, map[string]string{"/proc/22/comm": "sh"}), "x"); see.ClassOf(err) != see.Denied {
		t.Errorf("the first process is hidden, and: %v", err)
	}
	// What could not be read may be the program: it is known to run, never not to.
	for _, c := range []struct {
		files map[string]string
		class see.Class
	}{
		{map[string]string{"/proc/1/comm": "init\n", "/proc/9/comm": "x\n", "probe.json": `{"errors": {"/proc/9/comm": "EACCES"}}`}, see.Denied},
		{map[string]string{"/proc/1/comm": "init\n", "/proc/9/comm": ""}, see.Broken},
	} {
		if got, err := Running(view(t, c.files), "x"); see.ClassOf(err) != c.class || got != nil {
			t.Errorf("%v: %q %v", c.files, got, err)
		}
		if got, err := Running(view(t, c.files), "x", "init"); err != nil || !slices.Equal(got, []string{"init"}) {
			t.Errorf("%v: %q %v", c.files, got, err)
		}
	}
	if got, err := Running(view(t, map[string]string{"/proc/1/comm": "init\n", "/proc/9/comm": "\n", "/proc/7/comm": "x\n", "probe.json": `{"errors": {"/proc/7/comm": "ENOENT"}}`}), "x"); err != nil || got != nil {
		t.Errorf("a program without a name, and one that has ended: %q %v", got, err)
	}
	if _, err := Running(view(t, nil), "x"); err == nil {
		t.Error("no processes at all, and no error")
	}
}

func TestImitated(t *testing.T) {
	v := view(t, map[string]string{"/proc/self/mountinfo": "30 22 0:51 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw\n"})
	if !Imitated(v, "/proc/stat") || Imitated(v, "/proc/swaps") || Imitated(view(t, nil), "/proc/stat") {
		t.Error("what lxcfs stands for is wrong")
	}
}

func TestCards(t *testing.T) {
	v := view(t, map[string]string{
		"probe.json": `{"network": {"links": {"list": [
			{"name": "lo", "index": 1, "up": true, "loopback": true}, {"name": "eth0", "index": 2, "up": true}, {"name": "eth1", "index": 3},
			{"name": "br0", "index": 4, "up": true, "kind": "bridge"}]}},
			"links": {"/sys/class/net/eth0/device/driver": "../../../../bus/virtio/drivers/virtio_net"}}`,
		"/sys/class/net/eth0/ifindex": "2\n", "/sys/class/net/eth1/ifindex": "9\n",
		"/sys/class/net/eth0/queues/rx-0/rps_cpus": "0", "/sys/class/net/eth0/queues/rx-1/rps_cpus": "0",
		"/sys/devices/system/cpu/online": "0-3\n", "/proc/sys/kernel/osrelease": "6.1.0\n",
	})
	cards, err := Cards(v)
	if err != nil || len(cards) != 1 || cards[0].Name != "eth0" {
		t.Fatalf("%v %v", cards, err)
	}
	if d := Driver(v, cards[0]); d != "virtio_net" {
		t.Errorf("driver %q", d)
	}
	if now, most := Queues(v, cards[0]); now != 2 || most != 0 {
		t.Errorf("queues %d of %d", now, most)
	}
	if _, ok := Sysfs(v, see.Link{Name: "eth1", Index: 3}); ok {
		t.Error("sysfs of another namespace was believed")
	}
	if CPUs(v) != 4 {
		t.Errorf("%d CPUs", CPUs(v))
	}
	if k, err := Kernel(v); err != nil || !k.AtLeast(6, 1) || k.AtLeast(6, 2) {
		t.Errorf("kernel %v %v", k, err)
	}
}

func TestUnseen(t *testing.T) {
	guest := fact.Environment{Stack: []fact.Layer{{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.High}}}
	box := fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}}
	for _, test := range []struct {
		env   fact.Environment
		file  string
		class see.Class
		want  string
	}{
		{guest, "/proc/sys/net/core/x", see.Absent, "initns"},
		{guest, "/proc/pressure/cpu", see.Absent, ""},
		{box, "/proc/pressure/cpu", see.Absent, "initns"},
		{guest, "/x", see.Denied, "root"},
		{box, "/x", see.Broken, ""},
		{guest, "msr", see.Hidden, "host"},
	} {
		f := Unseen(&see.View{Env: test.env}, &see.Error{What: test.file, Class: test.class})
		if f.Status != fact.Unknown || f.RunOn != test.want {
			t.Errorf("%s %s: %s on %q instead of %q", test.file, test.class, f.Status, f.RunOn, test.want)
		}
	}
}
