package see

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/file"
)

// small is a machine of few files with a recording beside them.
func small(t *testing.T, probe string) *System {
	t.Helper()
	s, err := Fixture(fstest.MapFS{
		"proc/stat":  {Data: []byte(" cpu 1\n")},
		"sys/a/1":    {},
		"sys/b/1":    {},
		"probe.json": {Data: []byte(probe)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFixture(t *testing.T) {
	s := small(t, `{
		"cpuid": {"0x1": {"ECX": 2147483648}, "0x4:1": {"EAX": 7}},
		"msr": {"0x480": "0x80000000000000", "0x48b": "EIO"},
		"links": {"/sys/a/device": "../virtio_net"},
		"errors": {"/proc/1/environ": "EACCES", "/sys/hidden": "EIO"},
		"ethtool": {"eth0": {"driver": "ena", "channels": {"max_combined": 4}}},
		"network": {"links": {"list": [{"name": "eth0", "index": 2}]}, "qdiscs": {"seen": true}, "chains": {"error": "operation not permitted", "class": "permission denied"}},
		"self": {"euid": 7, "affinity": [0, 1]}
	}`)
	if got, err := s.Text("/proc/stat"); got != "cpu 1" || err != nil {
		t.Errorf("Text: %q, %v", got, err)
	}
	if got := s.Glob("/sys/*/1"); len(got) != 2 || got[0] != "/sys/a/1" {
		t.Errorf("Glob: %q", got)
	}
	if got, err := s.List("/sys"); len(got) != 2 || err != nil {
		t.Errorf("List: %q, %v", got, err)
	}
	if got, err := s.Link("/sys/a/device"); got != "../virtio_net" || err != nil {
		t.Errorf("Link: %q, %v", got, err)
	}
	if r, err := s.Probe.CPUID(1, 0); r.ECX != 1<<31 || err != nil {
		t.Errorf("CPUID: %v, %v", r, err)
	}
	if r, err := s.Probe.CPUID(4, 1); r.EAX != 7 || err != nil {
		t.Errorf("CPUID with sub-leaf: %v, %v", r, err)
	}
	if v, err := s.Probe.MSR(0, 0x480); v != 1<<55 || err != nil {
		t.Errorf("MSR: %#x, %v", v, err)
	}
	if e, err := s.Probe.Ethtool("eth0"); err != nil || e.Channels.MaxCombined != 4 || e.Ring != nil {
		t.Errorf("Ethtool: %v, %v", e, err)
	}
	n := s.Probe.Network()
	if l, err := n.Links.Get("links"); len(l) != 1 || err != nil {
		t.Errorf("links: %v, %v", l, err)
	}
	if q, err := n.Qdiscs.Get("qdiscs"); len(q) != 0 || err != nil {
		t.Errorf("an empty list is an answer: %v, %v", q, err)
	}
	if s.Probe.Self().EUID != 7 {
		t.Error("Self")
	}
}

func TestClasses(t *testing.T) {
	s := small(t, `{"msr": {"0x48b": "EIO"}, "errors": {"/proc/1/environ": "EACCES", "/sys/hidden": "EIO", "/x": "odd"},
		"network": {"chains": {"error": "operation not permitted", "class": "permission denied"}}}`)
	_, absent := s.Read("/proc/none")
	_, denied := s.Read("/proc/1/environ")
	_, hidden := s.Read("/sys/hidden")
	_, odd := s.Read("/x")
	_, msr := s.Probe.MSR(0, 0x48b)
	_, none := s.Probe.MSR(0, 0x1)
	_, leaf := s.Probe.CPUID(1, 0)
	_, chains := s.Probe.Network().Chains.Get("chains")
	_, never := s.Probe.Network().Links.Get("links")
	for name, c := range map[string]struct {
		err  error
		want Class
	}{
		"absent": {absent, Absent}, "denied": {denied, Denied}, "hidden": {hidden, Hidden}, "odd": {odd, Hidden},
		"msr": {msr, Hidden}, "no msr": {none, Absent}, "no leaf": {leaf, Hidden}, "chains": {chains, Denied}, "not asked": {never, Hidden},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, c.err, c.want)
		}
	}
	if ok, err := s.Exists("/proc/none"); ok || err != nil {
		t.Errorf("Exists of nothing: %v, %v", ok, err)
	}
	if ok, err := s.Exists("/proc/1/environ"); ok || ClassOf(err) != Denied {
		t.Errorf("Exists of what is denied: %v, %v", ok, err)
	}
	if got := denied.Error(); got != "/proc/1/environ: permission denied (permission denied)" {
		t.Error(got)
	}
}

func TestBadRecording(t *testing.T) {
	if _, err := Fixture(fstest.MapFS{"probe.json": {Data: []byte("{")}}); err == nil {
		t.Error("a broken recording was taken")
	}
	if _, err := Fixture(fstest.MapFS{}); err != nil {
		t.Errorf("files without a recording: %v", err)
	}
}

// changing is a file system whose one file says how often it was opened.
type changing struct{ n int }

func (c *changing) Open(string) (fs.File, error) {
	c.n++
	return fstest.MapFS{"f": {Data: []byte{byte('0' + c.n)}}}.Open("f")
}

func TestRemembers(t *testing.T) {
	s := New(&changing{}, nil)
	for range 2 {
		if got, _ := s.Text("/f"); got != "1" {
			t.Fatalf("read %q", got)
		}
	}
	if got, _ := s.Again().Text("/f"); got != "2" {
		t.Errorf("a second look read %q", got)
	}
}

// TestUnseen: what cannot be seen is unknown, with the place where it can.
func TestUnseen(t *testing.T) {
	guest := fact.Environment{Stack: []fact.Layer{{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.High}}}
	inside := fact.Environment{Stack: append(guest.Stack, fact.Layer{Kind: fact.Container, Name: "docker", Confidence: fact.High})}
	for _, c := range []struct {
		env   fact.Environment
		class Class
		where string
	}{
		{fact.Environment{}, Absent, ""}, {guest, Absent, "host"}, {inside, Absent, "initns"}, {guest, Denied, "root"}, {guest, Broken, ""},
	} {
		v := &View{Env: c.env}
		f := v.Unseen(&Error{What: "x", Class: c.class})
		if f.Status != fact.Unknown || f.RunOn != c.where {
			t.Errorf("%v, %s: %s on %q, want %q", c.env, c.class, f.Status, f.RunOn, c.where)
		}
	}
}

// TestMachine asks the machine that the test runs on for what every Linux has.
func TestMachine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux's netlink")
	}
	s := Machine()
	links, err := s.Probe.Network().Links.Get("links")
	if err != nil {
		t.Fatal(err)
	}
	loop := false
	for _, l := range links {
		loop = loop || l.Loop && l.Name == "lo" && l.Index == 1
	}
	if !loop {
		t.Errorf("no lo among %+v", links)
	}
	if _, err := s.Probe.Network().Sockets.Get("sockets"); err != nil && ClassOf(err) == Hidden {
		t.Errorf("sockets: %v", err)
	}
	self := s.Probe.Self()
	if self.Uname.System != "Linux" || len(self.Affinity) == 0 || self.Limits["nofile"].Hard == 0 {
		t.Errorf("self: %+v", self)
	}
	if _, err := s.Read("/proc/self/status"); err != nil {
		t.Error(err)
	}
}

