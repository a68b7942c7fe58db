package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/bench/outcome"
)

// rule looks at a result and answers what it found, or nil.
type rule func(r *outcome.Result) *outcome.Diagnosis

// All asks every rule; what breaks something comes first. The list is empty,
// never nil, when nothing stands out.
func All(r *outcome.Result) []outcome.Diagnosis {
	list := []outcome.Diagnosis{}
	for _, look := range []rule{
		silent, unwatched, ports, overflow, failures, throttled, stolen, others, dropped, singleAcceptor, spared, wakeUps, client, behind, uncertain,
	} {
		if d := look(r); d != nil {
			list = append(list, *d)
		}
	}
	return list
}

func counter(r *outcome.Result, group, name string) float64 { return float64(r.Counters[group][name]) }

// perSecond is a counter over the time that it is of.
func perSecond(r *outcome.Result, n float64) float64 {
	if r.Totals.Watched <= 0 {
		return 0
	}
	return n / r.Totals.Watched
}

// idle is the mean share of the processors that did nothing.
func idle(r *outcome.Result) float64 {
	sum := 0.0
	for _, p := range r.Processors {
		sum += p.Idle
	}
	return sum / float64(max(len(r.Processors), 1))
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 0, 64) + " %" }

// rounded writes a rate: below ten with two digits, else without decimals.
func rounded(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(rate, 'g', 2, 64)
	}
	return strconv.FormatFloat(rate, 'f', 0, 64)
}

func micros(ns int64) string { return strconv.FormatFloat(float64(ns)/1e3, 'f', 1, 64) + " µs" }

// errorsOf counts failures whose name ends so.
func errorsOf(r *outcome.Result, suffix string) (n int64) {
	for name, v := range r.Errors {
		if strings.HasSuffix(name, suffix) {
			n += v
		}
	}
	return n
}

func ports(r *outcome.Result) *outcome.Diagnosis {
	n := errorsOf(r, "EADDRNOTAVAIL")
	if n == 0 {
		return nil
	}
	low, high, count := 0, 0, 0
	if _, err := fmt.Sscan(r.Host.Settings["net.ipv4.ip_local_port_range"], &low, &high); err == nil {
		count = high - low + 1
	}
	from := max(r.Params.Sources, 1)
	return &outcome.Diagnosis{
		ID: "port-exhaustion", Title: "port exhaustion",
		Text: fmt.Sprintf("%d connections failed with EADDRNOTAVAIL: the client had no port left. The range %d–%d holds %d ports for each source address, "+
			"there are %d of those, and a port whose connection the client closed rests in TIME_WAIT (%d began to in %.1f s). The rate is that at which ports come back, not the server's.",
			n, low, high, count, from, r.Counters["tcpext"]["TW"], r.Totals.Seconds),
		Advice: "more --sources, a wider net.ipv4.ip_local_port_range, net.ipv4.tcp_tw_reuse = 1 or 2, or a protocol in which the server closes first",
		Numbers: map[string]float64{
			"errors": float64(n), "ports": float64(count), "sources": float64(from), "time_wait": counter(r, "tcpext", "TW"),
		},
	}
}

func overflow(r *outcome.Result) *outcome.Diagnosis {
	n, drops, cookies := counter(r, "tcpext", "ListenOverflows"), counter(r, "tcpext", "ListenDrops"), counter(r, "tcpext", "SyncookiesSent")
	if n+drops == 0 {
		return nil
	}
	backlog := "a backlog that is not known"
	if r.Server.Backlog > 0 {
		backlog = fmt.Sprintf("a backlog of %d", r.Server.Backlog)
	}
	tail := ""
	if p := r.Latency.Total.P999; p >= int64(900*time.Millisecond) {
		tail = fmt.Sprintf(" Of a thousand transactions the slowest took %.0f ms or more: that is the second after which a SYN is sent again.", float64(p)/1e6)
	}
	return &outcome.Diagnosis{
		ID: "listen-overflow", Title: "listen overflow",
		Text: fmt.Sprintf("the server's accept queue was full: ListenOverflows rose by %.0f, ListenDrops by %.0f (%.0f a second), SyncookiesSent by %.0f, TCPSynRetrans by %.0f. "+
			"%d connections at a time met a listener with %s, which accepted too slowly for it.%s",
			n, drops, perSecond(r, drops), cookies, counter(r, "tcpext", "TCPSynRetrans"), r.Params.Connections, backlog, tail),
		Advice: "a larger backlog, and net.core.somaxconn at least as large (the kernel cuts without a word); more acceptors, if they are the slow ones",
		Numbers: map[string]float64{
			"overflows": n, "drops": drops, "cookies": cookies, "backlog": float64(r.Server.Backlog), "p999_ms": float64(r.Latency.Total.P999) / 1e6,
		},
	}
}

