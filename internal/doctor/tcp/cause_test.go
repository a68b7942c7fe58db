package tcp

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/trial"
)

func overflowRow(t *testing.T) see.Row {
	t.Helper()
	i := slices.IndexFunc(Rows(), func(r see.Row) bool { return r.ID == "tcp.listen-overflow" })
	if i < 0 {
		t.Fatal("no such row")
	}
	return Rows()[i]
}

// TestOurOverflow names listener and cause of connections that were lost in ten
// seconds, by what else happened in them.
func TestOurOverflow(t *testing.T) {
	row := overflowRow(t)
	counters := func(n string) string { return "TcpExt: ListenOverflows ListenDrops\nTcpExt: " + n + " " + n + "\n" }
	const own, group = "/proc/self/cgroup", "/sys/fs/cgroup/cpu.stat"
	calm := files{
		netstat: counters("122"), "/proc/stat": "cpu 100 0 100 800 0 0 0 0 0 0\ncpu0 100 0 100 800 0 0 0 0 0 0\n",
		own: "0::/\n", group: "nr_periods 1000\nnr_throttled 10\n",
	}
	before := files{netstat: counters("100"), "/proc/stat": "cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n", own: calm[own], group: "nr_periods 900\nnr_throttled 10\n"}
	const others = "of another listener in this network namespace"
	full := see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 22, Accepted: 978}
	for _, test := range []struct {
		name    string
		now     files
		queue   see.OurQueue
		asked   int
		running *see.Running
		status  fact.Status
		says    []string
		silent  string
		command string

		unmended bool // it advises nothing
	}{
		{name: "a burst", queue: full, asked: 8, status: fact.Fail, command: "accept.backlog of listener web", silent: "somaxconn",
			says: []string{"listener web at 127.0.0.1:80 dropped 22 connections", "22 in its network namespace", "queue of 8 held up to 9", "backlog is 8, which 100 connections a second fill in 80ms", "nothing that kept the process from accepting was seen"}},
		{name: "deferred", now: files{netstat: counters("100")}, queue: see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 5000, Accepted: 5000}, asked: 8, status: fact.OK, silent: "web"},
		{name: "deferred, and others' lost", queue: see.OurQueue{Shards: 1, Most: 3, Granted: 8, Dropped: 5000, Accepted: 5000}, asked: 8, status: fact.Warn, says: []string{"22 connections or handshakes were lost", others, "no queue of ours was found full"}, silent: "web", unmended: true},
		{name: "a backlog that is longer now", queue: see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 32, Dropped: 22, Accepted: 978}, asked: 32, status: fact.Fail, says: []string{"listener web at 127.0.0.1:80 dropped 22 connections", "its queue held up to 9, with a backlog that was shorter than the 32 it has now"}},
		{name: "cut", queue: full, asked: 65535, status: fact.Fail, says: []string{"granted a backlog of 8 of the 65535 asked for"}, command: "net.core.somaxconn"},
		{name: "stopped", queue: full, asked: 8, running: &see.Running{Stall: 3.21, Procs: 2}, status: fact.Fail, says: []string{"stood still for 3.21s"}, silent: "nothing that kept", command: "SIGSTOP"},
		{name: "throttled", now: files{group: "nr_periods 1000\nnr_throttled 60\n"}, queue: full, asked: 8, status: fact.Fail, says: []string{"throttled in 50.0 % of the periods"}, command: "CPUQuota"},
		{name: "stolen", now: files{"/proc/stat": "cpu 100 0 100 600 0 0 0 200 0 0\ncpu0 100 0 100 600 0 0 0 200 0 0\n"}, queue: full, asked: 8, status: fact.Fail, says: []string{"took 20.0 % of the processors"}},
		{name: "all processors ours", queue: full, asked: 8, running: &see.Running{CPU: 19, Procs: 2}, status: fact.Fail, says: []string{"used 1.9 of its 2 processors"}, command: "more processors"},
		{name: "all processors others'", now: files{"/proc/stat": "cpu 500 0 450 50 0 0 0 0 0 0\ncpu0 500 0 450 50 0 0 0 0 0 0\n"}, queue: full, asked: 8, running: &see.Running{CPU: 1, Procs: 2}, status: fact.Fail, says: []string{"processors were 95 % busy"}},
		{name: "descriptors", queue: see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 3, Shed: 5}, asked: 8, status: fact.Fail, says: []string{"5 connections were closed for want of descriptors"}, command: "nofile"},
		{name: "limit", queue: see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 3, Refused: 7}, asked: 8, status: fact.Fail, says: []string{"7 connections were closed at the listener's limits"}, command: "limits.connections"},
		{name: "half full", now: files{netstat: counters("100")}, queue: see.OurQueue{Shards: 2, Len: 9, Granted: 8}, asked: 8, status: fact.Warn, says: []string{"9 connections wait before accept, of 16 that may"}},
		{name: "half full, and others lose", queue: see.OurQueue{Shards: 2, Len: 9, Granted: 8}, asked: 8, status: fact.Warn, says: []string{"9 connections wait before accept, of 16 that may"}},
		{name: "half full, and nobody says who loses", queue: see.OurQueue{Shards: 2, Len: 9, Granted: 8, Dropped: -1}, asked: 8, status: fact.Fail, says: []string{"listener web", "22 were lost in its network namespace"}},
		{name: "others'", queue: see.OurQueue{Shards: 1, Granted: 8}, asked: 8, status: fact.Info, says: []string{"22 connections or handshakes were lost", others, "ours dropped none"}, silent: "web", unmended: true},
		{name: "not told", queue: see.OurQueue{Shards: 1, Len: -1, Granted: -1, Dropped: -1}, asked: 8, status: fact.Fail, silent: "web"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := maps.Clone(calm)
			maps.Copy(now, test.now)
			v, old := trial.View(t, now), trial.View(t, before)
			v.Before = old.System
			v.Before.Taken = v.Taken.Add(-10 * time.Second)
			v.Ours = &see.Ours{Running: test.running, Listeners: []see.OurListener{
				{Name: "idle", Address: "127.0.0.1", Port: 81, Backlog: 8, Queue: &see.OurQueue{Shards: 1, Granted: 8}},
				{Name: "socket", Address: "/run/x"},
				{Name: "web", Address: "127.0.0.1", Port: 80, Backlog: test.asked, Queue: &test.queue},
			}}
			f := row.Look(v)
			if f.Status != test.status {
				t.Errorf("%s: %s", f.Status, f.Found)
			}
			for _, text := range test.says {
				if !strings.Contains(f.Found, text) {
					t.Errorf("does not say %q: %s", text, f.Found)
				}
			}
			if test.silent != "" && strings.Contains(f.Found, test.silent) {
				t.Errorf("says %q: %s", test.silent, f.Found)
			}
			if test.command != "" && !slices.ContainsFunc(f.Fix, func(x fact.Fix) bool { return strings.Contains(x.Command, test.command) }) {
				t.Errorf("no fix has %q: %+v", test.command, f.Fix)
			}
			if none := f.Fix != nil && len(f.Fix) == 0; none != test.unmended {
				t.Errorf("it advises %+v", f.Fix)
			}
			if len(f.Evidence) == 0 {
				t.Error("no evidence")
			}
		})
	}
}

