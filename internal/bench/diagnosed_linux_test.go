package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asServer is set in a process of this test that is to serve.
const asServer = "FISHPLATE_TEST_BENCH_SERVER"

// serveForTest serves as the environment says, until its input ends.
func serveForTest(options string) error {
	var o ServerOptions
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	return Serve(context.Background(), StartServer, o, os.Stdin, func(s Server) error { return json.NewEncoder(os.Stdout).Encode(s) })
}

// apart runs the built-in server in a process of its own, as users do: only so
// can the sides be told apart.
func apart(ctx context.Context, o ServerOptions) (s Server, stop func(), err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return s, nil, err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), asServer+"="+string(b))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return s, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s, nil, err
	}
	if err := cmd.Start(); err != nil {
		return s, nil, err
	}
	stop = func() { _, _ = in.Close(), cmd.Wait() }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err = errors.Join(err, json.Unmarshal(line, &s)); err != nil {
		stop()
		return s, nil, err
	}
	return s, stop, nil
}

// text returns what a diagnosis says.
func text(r *Result, id string) string {
	for _, d := range r.Diagnosis {
		if d.ID == id {
			return d.Text + " " + d.Advice
		}
	}
	return ""
}

func run(t *testing.T, p Params) *Result {
	t.Helper()
	return runBy(t, apart, p)
}

// runBy measures for longer until somebody got to run and to see it: a quota, or a
// machine that is full, may keep the client from its counters for a second.
func runBy(t *testing.T, serve Starter, p Params) (r *Result) {
	t.Helper()
	p.Repeat = 1
	for ; r == nil || p.Duration < time.Minute && (r.Totals.Watched < r.Totals.Seconds/2 || r.Totals.Transactions == 0); p.Duration *= 5 {
		var err error
		r, err = Run(context.Background(), Options{Serve: serve, Warm: 50 * time.Millisecond, Timeout: 20 * time.Second, Params: p})
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func several(t *testing.T) {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("it takes two processors")
	}
}

// The question that this tool was made for: one acceptor and a short backlog, a
// new connection for each request, then connections that stay. Both results
// explain themselves, with their numbers.
func TestLiveSingleAcceptor(t *testing.T) {
	several(t)
	p := Params{Workload: "http-close", Connections: 64, Duration: 400 * time.Millisecond, SingleAcceptor: true, Backlog: 128, Plain: true}
	r := run(t, p)
	n := found(t, r, "single-acceptor")
	if n["acceptor"] <= 0 || n["wake_cross_us"] <= 0 || n["workers"] < 2 || r.Server.Backlog != 128 {
		t.Errorf("%v, backlog %d", n, r.Server.Backlog)
	}
	said := text(r, "single-acceptor")
	for _, want := range []string{"one thread accepts every connection", fmt.Sprintf("%.2f times a transaction", n["sleeps"]), "stay open", "http-keepalive"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in: %s", want, said)
		}
	}
	p.Workload = "http-keepalive"
	r = run(t, p)
	n = found(t, r, "acceptor-spared")
	if n["connections"] > 64 || n["transactions"] <= n["connections"] {
		t.Errorf("%v", n)
	}
}

// A client with one thread, which connects, against a server that only hangs up:
// the client is the dearer side, and is told so with both costs.
func TestLiveClientBound(t *testing.T) {
	several(t)
	r := run(t, Params{Workload: "accept", Connections: 64, Threads: 1, Duration: 500 * time.Millisecond, Plain: true})
	if c := r.CPU.Client; 1-idleOf(r) < 0.95 && c.Busiest < 0.85 {
		t.Skipf("the hypervisor or a quota kept processors from us: busiest %.2f, idle %.2f", c.Busiest, idleOf(r))
	}
	if n := found(t, r, "client-bound"); n["client_us"] <= 0 || n["client_us"] <= n["server_us"] {
		t.Errorf("%v", n)
	}
}

func idleOf(r *Result) (sum float64) {
	for _, p := range r.Processors {
		sum += p.Idle / float64(len(r.Processors))
	}
	return sum
}

// keepOn binds all threads of this process to some processors; those that the
// runtime starts later inherit it.
func keepOn(set *unix.CPUSet) error {
	list, err := os.ReadDir("/proc/self/task")
	for _, e := range list {
		id, e := strconv.Atoi(e.Name())
		err = errors.Join(err, e)
		if e := unix.SchedSetaffinity(id, set); !errors.Is(e, unix.ESRCH) { // it may have ended
			err = errors.Join(err, e)
		}
	}
	return err
}

// acrossProcessors is a Starter whose server has one processor, and the client
// another.
func acrossProcessors(ctx context.Context, o ServerOptions) (s Server, stop func(), err error) {
	runtime.LockOSThread() // the server inherits the thread's processors
	defer runtime.UnlockOSThread()
	var all, mine, its unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return s, nil, err
	}
	for i := range 1024 {
		switch {
		case !all.IsSet(i):
		case its.Count() == 0:
			its.Set(i)
		case mine.Count() == 0:
			mine.Set(i)
		}
	}
	if err := unix.SchedSetaffinity(0, &its); err != nil {
		return s, nil, err
	}
	s, end, err := apart(ctx, o)
	if err == nil {
		stop = func() { _ = keepOn(&all); end() }
		if err = keepOn(&mine); err != nil {
			stop()
		}
	} else {
		_ = keepOn(&all)
	}
	return s, stop, err
}