// silent finds that nothing happened at all: each transaction was still waiting
// when the time was over.
func silent(r *outcome.Result) *outcome.Diagnosis {
	if r.Totals.Transactions+r.Totals.Errors > 0 || r.Totals.Seconds == 0 {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "no-answer", Title: "no transaction ended",
		Text: fmt.Sprintf("in %.1f s none of %d connections to %s had its answer, and none failed: either nobody answers there, or answers take longer than this was measured.",
			r.Totals.Seconds, r.Params.Connections, r.Server.Address),
		Advice:  "ask once by hand (curl, nc); a --duration longer than --timeout, so that the failures are seen",
		Numbers: map[string]float64{"seconds": r.Totals.Seconds, "connections": float64(r.Params.Connections)},
	}
}

// failures are those that no other rule explains.
func failures(r *outcome.Result) *outcome.Diagnosis {
	n := r.Totals.Errors - errorsOf(r, "EADDRNOTAVAIL")
	if n <= 0 {
		return nil
	}
	worst, most := "", int64(0)
	for name, v := range r.Errors {
		if !strings.HasSuffix(name, "EADDRNOTAVAIL") && (v > most || v == most && name < worst) {
			worst, most = name, v
		}
	}
	return &outcome.Diagnosis{
		ID: "failures", Title: "failed transactions",
		Text: fmt.Sprintf("%d transactions failed beside %d that did not, most of them (%d) with %q: latencies are of the others alone.",
			n, r.Totals.Transactions, most, worst),
		Advice:  "the errors are listed by name; the server's log knows the other side of them",
		Numbers: map[string]float64{"errors": float64(n), "transactions": float64(r.Totals.Transactions)},
	}
}

func unwatched(r *outcome.Result) *outcome.Diagnosis {
	if r.Totals.Watched >= 0.8*r.Totals.Seconds {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "unwatched", Title: "watched for a part of the time",
		Text: fmt.Sprintf("the client did not get to run when it was to read the counters: they, and processor time, are of %.0f ms of %.0f ms. A quota of its control group, or a machine that is full, keeps it waiting.",
			r.Totals.Watched*1e3, r.Totals.Seconds*1e3),
		Advice:  "a longer --duration, a higher quota, or a quieter machine",
		Numbers: map[string]float64{"watched": r.Totals.Watched, "seconds": r.Totals.Seconds},
	}
}

func throttled(r *outcome.Result) *outcome.Diagnosis {
	periods, n := counter(r, "cgroup", "nr_periods"), counter(r, "cgroup", "nr_throttled")
	if periods == 0 || n/periods < 0.01 {
		return nil
	}
	lost := counter(r, "cgroup", "throttled_usec")
	return &outcome.Diagnosis{
		ID: "throttled", Title: "throttled by cgroup",
		Text: fmt.Sprintf("the control group's quota stopped the processes in %.0f of %.0f periods, for %.0f ms of %.0f ms in all: what is measured is the quota.",
			n, periods, lost/1e3, r.Totals.Watched*1e3),
		Advice:  "raise cpu.max of the group, or measure outside of it",
		Numbers: map[string]float64{"periods": periods, "throttled": n, "throttled_ms": lost / 1e3},
	}
}

func stolen(r *outcome.Result) *outcome.Diagnosis {
	sum, worst := 0.0, 0.0
	for _, p := range r.Processors {
		sum += p.Steal
		worst = max(worst, p.Steal)
	}
	mean := sum / float64(max(len(r.Processors), 1))
	if mean < 0.02 {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "steal", Title: "stolen time",
		Text:    fmt.Sprintf("the hypervisor ran others on our processors for %s of the time (%s of the worst one): the result is that of a part of the machine.", percent(mean), percent(worst)),
		Advice:  "measure when the host is quiet, or on a machine with processors of its own",
		Numbers: map[string]float64{"steal": mean, "worst": worst},
	}
}

// others finds processor time that neither side used.
func others(r *outcome.Result) *outcome.Diagnosis {
	if !r.CPU.Server.Known || len(r.Processors) == 0 {
		return nil
	}
	n := float64(len(r.Processors))
	busy := 0.0
	for _, p := range r.Processors {
		busy += p.User + p.System + p.Softirq + p.Irq
	}
	ours := r.CPU.Client.Share + r.CPU.Server.Share
	if rest := busy - ours; rest > n/10 {
		return &outcome.Diagnosis{
			ID: "others", Title: "something else works on this machine",
			Text: fmt.Sprintf("of %.0f processors %.2f were busy, the client's %.2f and the server's %.2f among them: %.2f were other processes'. "+
				"What is measured is the rest of the machine.", n, busy, r.CPU.Client.Share, r.CPU.Server.Share, rest),
			Advice:  "measure when the machine is quiet, or compare by bench ab, whose pairs cancel what comes and goes",
			Numbers: map[string]float64{"busy": busy, "client": r.CPU.Client.Share, "server": r.CPU.Server.Share, "others": rest},
		}
	}
	return nil
}

