package cfg

import (
	"strings"
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/trial"
)

// TestBacklogWhy: of a queue that is as long as it was asked for nobody says that it
// is shorter.
func TestBacklogWhy(t *testing.T) {
	if why := backlog().Why; strings.Contains(why, "shorter") {
		t.Error(why)
	}
}

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }

func TestRows(t *testing.T) {
	type files = map[string]string
	const two = `{"self": {"affinity": [0, 1]}}`
	tfo := func(n string) files { return files{"/proc/sys/net/ipv4/tcp_fastopen": n} }
	some := files{"/proc/sys/net/core/somaxconn": "4096"}
	at := func(backlog int) *see.Ours {
		return &see.Ours{Listeners: []see.OurListener{{Address: "::", Port: 80, Backlog: backlog}}}
	}
	granted := at(4096)
	granted.Listeners[0].Queue = &see.OurQueue{Shards: 1, Granted: 128}
	both := at(65535) // was opened before the bound was raised, and another listener after that
	both.Listeners[0].Queue = &see.OurQueue{Shards: 1, Granted: 128}
	both.Listeners = append(both.Listeners, see.OurListener{Address: "::", Port: 81, Backlog: 4096, Queue: &see.OurQueue{Shards: 1, Granted: 4096}},
		see.OurListener{Address: "::", Port: 82, Backlog: 8192})
	full := at(16)
	full.Listeners[0].Name, full.Listeners[0].Queue = "web", &see.OurQueue{Shards: 1, Most: 17, Full: true, Granted: 16, Dropped: 366}
	raised := at(32)
	raised.Listeners[0].Name, raised.Listeners[0].Queue = "web", &see.OurQueue{Shards: 1, Most: 17, Full: true, Granted: 32, Dropped: 366}
	deferred := at(16)
	deferred.Listeners[0].Queue = &see.OurQueue{Shards: 1, Most: 3, Granted: 16, Dropped: 366}
	machine := files{"/proc/meminfo": "MemTotal: 1048576 kB\n"}
	group := files{"/proc/meminfo": "MemTotal: 1048576 kB\n", "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "268435456\n"}
	old := files{"/proc/meminfo": "MemTotal: 1048576 kB\n", "/proc/self/cgroup": "4:memory:/a\n", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n"}
	open := files{"/proc/meminfo": "MemTotal: 1048576 kB\n", "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n"}
	fill := func(caches, tenants int64) *see.Ours {
		return &see.Ours{CacheMemory: caches << 20, TenantMemory: tenants << 20}
	}
	trial.Run(t, Rows(), []trial.Case{
		{ID: "cfg.memory", Want: fact.Skip, Says: "--config FILE"},
		{ID: "cfg.memory", Ours: fill(500, 100), Files: machine, Want: fact.OK, Says: "caches are to fill 500 MiB and tenants' storage 100 MiB, of 1024 MiB"},
		{ID: "cfg.memory", Ours: fill(500, 400), Files: machine, Want: fact.Warn},
		{ID: "cfg.memory", Ours: fill(1025, 0), Files: machine, Want: fact.Fail},
		{ID: "cfg.memory", Ours: fill(257, 0), Files: group, Want: fact.Fail, Says: "of 256 MiB"},
		{ID: "cfg.memory", Ours: fill(200, 50), Files: old, Want: fact.Warn, Says: "of 256 MiB"},
		{ID: "cfg.memory", Ours: fill(257, 0), Files: open, Want: fact.OK},
		{ID: "cfg.memory", Ours: fill(1, 0), Want: fact.Unknown},
		{ID: "cfg.backlog", Ours: granted, Files: some, Want: fact.Warn, Says: "wants 4096, and gets 128"},
		{ID: "cfg.backlog", Ours: both, Files: some, Want: fact.Warn, Says: "[::]:80 wants 65535, and gets 128, [::]:82 wants 8192, and gets 4096"},
		{ID: "cfg.backlog", Ours: &see.Ours{Listeners: []see.OurListener{{Name: "in", Address: "unix:/run/in", Backlog: 65535}}}, Files: some, Want: fact.Warn, Says: "unix:/run/in wants 65535"},
		{ID: "cfg.backlog", Ours: full, Files: some, Want: fact.Warn, Says: "the queue of 16 of listener web was full and dropped 366"},
		{ID: "cfg.backlog", Ours: raised, Files: some, Want: fact.Info, Says: "the queue of listener web was full and dropped 366 connections or handshakes (tcp.listen-overflow), with 17 in it; its backlog is 32 now"},
		{ID: "cfg.backlog", Ours: deferred, Files: some, Want: fact.OK},
		{ID: "cfg.fastopen", Want: fact.Skip},
		{ID: "cfg.fastopen", Ours: &see.Ours{}, Want: fact.OK},
		{ID: "cfg.fastopen", Ours: &see.Ours{FastOpen: true}, Files: tfo("1"), Want: fact.Warn},
		{ID: "cfg.fastopen", Ours: &see.Ours{FastOpen: true}, Files: tfo("3"), Want: fact.OK},
		{ID: "cfg.fastopen", Ours: &see.Ours{FastOpen: true}, Want: fact.Unknown, RunOn: "initns"},
		{ID: "cfg.shards", Ours: &see.Ours{Shards: 4}, Probe: two, Want: fact.Warn, Says: "4 sockets for 2"},
		{ID: "cfg.shards", Ours: &see.Ours{Shards: 2}, Probe: two, Want: fact.OK},
		{ID: "cfg.shards", Ours: &see.Ours{Shards: 1}, Files: files{"/sys/devices/system/cpu/online": "0-7"}, Want: fact.Info},
		{ID: "cfg.shards", Ours: &see.Ours{Shards: 1}, Want: fact.Unknown},
		{ID: "cfg.backlog", Ours: at(65535), Files: some, Want: fact.Warn, Says: "[::]:80 wants 65535, and gets 4096"},
		{ID: "cfg.backlog", Ours: at(4096), Files: some, Want: fact.OK},
		{ID: "cfg.backlog", Ours: at(1), Want: fact.Unknown, RunOn: "initns"},
		{ID: "cfg.keepalive", Ours: &see.Ours{}, Want: fact.Warn},
		{ID: "cfg.keepalive", Ours: &see.Ours{KeepAlive: true}, Want: fact.OK},
		{ID: "cfg.upstream-keepalive", Ours: &see.Ours{}, Want: fact.Skip},
		{ID: "cfg.upstream-keepalive", Ours: &see.Ours{Upstreams: 2}, Want: fact.Warn},
		{ID: "cfg.upstream-keepalive", Ours: &see.Ours{Upstreams: 2, Reuse: true}, Want: fact.OK},
		{ID: "cfg.access-log", Ours: &see.Ours{SyncLog: true}, Want: fact.Warn},
		{ID: "cfg.access-log", Ours: &see.Ours{}, Want: fact.OK},
	})
}