// One connection between two processors: each side sleeps until the other has
// answered, and the result says what that takes, with the numbers it has it from. On
// a machine that is full of others' work nobody sleeps to speak of, and it says nothing.
func TestLiveWakeUps(t *testing.T) {
	several(t)
	r := runBy(t, acrossProcessors, Params{Workload: "rr", Connections: 1, Duration: 500 * time.Millisecond, Plain: true})
	sleeps, wake := r.CPU.Server.Sleeps+r.CPU.Client.Sleeps, max(r.Host.Probe.WakeCross, r.Host.Probe.WakeSame)/2
	if part := sleeps * float64(wake) / (1 / r.Rate.Mean * 1e9); idleOf(r) < 0.05 || part < 0.25 {
		t.Logf("%.0f %% idle; %.2f sleeps take %.0f %% of a transaction", idleOf(r)*100, sleeps, part*100)
		if said := text(r, "wake-ups"); said != "" || r.Totals.Transactions == 0 || !r.CPU.Server.Known || !r.CPU.Client.Known {
			t.Errorf("others kept the processors awake, and it says: %q; %+v, %+v", said, r.Totals, r.CPU)
		}
		return
	}
	n := found(t, r, "wake-ups")
	if n["sleeps"] != sleeps || int64(n["wake_us"]*1e3+0.5) != wake || n["idle"] < 0.05 || n["part"] < 0.25 {
		t.Errorf("%v; probe %+v", n, r.Host.Probe)
	}
	said := text(r, "wake-ups")
	for _, want := range []string{
		fmt.Sprintf("wakes them %.2f times (%.2f in the server, %.2f in the client)", n["sleeps"], r.CPU.Server.Sleeps, r.CPU.Client.Sleeps),
		fmt.Sprintf("up to %.1f µs a wake-up", n["wake_us"]), fmt.Sprintf("of the %.1f µs that a transaction has", 1e6/r.Rate.Mean),
		fmt.Sprintf("idle for %.0f %% of the time", n["idle"]*100), "With 1 connections in flight the rate is one over the latency", "halt polling",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in: %s", want, said)
		}
	}
}

// quotaGroup makes a control group below our own that may use a fifth of a
// processor, of either version, and returns the file that takes processes in.
func quotaGroup(t *testing.T) (procs string) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no control groups: ", err)
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var dir string
		var limits map[string]string
		switch {
		case parts[0] == "0":
			dir, limits = filepath.Join("/sys/fs/cgroup", parts[2]), map[string]string{"cpu.max": "20000 100000"}
		case parts[1] == "cpu" || strings.HasPrefix(parts[1], "cpu,") || strings.HasSuffix(parts[1], ",cpu"):
			dir, limits = filepath.Join("/sys/fs/cgroup", parts[1], parts[2]), map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "20000"}
		default:
			continue
		}
		dir = filepath.Join(dir, "fishplate-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = syscall.Rmdir(dir) })
		err := error(nil)
		for name, value := range limits {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(value), 0))
		}
		if err == nil {
			return filepath.Join(dir, "cgroup.procs")
		}
	}
	t.Skip("no control group with a quota can be made here: it takes root and the cpu controller, of version 1 or of 2")
	return ""
}

// A group that may use a fifth of a processor is stopped in most periods, and
// the result says that the quota was measured.
func TestLiveThrottled(t *testing.T) {
	const inside = "FISHPLATE_TEST_QUOTA"
	if procs := os.Getenv(inside); procs != "" {
		if err := os.WriteFile(procs, []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			t.Fatal(err)
		}
		r := run(t, Params{Workload: "rr", Connections: 16, Duration: time.Second, Plain: true})
		n := found(t, r, "throttled")
		if n["throttled"] <= 0 || n["periods"] < n["throttled"] || n["throttled_ms"] <= 0 {
			t.Errorf("%v", n)
		}
		return
	}
	procs := quotaGroup(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestLiveThrottled$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+procs)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestLiveThrottled") {
		t.Fatalf("in the group: %v\n%s", err, out)
	}
}

// A server that stands still for a second is felt by all that were due in it: so
// says the p99 of an open loop.
func TestLiveStall(t *testing.T) {
	const stall, rate = time.Second, 200
	r, err := Run(context.Background(), Options{
		Timeout: 20 * time.Second, Warm: time.Millisecond,
		Serve: func(ctx context.Context, o ServerOptions) (Server, func(), error) {
			s, stop, err := apart(ctx, o)
			if err != nil {
				return s, stop, err
			}
			begun := time.AfterFunc(500*time.Millisecond, func() {
				_ = syscall.Kill(s.PID, syscall.SIGSTOP)
				time.AfterFunc(stall, func() { _ = syscall.Kill(s.PID, syscall.SIGCONT) })
			})
			return s, func() { begun.Stop(); _ = syscall.Kill(s.PID, syscall.SIGCONT); stop() }, nil
		},
		Params: Params{Workload: "http-keepalive", Connections: 1000, Rate: rate, Duration: 3 * time.Second, Repeat: 1, Plain: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A third of what was due fell into the stall, evenly: of a hundred the
	// slowest one waited for nearly all of it, and the median not at all, unless
	// the machine was slow besides.
	if p := time.Duration(r.Latency.Total.P99); p < stall*9/10 || r.Latency.From != "intended" {
		t.Errorf("p99 is %v from %q: the stall of %v is not seen in it", p, r.Latency.From, stall)
	}
	if n := r.Latency.Total.Count + r.Totals.Behind + r.Totals.Errors; n != 3*rate {
		t.Errorf("%d of %d are accounted for: %+v", n, 3*rate, r.Totals)
	}
}