func dropped(r *outcome.Result) *outcome.Diagnosis {
	n := counter(r, "softnet", "dropped")
	if n == 0 {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "softnet-drops", Title: "packets dropped before TCP saw them",
		Text:    fmt.Sprintf("the queue of received packets was full %.0f times (net.core.netdev_max_backlog is %s).", n, r.Host.Settings["net.core.netdev_max_backlog"]),
		Advice:  "a longer net.core.netdev_max_backlog, or receiving on more processors",
		Numbers: map[string]float64{"dropped": n},
	}
}

// Bounds of what counts as being at the limit.
const (
	full      = 0.85 // of a processor: a thread that is hardly ever without work
	someIdle  = 0.05 // of the machine, not used although there was work
	muchWakes = 0.25 // of a transaction's time
)

// reconnects reports whether each transaction has a connection of its own.
func reconnects(r *outcome.Result) bool {
	return r.Totals.Transactions > 0 && r.Totals.Connections*2 > r.Totals.Transactions
}

// wakeCost is what it takes to wake a thread on another processor, one way.
func wakeCost(r *outcome.Result) int64 {
	return max(r.Host.Probe.WakeCross, r.Host.Probe.WakeSame) / 2
}

// oneAcceptor reports whether one thread accepts for a server that could use more.
func oneAcceptor(r *outcome.Result) bool {
	return r.Server.Listeners == 1 && (len(r.Server.Acceptors) == 1 || r.Params.SingleAcceptor) && r.Host.Processors > 1
}

func singleAcceptor(r *outcome.Result) *outcome.Diagnosis {
	if !oneAcceptor(r) || !reconnects(r) {
		return nil
	}
	d := &outcome.Diagnosis{
		ID: "single-acceptor", Title: "single acceptor",
		Advice: "an acceptor for each processor (SO_REUSEPORT), which answers what it accepts: leave --single-acceptor out; or connections that stay open, " +
			"which are accepted once: the same command with http-keepalive, or rr, shows what that saves",
		Numbers: map[string]float64{
			"acceptor": r.CPU.Server.Acceptor, "workers": float64(r.Server.Workers), "processors": float64(r.Host.Processors), "idle": idle(r),
			"sleeps": r.CPU.Server.Sleeps, "wake_cross_us": float64(r.Host.Probe.WakeCross) / 1e3, "wake_same_us": float64(r.Host.Probe.WakeSame) / 1e3,
			"server_us": r.CPU.Server.Micros,
		},
	}
	d.Text = fmt.Sprintf("one thread accepts every connection of a server that has %d processors", r.Host.Processors)
	if r.CPU.Server.Acceptor > 0 {
		d.Text += fmt.Sprintf(": it was busy for %s of the time while the machine was idle for %s", percent(r.CPU.Server.Acceptor), percent(idle(r)))
	}
	d.Text += fmt.Sprintf(". It hands each connection to one of %d other threads, which has to be woken when it sleeps: the server slept %.2f times a transaction, "+
		"and waking a thread here costs %s to and fro on another processor, %s on the same.",
		r.Server.Workers, r.CPU.Server.Sleeps, micros(r.Host.Probe.WakeCross), micros(r.Host.Probe.WakeSame))
	if r.CPU.Server.Micros > 0 {
		d.Text += fmt.Sprintf(" A connection costs the server %.1f µs of processor time.", r.CPU.Server.Micros)
	}
	d.Text += " No setting of the network card or of TCP changes that."
	return d
}

// spared says why the acceptor, single as it is, is not what bounds connections
// that stay.
func spared(r *outcome.Result) *outcome.Diagnosis {
	if !oneAcceptor(r) || reconnects(r) || r.Totals.Transactions == 0 {
		return nil
	}
	made := max(r.Totals.Connections, int64(r.Params.Connections))
	return &outcome.Diagnosis{
		ID: "acceptor-spared", Title: "a single acceptor that has nothing to do",
		Text: fmt.Sprintf("one thread accepts every connection, and it does not matter: %d transactions needed %d connections, so it was busy for %s of the time. "+
			"The server slept %.2f times a transaction and used %.1f µs for it, since whoever reads a connection also answers it.",
			r.Totals.Transactions, made, percent(r.CPU.Server.Acceptor), r.CPU.Server.Sleeps, r.CPU.Server.Micros),
		Advice: "the same command with a connection for each transaction (http-close, crr) shows what accepting costs",
		Numbers: map[string]float64{
			"transactions": float64(r.Totals.Transactions), "connections": float64(made), "acceptor": r.CPU.Server.Acceptor,
			"sleeps": r.CPU.Server.Sleeps, "server_us": r.CPU.Server.Micros,
		},
	}
}