// asking counts how often it is asked.
type asking struct {
	Probe
	links, cards int
}

func (a *asking) Network() Network { a.links++; return Network{} }

func (a *asking) Ethtool(string) (Ethtool, error) { a.cards++; return Ethtool{}, nil }

func TestTheProbeIsAskedOnce(t *testing.T) {
	a := &asking{}
	s := New(fstest.MapFS{}, a)
	for range 3 {
		s.Probe.Network()
		if _, err := s.Probe.Ethtool("eth0"); err != nil {
			t.Fatal(err)
		}
	}
	s.Again().Probe.Network()
	if a.links != 2 || a.cards != 1 {
		t.Errorf("links were asked for %d times, the card %d times", a.links, a.cards)
	}
}

// TestPast: an earlier look says what it saw, not what is there now.
func TestPast(t *testing.T) {
	s, err := Fixture(fstest.MapFS{"read": {Data: []byte("1")}, "unread": {Data: []byte("2")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Text("/read"); err != nil {
		t.Fatal(err)
	}
	n := s.Again()
	if text, err := s.Text("/read"); text != "1" || err != nil {
		t.Errorf("what it read: %q, %v", text, err)
	}
	if text, err := s.Text("/unread"); ClassOf(err) != Hidden {
		t.Errorf("what it did not read: %q, %v", text, err)
	}
	if ok, err := s.Exists("/unread"); ok || err == nil {
		t.Errorf("whether it was there: %v, %v", ok, err)
	}
	if list := s.Glob("/*"); list != nil {
		t.Errorf("what there was: %v", list)
	}
	if text, err := n.Text("/unread"); text != "2" || err != nil {
		t.Errorf("now: %q, %v", text, err)
	}
}

// TestStrangeFolder: a folder that somebody sent may hold pipes, which nobody writes
// to, and files of any size. They are not waited for, and not kept in memory.
func TestStrangeFolder(t *testing.T) {
	dir := t.TempDir()
	pipe, large := filepath.Join(dir, "proc/stat"), filepath.Join(dir, "proc/interrupts")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "proc"), 0o700), syscall.Mkfifo(pipe, 0o600), os.WriteFile(large, nil, 0o600), os.Truncate(large, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	s, err := At(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/proc/stat", "/proc/interrupts"} {
		if data, err := s.Read(name); ClassOf(err) != Broken {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if names, err := s.List("/proc"); len(names) != 2 || err != nil {
		t.Errorf("the folder: %q, %v", names, err)
	}
	if err := os.Truncate(large, maxFile); err != nil {
		t.Fatal(err)
	}
	if data, err := s.Again().Read("/proc/interrupts"); len(data) != maxFile || err != nil {
		t.Errorf("as much as is read: %d bytes, %v", len(data), err)
	}

	probe := filepath.Join(dir, probeFile)
	if err := syscall.Mkfifo(probe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := At(dir); !errors.Is(err, file.ErrNotRegular) {
		t.Errorf("a recording that is a pipe: %v", err)
	}
	// A sparse file: it takes no room on the disk, and would in memory.
	if err := errors.Join(os.Remove(probe), os.WriteFile(probe, nil, 0o600), os.Truncate(probe, 600<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := At(dir); !errors.Is(err, file.ErrTooLarge) || !strings.Contains(err.Error(), probeFile) {
		t.Errorf("a recording of 600 MiB: %v", err)
	}
}

// TestOursSince: counters are those since an earlier answer of the same process; what
// began again, or is another, is left as it is, and what stands is no counter.
func TestOursSince(t *testing.T) {
	at := func(pid int, q ...OurQueue) *Ours {
		o := &Ours{Running: &Running{PID: pid}}
		for i := range q {
			o.Listeners = append(o.Listeners, OurListener{Name: "web", Address: "::1", Port: 8000 + i, Queue: &q[i]})
		}
		return o
	}
	was := at(7, OurQueue{Accepted: 100, Dropped: 5, Shed: 2, Refused: 1, Len: 9, Most: 9}, OurQueue{Accepted: 100, Dropped: -1})
	now := at(7, OurQueue{Accepted: 150, Dropped: 8, Shed: 2, Refused: 4, Len: 3, Most: 12}, OurQueue{Accepted: 30, Dropped: -1}, OurQueue{Accepted: 6})
	want := []OurQueue{{Dropped: 3, Accepted: 50, Refused: 3, Len: 3, Most: 12}, {Accepted: 30, Dropped: -1}, {Accepted: 6}}
	for i, l := range now.Since(was).Listeners {
		if *l.Queue != want[i] {
			t.Errorf("%d: %+v, want %+v", i, *l.Queue, want[i])
		}
	}
	if q := now.Listeners[0].Queue; q.Accepted != 150 {
		t.Errorf("the answer itself is another: %+v", *q)
	}
	for _, other := range []*Ours{nil, at(8, *was.Listeners[0].Queue), {Listeners: was.Listeners}} {
		if got := now.Since(other); got != now {
			t.Errorf("since %+v: %+v", other, got)
		}
	}
	if (*Ours)(nil).Since(was) != nil {
		t.Error("nobody serves, and something is counted")
	}
}

// TestOwn: what is read of a process is read of the one that serves, on its machine.
func TestOwn(t *testing.T) {
	here, fixture := &System{Live: true}, &System{}
	for _, c := range []struct {
		s    *System
		pid  int
		want string
	}{{here, 1 << 22, "/proc/4194304"}, {here, os.Getpid(), "/proc/self"}, {fixture, 1 << 22, "/proc/self"}} {
		if got := (&View{System: c.s, Ours: &Ours{Running: &Running{PID: c.pid}}}).Own(); got != c.want {
			t.Errorf("process %d, live %v: %s", c.pid, c.s.Live, got)
		}
	}
	if got := (&View{System: here, Ours: &Ours{}}).Own(); got != "/proc/self" {
		t.Errorf("a configuration alone: %s", got)
	}
}
