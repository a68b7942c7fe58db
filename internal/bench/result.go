package bench

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"fishplate/internal/bench/count"
	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/stats"
)

// result puts together what was measured.
func (s *session) result(host outcome.Host) *outcome.Result {
	t := s.tally
	r := &outcome.Result{
		Schema: outcome.Schema, At: time.Now().UTC().Truncate(time.Second), Version: s.o.Version,
		Params: s.o.Params, Hash: s.o.Params.Hash(), Host: host, Server: s.server,
		Rate: stats.Of(s.rates), Reps: s.reps, Errors: t.Errors, Counters: outcome.Counters{},
		Totals: outcome.Totals{
			Seconds: t.Window.Seconds(), Watched: t.Watched.Seconds(), Transactions: t.Transactions, Connections: t.Connections, Errors: t.Failed(), Behind: t.Behind, Late: t.Late,
		},
		Latency: outcome.Latencies{From: "begun", Connect: latency(t.Connect), First: latency(t.First), Total: latency(t.Total)},
		CPU:     outcome.CPU{Client: s.side(s.client), Server: s.side(s.serve)},
	}
	if s.o.Params.Rate > 0 {
		r.Latency.From = "intended"
	}
	if half, ok := r.Rate.Half(); ok {
		r.Reached = half <= enough
	}
	for _, id := range s.server.Acceptors {
		r.CPU.Server.Acceptor = max(r.CPU.Server.Acceptor, share(s.serve[id].Run, t.Watched))
	}
	for name, g := range s.delta.Groups {
		r.Counters[name] = g
	}
	for _, p := range s.delta.Processors {
		r.Processors = append(r.Processors, shares(p))
	}
	for _, k := range t.Ticks {
		r.Seconds = append(r.Seconds, outcome.Second{
			At: k.At.Seconds(), Rate: k.Rate, P50: int64(k.P50), P99: int64(k.P99), Flying: k.Flying, Behind: k.Behind, Errors: k.Errors,
		})
	}
	return r
}

func share(nanoseconds int64, of time.Duration) float64 {
	if of <= 0 {
		return 0
	}
	return float64(nanoseconds) / float64(of)
}

func shares(p count.Processor) outcome.Share {
	all := float64(max(p.Total(), 1))
	return outcome.Share{
		User: float64(p.User) / all, System: float64(p.System) / all, Softirq: float64(p.Softirq) / all,
		Irq: float64(p.Irq) / all, Steal: float64(p.Steal) / all, Idle: float64(p.Idle) / all,
	}
}

// side says what a process used for each transaction.
func (s *session) side(u count.Usage) outcome.Side {
	all, busiest := u.Sum(), u.Busiest()
	if all.Run == 0 || s.tally.Watched == 0 {
		return outcome.Side{}
	}
	side := outcome.Side{
		Known: true, Share: share(all.Run, s.tally.Watched), Busiest: share(busiest.Run, s.tally.Watched), Name: busiest.Name,
		Waiting: share(all.Wait, s.tally.Watched),
	}
	// Those that were made while it was watched: a client that did not get to run
	// began to watch late.
	if n := float64(s.tally.Transactions) * share(int64(s.tally.Watched), s.tally.Window); n > 0 {
		side.Micros = float64(all.Run) / 1e3 / n
		side.Sleeps = float64(all.Sleeps) / n
	}
	for _, t := range u {
		if t.Run > 0 {
			side.Threads++
		}
	}
	return side
}

func latency(h *hdr.Histogram) outcome.Latency {
	l := outcome.Latency{Count: h.TotalCount()}
	if l.Count == 0 {
		return l
	}
	l.Min, l.Max, l.Mean = h.Min(), h.Max(), h.Mean()
	l.P50, l.P90, l.P99, l.P999 = h.ValueAtPercentile(50), h.ValueAtPercentile(90), h.ValueAtPercentile(99), h.ValueAtPercentile(99.9)
	// Half the distance to 100 % in five steps, again and again: as fine at the
	// end, where it matters, as in the middle.
	for _, b := range h.CumulativeDistributionWithTicks(5) {
		l.Curve = append(l.Curve, outcome.Point{Share: b.Quantile / 100, Value: b.ValueAt})
	}
	return l
}
