package sys

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
	"fishplate/internal/doctor/trial"
)

func TestHonest(t *testing.T) { trial.Honest(t, Rows()) }

type files = map[string]string

var (
	docker = []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}
	kvm    = []fact.Layer{{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.High}}
)

func pick(ids ...string) (rows []see.Row) {
	for _, r := range Rows() {
		for _, id := range ids {
			if r.ID == "sys."+id {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func TestLimits(t *testing.T) {
	const own = "/proc/self/cgroup"
	limits := func(hard string) files {
		return files{"/proc/self/limits": "Limit  Soft Hard Units\nMax open files   1024   " + hard + "   files\n"}
	}
	group := func(pids, now, memory, killed string) files {
		return files{
			own: "0::/a\n", "/sys/fs/cgroup/a/pids.max": pids, "/sys/fs/cgroup/a/pids.current": now,
			"/sys/fs/cgroup/a/memory.max": memory, "/sys/fs/cgroup/a/memory.events": "low 0\noom_kill " + killed + "\n",
		}
	}
	taken := func(open int, most uint64) *see.Ours {
		return &see.Ours{Running: &see.Running{PID: 7, Open: open, Files: see.Limit{Soft: most, Hard: most}}}
	}
	with := func(f files, name, text string) files { f[name] = text; return f }
	trial.Run(t, pick("nofile", "pids", "memcg", "gomaxprocs"), []trial.Case{
		{ID: "sys.nofile", Files: limits("1048576"), Want: fact.OK, Says: "1048576"},
		{ID: "sys.nofile", Files: limits("unlimited"), Want: fact.OK, Says: "no limit"},
		{ID: "sys.nofile", Files: limits("4096"), Want: fact.Warn},
		{ID: "sys.nofile", Ours: taken(900, 100000), Want: fact.OK, Says: "100000"},
		{ID: "sys.nofile", Ours: taken(85000, 100000), Want: fact.Warn, Says: "85000 of 100000 are taken"},
		{ID: "sys.nofile", Ours: taken(96000, 100000), Want: fact.Fail},
		{ID: "sys.nofile", Files: limits("100000"), Ours: &see.Ours{MaxConns: 50000}, Want: fact.Fail, Says: "50000 connections"},
		{ID: "sys.nofile", Probe: `{"self": {"rlimit": {"nofile": {"soft": 1, "hard": 1024}}}}`, Files: limits("1048576"), Want: fact.Warn, Says: "1024"},
		{ID: "sys.pids", Files: group("100", "85", "max", "0"), Want: fact.Warn, Says: "85 of 100"},
		{ID: "sys.pids", Files: group("max", "85", "max", "0"), Want: fact.OK, Says: "85 of no limit"},
		{ID: "sys.pids", Files: files{"/proc/sys/kernel/threads-max": "1000", "/proc/loadavg": "0.1 0.1 0.1 2/900 77\n"}, Want: fact.Warn, Says: "900 of 1000 threads of the machine"},
		{ID: "sys.pids", Files: files{"/proc/sys/kernel/threads-max": "1000", "/proc/loadavg": "0.1 0.1 0.1 2/900 77\n"}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "sys.memcg", Files: group("1", "1", "max", "0"), Want: fact.OK, Says: "no limit"},
		{ID: "sys.memcg", Files: group("1", "1", "max", "2"), Want: fact.Warn, Says: "2 processes"},
		{ID: "sys.memcg", Files: group("1", "1", "max", "2"), Before: group("1", "1", "max", "1"), Want: fact.Fail, Says: "1 processes"},
		{ID: "sys.memcg", Files: group("1", "1", "1073741824", "0"), Want: fact.Unknown, Says: "environ"},
		{ID: "sys.memcg", Files: with(group("1", "1", "1073741824", "0"), "/proc/self/environ", "A=1\x00"), Want: fact.Warn, Says: "1024 MiB, and GOMEMLIMIT is not set"},
		{ID: "sys.memcg", Files: with(group("1", "1", "1073741824", "0"), "/proc/self/environ", "A=1\x00GOMEMLIMIT=900MiB\x00"), Want: fact.OK},
		{ID: "sys.memcg", Files: files{own: "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, Want: fact.OK, Says: "no limit"},
		{ID: "sys.memcg", Files: files{own: "0::/\n", "/sys/fs/cgroup/cgroup.procs": "1\n"}, Want: fact.OK, Says: "root control group"},
		{ID: "sys.memcg", Files: files{own: "0::/\n", "/sys/fs/cgroup/cgroup.procs": "1\n", "/sys/fs/cgroup/cgroup.type": "domain\n"}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
		{ID: "sys.gomaxprocs", Want: fact.Skip},
	})
}

func TestGomaxprocsOfThisProcess(t *testing.T) {
	v := &see.View{System: see.Machine()}
	f := gomaxprocs().Look(v)
	if f.Status == fact.Skip || f.Status == fact.Fail || f.Found == "" {
		t.Errorf("%+v", f)
	}
}

func TestQuota(t *testing.T) {
	for _, test := range []struct {
		files files
		want  float64
		bad   bool
	}{
		{files{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "max 100000", "/sys/fs/cgroup/a/cpu.max": "150000 100000"}, 1.5, false},
		{files{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "max 100000"}, 0, false},
		{files{"/proc/self/cgroup": "2:cpu,cpuacct:/x\n", "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "50000", "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000"}, 0.5, false},
		{files{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "x"}, 0, true},
		{files{"/proc/self/cgroup": "0::/\n"}, 0, false},
	} {
		got, _, err := quota(trial.View(t, test.files))
		if got != test.want || (err != nil) != test.bad {
			t.Errorf("%v: %v, %v", test.files, got, err)
		}
	}
}

func TestMemory(t *testing.T) {
	const dir = "/sys/kernel/mm/transparent_hugepage/"
	pressure := func(cpu, memory string) files {
		return files{
			"/proc/pressure/cpu":    "some avg10=" + cpu + " avg60=0.00 avg300=0.00 total=1\n",
			"/proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=" + memory + " avg60=0.00 avg300=0.00 total=1\n",
			"/proc/pressure/io":     "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
		}
	}
	swapped := func(n string) files {
		return files{"/proc/swaps": "Filename Type Size Used Priority\n/dev/vdb partition 100 1 -2\n", "/proc/vmstat": "pswpin " + n + "\npswpout 0\nballoon_inflate " + n + "\n"}
	}
	arp := "IP address HW type Flags HW address Mask Device\n10.0.0.1 0x1 0x2 aa * eth0\n10.0.0.2 0x1 0x2 aa * eth0\n"
	trial.Run(t, pick("oom", "swap", "psi", "thp", "balloon", "neigh"), []trial.Case{
		{ID: "sys.oom", Files: files{"/proc/self/oom_score_adj": "-500\n"}, Want: fact.Info, Says: "-500 on a scale from -1000, never, to 1000, first: for the doctor's own process"},
		{ID: "sys.swap", Files: files{"/proc/swaps": "Filename Type Size Used Priority\n"}, Want: fact.OK, Says: "no swap"},
		{ID: "sys.swap", Files: swapped("0"), Want: fact.OK},
		{ID: "sys.swap", Files: swapped("9"), Want: fact.Info, Says: "9 pages"},
		{ID: "sys.swap", Files: swapped("9"), Before: swapped("4"), Want: fact.Warn, Says: "5 pages"},
		{ID: "sys.psi", Files: pressure("1.00", "0.00"), Want: fact.OK},
		{ID: "sys.psi", Files: pressure("25.00", "0.00"), Want: fact.Warn, Says: "cpu 25.0 %"},
		{ID: "sys.psi", Files: pressure("1.00", "1.50"), Want: fact.Warn},
		{ID: "sys.psi", Env: kvm, Want: fact.Unknown, Says: "absent"},
		{ID: "sys.thp", Files: files{dir + "enabled": "[always] madvise never", dir + "defrag": "[always] defer defer+madvise madvise never"}, Want: fact.Warn},
		{ID: "sys.thp", Files: files{dir + "enabled": "[always] madvise never", dir + "defrag": "madvise\n"}, Want: fact.Unknown, Says: "no choice"},
		{ID: "sys.thp", Files: files{dir + "enabled": "[always] madvise never", dir + "defrag": "always defer defer+madvise [madvise] never"}, Want: fact.OK},
		{ID: "sys.balloon", Files: swapped("9"), Want: fact.Skip},
		{ID: "sys.balloon", Files: swapped("9"), Env: kvm, Want: fact.Info},
		{ID: "sys.balloon", Files: swapped("0"), Env: kvm, Want: fact.OK},
		{ID: "sys.balloon", Env: kvm, Want: fact.Unknown},
		{ID: "sys.balloon", Files: swapped("0"), Env: []fact.Layer{{Kind: fact.Hypervisor, Name: "xen", Confidence: fact.High}}, Want: fact.Unknown, RunOn: "host"},
		{ID: "sys.neigh", Files: files{"/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024", "/proc/net/arp": arp}, Want: fact.OK, Says: "2 of 1024"},
		{ID: "sys.neigh", Files: files{"/proc/sys/net/ipv4/neigh/default/gc_thresh3": "2", "/proc/net/arp": arp}, Want: fact.Warn},
		{ID: "sys.neigh", Files: files{"/proc/net/arp": arp}, Env: docker, Want: fact.Unknown, RunOn: "initns"},
	})
}

func TestPermits(t *testing.T) {
	status := func(caps, seccomp string) files {
		return files{"/proc/self/status": "Name:\tx\nCapEff:\t" + caps + "\nNoNewPrivs:\t0\nSeccomp:\t" + seccomp + "\n", "/proc/sys/kernel/unprivileged_bpf_disabled": "2"}
	}
	const all, none = "000001ffffffffff", "0000000000000000"
	ports := func(start string) files {
		f := status(none, "0")
		f["/proc/sys/net/ipv4/ip_unprivileged_port_start"] = start
		return f
	}
	at := func(uid string) string {
		return `{"self": {"euid": 5}, "network": {"sockets": {"list": [{"address": "::", "port": 80, "uid": ` + uid + `}, {"address": "127.0.0.9", "port": 81}]}}}`
	}
	ours := &see.Ours{Listeners: []see.OurListener{{Address: "10.0.0.1", Port: 80}}}
	any4 := &see.Ours{Listeners: []see.OurListener{{Address: "0.0.0.0", Port: 80}}}
	trial.Run(t, pick("io_uring", "bpf", "seccomp", "lsm", "privports", "listeners"), []trial.Case{
		{ID: "sys.io_uring", Files: files{"/proc/sys/kernel/io_uring_disabled": "2"}, Want: fact.Info, Says: "switched off"},
		{ID: "sys.io_uring", Files: files{"/proc/sys/kernel/io_uring_disabled": "0"}, Want: fact.Info, Says: "not tried"},
		{ID: "sys.io_uring", Probe: `{"self": {"calls": {"io_uring_setup": "EPERM"}}}`, Want: fact.Info, Says: "refused: EPERM"},
		{ID: "sys.bpf", Files: status(all, "0"), Probe: `{"self": {"calls": {"bpf": "ok"}}}`, Want: fact.OK},
		{ID: "sys.bpf", Files: status(all, "0"), Probe: `{"self": {"calls": {"bpf": "EPERM"}}}`, Want: fact.Info, Says: "classic filter"},
		{ID: "sys.bpf", Files: status(none, "0"), Want: fact.Info, Says: "not permitted"},
		{ID: "sys.bpf", Files: status("x", "0"), Want: fact.Unknown},
		{ID: "sys.seccomp", Files: status(all, "2"), Want: fact.Info, Says: "mode 2"},
		{ID: "sys.seccomp", Files: status(all, "0"), Want: fact.OK},
		{ID: "sys.seccomp", Files: files{"/proc/self/status": "Name: x\n"}, Want: fact.Unknown},
		{ID: "sys.lsm", Files: files{"/proc/self/attr/current": "docker-default (enforce)\n"}, Want: fact.Info, Says: "docker-default"},
		{ID: "sys.lsm", Files: files{"/sys/fs/selinux/enforce": "1"}, Want: fact.Info, Says: "enforcing 1"},
		{ID: "sys.lsm", Want: fact.Unknown},
		{ID: "sys.privports", Files: status(all, "0"), Want: fact.OK},
		{ID: "sys.privports", Files: ports("1024"), Want: fact.Info},
		{ID: "sys.privports", Files: ports("1024"), Ours: ours, Want: fact.Fail, Says: "below 1024"},
		{ID: "sys.privports", Files: ports("-1"), Ours: ours, Want: fact.Unknown, Says: "-1 is not 0 to 65535"},
		{ID: "sys.privports", Files: ports("80"), Ours: ours, Want: fact.OK},
		{ID: "sys.privports", Files: status(none, "0"), Ours: &see.Ours{Privileged: true}, Want: fact.Fail},
		{ID: "sys.listeners", Want: fact.Skip},
		{ID: "sys.listeners", Ours: ours, Probe: at("7"), Want: fact.Fail, Says: "[::]:80 of user 7"},
		{ID: "sys.listeners", Ours: ours, Probe: at("5"), Want: fact.Info, Says: "our user"},
		{ID: "sys.listeners", Ours: &see.Ours{Listeners: []see.OurListener{{Address: "10.0.0.1", Port: 81}}}, Probe: at("5"), Want: fact.OK},
		{ID: "sys.listeners", Ours: any4, Probe: strings.ReplaceAll(at("7"), `"::"`, `"::1"`), Want: fact.OK},
		{ID: "sys.listeners", Ours: any4, Probe: at("7"), Want: fact.Fail},
		{ID: "sys.listeners", Ours: any4, Probe: strings.ReplaceAll(at("7"), `"::"`, `"10.0.0.9"`), Want: fact.Fail},
		{ID: "sys.listeners", Ours: ours, Probe: strings.ReplaceAll(at("7"), `"::"`, `"0.0.0.0"`), Want: fact.Fail},
		{ID: "sys.listeners", Ours: ours, Want: fact.Unknown, Says: "inet_diag"},
	})
}

func TestTime(t *testing.T) {
	const release = "/proc/sys/kernel/osrelease"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := fmt.Fprint(z, "CONFIG_HZ=1000\nCONFIG_NO_HZ_IDLE=y\n"); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	log := func(text string) files { return files{"/dev/kmsg": "6,1,10,-;Linux version 6\n" + text + "\n"} }
	self := func(text string) string { return `{"self": {` + text + `}}` }
	trial.Run(t, pick("entropy", "time", "migration", "tick", "kernel-log"), []trial.Case{
		{ID: "sys.entropy", Files: files{"/proc/sys/kernel/random/entropy_avail": "100", release: "4.9.0"}, Want: fact.Warn},
		{ID: "sys.entropy", Files: files{"/proc/sys/kernel/random/entropy_avail": "256", release: "6.1.0"}, Want: fact.OK, Says: "6.1"},
		{ID: "sys.entropy", Files: files{"/proc/sys/kernel/random/entropy_avail": "3000"}, Want: fact.OK, Says: "3000"},
		{ID: "sys.time", Probe: self(`"clock": {"unsync": true, "maxerror": 16}`), Want: fact.Warn, Says: "nobody"},
		{ID: "sys.time", Probe: self(`"clock": {"maxerror": 2}`), Want: fact.Warn, Says: "2.0 s"},
		{ID: "sys.time", Probe: self(`"clock": {"maxerror": 0.02}`), Files: files{"/proc/9/comm": "chronyd\n"}, Want: fact.OK, Says: "20 ms"},
		{ID: "sys.migration", Probe: self(`"boottime": 7.5`), Env: kvm, Want: fact.Info, Says: "7.5 s"},
		{ID: "sys.migration", Files: log("4,2,9,-;tsc: Marking TSC unstable due to clocksource watchdog"), Env: kvm, Want: fact.Warn},
		{ID: "sys.migration", Files: log("4,2,9,-;tsc: Marking TSC unstable due to clocksource watchdog"), Probe: self(`"boottime": 7.5`), Env: kvm, Want: fact.Warn},
		{ID: "sys.migration", Files: log("x"), Env: kvm, Want: fact.Unknown, RunOn: "host"},
		{ID: "sys.migration", Want: fact.Skip},
		{ID: "sys.tick", Files: files{"/proc/config.gz": packed.String()}, Want: fact.Info, Says: "1000 a second, no ticks"},
		{ID: "sys.tick", Files: files{release: "6.1.0\n", "/boot/config-6.1.0": "CONFIG_HZ=250\n"}, Want: fact.Info, Says: "250"},
		{ID: "sys.tick", Files: files{"/proc/config.gz": strings.Repeat("x", 100)}, Want: fact.Unknown, Says: "could not be parsed"},
		{ID: "sys.kernel-log", Files: log("4,2,9,-;nf_conntrack: nf_conntrack: table full, dropping packet"), Want: fact.Warn, Says: "fw.conntrack-full"},
		{ID: "sys.kernel-log", Files: log("4,2,90,-;nf_conntrack: nf_conntrack: table full, dropping packet"), Before: log(""), Want: fact.Fail, Says: "1 times in"},
		{ID: "sys.kernel-log", Files: log("4,2,90,-;nf_conntrack: nf_conntrack: table full, dropping packet\n4,3,95,-;calm"), Before: log("4,2,90,-;nf_conntrack: nf_conntrack: table full, dropping packet"), Want: fact.OK, Says: "none of 1 messages"},
		{ID: "sys.kernel-log", Files: log("12,2,9,-;a program says: table full, dropping packet"), Want: fact.OK},
		{ID: "sys.kernel-log", Files: files{"/dev/kmsg": ""}, Want: fact.Unknown},
	})
}

// TestWhoServes: limits are those of the process that serves, not of the command
// that looks, and what its environment says counts for its runtime.
func TestWhoServes(t *testing.T) {
	const pid = 1 << 22 // above what the kernel gives
	at := fmt.Sprintf("/proc/%d/", pid)
	machine := files{
		"/proc/self/cgroup": "0::/user\n", "/sys/fs/cgroup/user/memory.max": "max\n", "/sys/fs/cgroup/user/cpu.max": "max 100000\n", "/sys/fs/cgroup/user/pids.max": "max\n", "/sys/fs/cgroup/user/pids.current": "9\n",
		at + "cgroup": "0::/service\n", "/sys/fs/cgroup/service/memory.max": "1073741824\n", "/sys/fs/cgroup/service/memory.events": "oom_kill 0\n",
		"/sys/fs/cgroup/service/cpu.max": "400000 100000\n", "/sys/fs/cgroup/service/pids.max": "100\n", "/sys/fs/cgroup/service/pids.current": "90\n",
		at + "environ": "A=1\x00",
	}
	with := func(environ string) files {
		m := maps.Clone(machine)
		m[at+"environ"] = environ
		return m
	}
	hidden := maps.Clone(machine)
	delete(hidden, at+"environ")
	for _, c := range []struct {
		id    string
		files files
		want  fact.Status
		says  string
	}{
		{"memcg", machine, fact.Warn, "a limit of 1024 MiB, and GOMEMLIMIT is not set"},
		{"memcg", with("GOMEMLIMIT=900MiB\x00"), fact.OK, "a limit of 1024 MiB, and GOMEMLIMIT is set"},
		{"memcg", hidden, fact.Unknown, at + "environ"},
		{"pids", machine, fact.Warn, "90 of 100 threads of the control group"},
		{"gomaxprocs", machine, fact.OK, "the runtime follows the quota"},
		{"gomaxprocs", with("GOMAXPROCS=64\x00"), fact.Warn, "64 threads for a quota of 4.0 processors"},
		{"gomaxprocs", with("GOMAXPROCS=4\x00"), fact.OK, "4 threads for a quota of 4.0 processors"},
		{"gomaxprocs", with("GOMAXPROCS=no\x00"), fact.OK, "the runtime follows the quota"},
		{"gomaxprocs", hidden, fact.Unknown, at + "environ"},
	} {
		v := trial.View(t, c.files)
		v.Live, v.Ours = true, &see.Ours{Running: &see.Running{PID: pid}}
		f := pick(c.id)[0].Look(v)
		if f.Status != c.want || !strings.Contains(f.Found, c.says) || strings.Contains(f.Found, "this command") {
			t.Errorf("sys.%s: %s: %s; want %s: %s", c.id, f.Status, f.Found, c.want, c.says)
		}
	}
}

// TestOomOfWhoServes: the score is that of the process that serves, which is not that
// of the doctor.
func TestOomOfWhoServes(t *testing.T) {
	other := exec.CommandContext(t.Context(), "cat")
	in, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(in.Close(), other.Wait()) }()
	score := fmt.Sprintf("/proc/%d/oom_score_adj", other.Process.Pid)
	if err := os.WriteFile(score, []byte("731\n"), 0o644); err != nil { // more than before is anybody's to set
		t.Skipf("needs a kernel that takes a score: %v", err)
	}
	f := oom().Look(&see.View{System: see.Machine(), Ours: &see.Ours{Running: &see.Running{PID: other.Process.Pid}}})
	want := fmt.Sprintf("731 on a scale from -1000, never, to 1000, first: for process %d, which serves", other.Process.Pid)
	if f.Found != want || len(f.Evidence) != 1 || f.Evidence[0].Source != score {
		t.Errorf("%q, want %q; %+v", f.Found, want, f.Evidence)
	}
	if f := oom().Look(&see.View{System: see.Machine()}); strings.HasPrefix(f.Found, "731") || !strings.Contains(f.Found, "own process") {
		t.Error(f.Found)
	}
}