// TestOurOverflowSinceStart: without an earlier look a loss is a warning, counted
// since the process began.
func TestOurOverflowSinceStart(t *testing.T) {
	v := trial.View(t, files{netstat: "TcpExt: ListenOverflows ListenDrops\nTcpExt: 5 5\n"})
	v.Ours = &see.Ours{Listeners: []see.OurListener{
		{Name: "a", Address: "::1", Port: 80, Backlog: 8, Queue: &see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 1}},
		{Name: "b", Address: "::1", Port: 81, Backlog: 8, Queue: &see.OurQueue{Shards: 1, Most: 9, Full: true, Granted: 8, Dropped: 4}},
	}}
	f := overflowRow(t).Look(v)
	if !strings.Contains(f.Found, "why it was full cannot be told afterwards") || strings.Contains(f.Found, "more came at once") {
		t.Errorf("it guesses: %s", f.Found)
	}
	v.Ours.Running = &see.Running{Overflow: "the process stood still for 1.51s", Mends: []string{"look who stops it"}}
	f = overflowRow(t).Look(v)
	if !strings.Contains(f.Found, "found when it last looked: the process stood still for 1.51s") || strings.Contains(f.Found, "cannot be told") || len(f.Fix) != 1 || f.Fix[0].Command != "look who stops it" {
		t.Errorf("it does not say what the process has found: %s %+v", f.Found, f.Fix)
	}
	if f.Status != fact.Warn || !strings.Contains(f.Found, "listener b at [::1]:81 dropped 4 connections or handshakes since the process began (5 in its network namespace since boot)") || !strings.Contains(f.Found, "1 other listeners") {
		t.Errorf("%s: %s", f.Status, f.Found)
	}
}