func wakeUps(r *outcome.Result) *outcome.Diagnosis {
	wake, sleeps := wakeCost(r), r.CPU.Server.Sleeps+r.CPU.Client.Sleeps
	if wake == 0 || r.Latency.Total.P50 == 0 || r.Rate.Mean == 0 || r.Params.Rate > 0 || !r.CPU.Server.Known {
		return nil
	}
	// With few connections a wake-up is waited for; with many it is work.
	each := float64(r.Host.Processors) / r.Rate.Mean * 1e9
	if r.Params.Connections < r.Host.Processors*2 {
		each = float64(r.Params.Connections) / r.Rate.Mean * 1e9
	}
	part := sleeps * float64(wake) / each
	if part < muchWakes || idle(r) < someIdle {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "wake-ups", Title: "wake-up bound",
		Text: fmt.Sprintf("each transaction puts threads to sleep and wakes them %.2f times (%.2f in the server, %.2f in the client), at up to %s a wake-up on this machine: "+
			"about %s of the %.1f µs that a transaction has, while the processors idle for %s of the time. With %d connections in flight the rate is one over the latency, not the capacity.",
			sleeps, r.CPU.Server.Sleeps, r.CPU.Client.Sleeps, micros(wake), percent(min(part, 1)), each/1e3, percent(idle(r)), r.Params.Connections),
		Advice: "more connections in flight measure the capacity; on a virtual machine: halt polling in guest or host, APICv or AVIC, processors pinned by the host",
		Numbers: map[string]float64{
			"sleeps": sleeps, "wake_us": float64(wake) / 1e3, "part": part, "idle": idle(r), "connections": float64(r.Params.Connections),
		},
	}
}

func client(r *outcome.Result) *outcome.Diagnosis {
	c, s := r.CPU.Client, r.CPU.Server
	if !c.Known || r.Params.Rate > 0 {
		return nil
	}
	busy := 1 - idle(r)
	d := &outcome.Diagnosis{
		ID: "client-bound", Title: "you are measuring the client",
		Advice: "a client on another machine, or with processors of its own (taskset); compare CPU per transaction, which the client does not change",
		Numbers: map[string]float64{
			"client_us": c.Micros, "server_us": s.Micros, "client_share": c.Share, "server_share": s.Share, "busiest": c.Busiest, "busy": busy,
		},
	}
	switch {
	case s.Known && c.Share > s.Share && busy > 1-someIdle:
		d.Text = fmt.Sprintf("the machine is full (%s busy), and most of it is the client: %.1f µs a transaction, the server's %.1f µs. Both share %d processors (%.2f and %.2f of them), "+
			"so a cheaper server would gain less here than it gains.", percent(busy), c.Micros, s.Micros, r.Host.Processors, c.Share, s.Share)
	case c.Busiest > full && c.Share > s.Share && (!s.Known || s.Busiest < full):
		d.Text = fmt.Sprintf("the client's busiest thread (%s) worked for %s of the time, %.1f µs a transaction", c.Name, percent(c.Busiest), c.Micros)
		if s.Known {
			d.Text += fmt.Sprintf("; the server's worked for %s", percent(s.Busiest))
		}
		d.Text += ". The rate is what the client can ask for."
	default:
		return nil
	}
	return d
}

func behind(r *outcome.Result) *outcome.Diagnosis {
	if r.Params.Rate == 0 || r.Rate.Mean >= r.Params.Rate*0.98 && r.Totals.Behind == 0 {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "rate-not-reached", Title: "the rate was not reached",
		Text: fmt.Sprintf("asked for %s a second, got %s; %d transactions were due and never began, since all %d connections were in use. "+
			"Latencies count from when a transaction was due, so they grow for as long as this is measured.", rounded(r.Params.Rate), rounded(r.Rate.Mean), r.Totals.Behind, r.Params.Connections),
		Advice:  "a lower --rate, for latencies below capacity; a closed loop (-c) finds what the capacity is",
		Numbers: map[string]float64{"asked": r.Params.Rate, "got": r.Rate.Mean, "behind": float64(r.Totals.Behind)},
	}
}

func uncertain(r *outcome.Result) *outcome.Diagnosis {
	half, ok := r.Rate.Half()
	if !ok || r.Reached {
		return nil
	}
	return &outcome.Diagnosis{
		ID: "uncertain", Title: "the interval is wide",
		Text:    fmt.Sprintf("after %d repetitions the mean is known to ±%.1f %% at 95 %%; ±2.5 %% was aimed at. Differences below that are noise.", len(r.Reps), half*100),
		Advice:  "a quieter machine, a longer --duration or a higher --repeat; for differences, bench ab, whose pairs cancel drift",
		Numbers: map[string]float64{"half": half, "repetitions": float64(len(r.Reps))},
	}
}
