package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/stats"
)

// quiet is a result of which there is nothing to say: crr on two processors,
// 256 in flight, the server the dearer side.
func quiet() *outcome.Result {
	return &outcome.Result{
		Params:  outcome.Params{Workload: "crr", Connections: 256, Sources: 16},
		Host:    outcome.Host{Processors: 2, Settings: map[string]string{"net.ipv4.ip_local_port_range": "32768 60999"}, Probe: outcome.Probe{WakeSame: 2100, WakeCross: 50600}},
		Server:  outcome.Server{PID: 9, Listeners: 2, Workers: 2, Backlog: 4096},
		Rate:    stats.Interval{Mean: 28000, Low: 27600, High: 28400, N: 5},
		Reached: true, Reps: make([]outcome.Repetition, 5),
		Totals:     outcome.Totals{Seconds: 10, Watched: 10, Transactions: 280000, Connections: 280000},
		Latency:    outcome.Latencies{Total: outcome.Latency{Count: 280000, P50: 9e6, P99: 20e6, P999: 40e6}},
		Errors:     map[string]int64{},
		CPU:        outcome.CPU{Client: outcome.Side{Known: true, Micros: 32, Share: 0.9, Busiest: 0.45}, Server: outcome.Side{Known: true, Micros: 38, Share: 1.06, Busiest: 0.53}},
		Processors: []outcome.Share{{User: 0.1, System: 0.5, Softirq: 0.38, Idle: 0.02}, {User: 0.1, System: 0.5, Softirq: 0.38, Idle: 0.02}},
		Counters:   outcome.Counters{"tcpext": {}, "cgroup": {}, "softnet": {}, "tcp": {}},
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *outcome.Result)
		want   []string
		cites  []string // of the first
	}{
		{"quiet", func(*outcome.Result) {}, []string{}, nil},
		{"silence", func(r *outcome.Result) {
			r.Totals = outcome.Totals{Seconds: 2, Watched: 2}
			r.Server, r.CPU = outcome.Server{Address: "10.0.0.1:80"}, outcome.CPU{}
		}, []string{"no-answer"}, []string{"in 2.0 s none of 256 connections to 10.0.0.1:80"}},
		{"ports", func(r *outcome.Result) {
			r.Errors["connect EADDRNOTAVAIL"], r.Totals.Errors, r.Params.Sources = 512, 512, 1
			r.Counters["tcpext"]["TW"] = 28232
		}, []string{"port-exhaustion"}, []string{"512 connections", "28232 ports", "there are 1 of those"}},
		{"overflow", func(r *outcome.Result) {
			r.Counters["tcpext"]["ListenOverflows"], r.Counters["tcpext"]["ListenDrops"], r.Counters["tcpext"]["SyncookiesSent"] = 4245, 4245, 2458
			r.Server.Backlog, r.Latency.Total.P999 = 16, int64(1930*time.Millisecond)
		}, []string{"listen-overflow"}, []string{"4245", "2458", "backlog of 16", "1930 ms", "256 connections"}},
		{"overflow of a stranger", func(r *outcome.Result) {
			r.Counters["tcpext"]["ListenDrops"], r.Server = 3, outcome.Server{Address: "10.0.0.1:80"}
		}, []string{"listen-overflow"}, []string{"with a backlog that is not known,"}},
		{"unwatched", func(r *outcome.Result) {
			r.Totals.Watched = 0.5
			r.Counters["cgroup"] = map[string]int64{"nr_periods": 5, "nr_throttled": 3, "throttled_usec": 250_000}
		}, []string{"unwatched", "throttled"}, []string{"are of 500 ms of 10000 ms"}},
		{"throttled", func(r *outcome.Result) {
			r.Counters["cgroup"] = map[string]int64{"nr_periods": 100, "nr_throttled": 60, "throttled_usec": 2_500_000}
		}, []string{"throttled"}, []string{"60 of 100 periods", "2500 ms of 10000 ms"}},
		{"hardly throttled", func(r *outcome.Result) {
			r.Counters["cgroup"] = map[string]int64{"nr_periods": 1000, "nr_throttled": 5}
		}, []string{}, nil},
		{"steal", func(r *outcome.Result) {
			r.Processors[0].Steal, r.Processors[0].User = 0.08, 0.02
		}, []string{"steal"}, []string{"4 %", "8 %"}},
		{"others", func(r *outcome.Result) { r.CPU.Server.Share = 0.5; r.CPU.Client.Share = 0.4 }, []string{"others"}, []string{"1.06 were other"}},
		{"softnet", func(r *outcome.Result) { r.Counters["softnet"]["dropped"] = 7 }, []string{"softnet-drops"}, []string{"7 times"}},
		{"single acceptor", func(r *outcome.Result) {
			r.Params.SingleAcceptor, r.Server.Listeners, r.Server.Acceptors, r.Server.Workers = true, 1, []int{77}, 4
			r.CPU.Server.Acceptor, r.CPU.Server.Sleeps, r.CPU.Server.Share = 0.83, 0.71, 0.9
			r.Processors[0].Idle, r.Processors[0].User = 0.18, 0
		}, []string{"single-acceptor", "wake-ups"}, []string{"83 %", "one of 4 other", "0.71 times", "50.6 µs", "2.1 µs"}},
		{"single acceptor, connections that stay", func(r *outcome.Result) {
			r.Params.SingleAcceptor, r.Server.Listeners, r.Server.Acceptors, r.Totals.Connections = true, 1, []int{77}, 256
		}, []string{"acceptor-spared"}, []string{"280000 transactions needed 256 connections", "38.0 µs"}},
		{"wake-ups", func(r *outcome.Result) {
			r.Params.Connections, r.Rate = 1, stats.Interval{Mean: 11600, Low: 11500, High: 11700, N: 5}
			r.CPU.Server.Sleeps, r.CPU.Client.Sleeps, r.CPU.Server.Share, r.CPU.Client.Share = 1, 1, 0.5, 0.5
			for i := range r.Processors {
				r.Processors[i] = outcome.Share{System: 0.3, Softirq: 0.2, Idle: 0.5}
			}
		}, []string{"wake-ups"}, []string{"2.00 times", "25.3 µs", "59 %", "86.2 µs", "With 1 connections"}},
		{"client, machine full", func(r *outcome.Result) { r.CPU.Client.Share, r.CPU.Server.Share, r.CPU.Client.Micros = 1.2, 0.7, 43 },
			[]string{"client-bound"}, []string{"98 % busy", "43.0 µs", "38.0 µs"}},
		{"client, one thread", func(r *outcome.Result) {
			r.CPU.Client = outcome.Side{Known: true, Share: 0.99, Busiest: 0.98, Name: "bench", Micros: 35}
			r.CPU.Server = outcome.Side{Known: true, Share: 0.4, Busiest: 0.4, Micros: 14}
			for i := range r.Processors {
				r.Processors[i] = outcome.Share{System: 0.7, Idle: 0.3}
			}
		}, []string{"client-bound"}, []string{"98 % of the time", "40 %"}},
		{"rate", func(r *outcome.Result) { r.Params.Rate = 40000; r.Totals.Behind = 900 }, []string{"rate-not-reached"}, []string{"asked for 40000", "got 28000", "900 transactions"}},
		{"uncertain", func(r *outcome.Result) { r.Rate.Low, r.Rate.High, r.Reached = 25200, 30800, false }, []string{"uncertain"}, []string{"±10.0 %", "5 repetitions"}},
		{"failures", func(r *outcome.Result) {
			r.Errors = map[string]int64{"read ECONNRESET": 9, "timeout": 2}
			r.Totals.Errors = 11
		}, []string{"failures"}, []string{"11 transactions", `"read ECONNRESET"`}},
	} {
		r := quiet()
		c.change(r)
		got := All(r)
		ids := []string{}
		for _, d := range got {
			ids = append(ids, d.ID)
			if d.Title == "" || d.Advice == "" || len(d.Numbers) == 0 {
				t.Errorf("%s: %s is not complete: %+v", c.name, d.ID, d)
			}
		}
		if diff := cmp.Diff(c.want, ids); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
			continue
		}
		for _, words := range c.cites {
			if !strings.Contains(got[0].Text, words) {
				t.Errorf("%s: no %q in: %s", c.name, words, got[0].Text)
			}
		}
	}
}

// A result without anything in it is no reason to divide by zero.
func TestEmptyResult(t *testing.T) {
	if got := All(&outcome.Result{}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
