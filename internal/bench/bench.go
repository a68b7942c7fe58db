package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"

	"fishplate/internal/bench/count"
	"fishplate/internal/bench/diagnose"
	"fishplate/internal/bench/load"
	"fishplate/internal/bench/outcome"
	"fishplate/internal/bench/stats"
)

// Options say what to measure and how.
type Options struct {
	Params  Params
	Warm    time.Duration // before each repetition
	Timeout time.Duration // of one transaction
	Version string
	Stack   []Layer // of the machine, the outermost first, for those who read the result
	Serve   Starter // of the server; nil starts a process of this program
	// Progress is called with each look at what happens; nil is nobody.
	Progress func(repetition int, t Tick)
}

// Names of the inner rooms that callers need.
type (
	Params = outcome.Params
	Result = outcome.Result
	Server = outcome.Server
	Layer  = outcome.Layer
	Tick   = load.Tick
)

// Read reads a saved result.
func Read(path string) (*Result, error) { return outcome.Read(path) }

// Defaults.
const (
	DefaultConnections = 256
	DefaultDuration    = 2 * time.Second
	DefaultRepeat      = 10
	DefaultSources     = 16
	openConnections    = 2048 // at most, in an open loop
	spareDescriptors   = 64   // for what is not a connection
	repeatLeast        = 3
	enough             = 0.025 // half of the interval, as a share of the mean
)

// complete fills in what was not said.
func (o *Options) complete() error {
	p := &o.Params
	most := descriptors() - spareDescriptors
	if p.Connections == 0 {
		p.Connections = DefaultConnections
		if p.Rate > 0 {
			p.Connections = openConnections
		}
		p.Connections = min(p.Connections, max(most, 1))
	}
	if p.Duration == 0 {
		p.Duration = DefaultDuration
	}
	if p.Repeat == 0 {
		p.Repeat = DefaultRepeat
	}
	if p.Threads == 0 {
		p.Threads = min(runtime.NumCPU(), p.Connections)
	}
	if p.Server == "" {
		p.Server = "loopback"
	}
	if p.Path == "" {
		p.Path = "/"
	}
	if p.Host == "" {
		p.Host = "bench.example"
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Warm == 0 {
		o.Warm = min(p.Duration/4, 500*time.Millisecond)
	}
	switch {
	case p.Connections < 0 || p.Rate < 0 || p.Duration < 0 || p.Repeat < 0 || p.Backlog < 0 || p.Sources < 0:
		return errors.New("a number is negative")
	case p.Connections > most:
		return fmt.Errorf("%d connections want a descriptor each, and a process may have %d here: see ulimit -n", p.Connections, most+spareDescriptors)
	case p.Server != "loopback" && (p.SingleAcceptor || p.Backlog > 0 || p.Plain):
		return errors.New("a foreign server has its own acceptors and backlog: --single-acceptor, --backlog and --plain want --loopback")
	}
	return nil
}

// session is one call of Run.
type session struct {
	o      *Options
	root   fs.FS
	server outcome.Server
	plan   load.Plan

	tally  *load.Tally
	delta  count.Delta
	client count.Usage
	serve  count.Usage
	rates  []float64
	reps   []outcome.Repetition
}

// Run measures until the interval is narrow enough, or the repetitions are
// used up, or the context ends: then the result is of what there was, with the
// context's error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	w, err := find(o.Params.Workload)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	s := &session{o: &o, root: os.DirFS("/"), tally: load.NewTally(), delta: count.NewDelta(), client: count.Usage{}, serve: count.Usage{}}
	if w.TLS && o.Params.Plain {
		return nil, fmt.Errorf("bench: the plain server has no TLS: %s is measured with the product's accept path", w.Name)
	}
	host := outcome.ReadHost(s.root)
	if o.Stack != nil {
		host.Stack = o.Stack
	}
	host.Probe = probe()
	stop, err := s.meet(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer stop()
	if s.server.Backlog == 0 && s.server.PID != 0 {
		s.server.Backlog = effectiveBacklog(o.Params.Backlog, host.Settings["net.core.somaxconn"])
	}
	target, err := netip.ParseAddrPort(s.server.Address)
	if err != nil {
		return nil, fmt.Errorf("bench: server's address: %w", err)
	}
	s.plan = o.planOf(w, target)
	for ctx.Err() == nil && !s.enough() {
		if err := s.repeat(ctx); err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
	}
	r := s.result(host)
	r.Diagnosis = diagnose.All(r)
	return r, ctx.Err()
}

// effectiveBacklog is what the kernel makes of a backlog, without a word.
func effectiveBacklog(asked int, somaxconn string) int {
	if asked == 0 {
		asked = 65535
	}
	if n, err := strconv.Atoi(somaxconn); err == nil {
		return min(asked, n)
	}
	return asked
}

// meet starts the built-in server, or finds the foreign one.
func (s *session) meet(ctx context.Context, w Workload) (stop func(), err error) {
	p := s.o.Params
	if p.Server == "loopback" {
		start := s.o.Serve
		if start == nil {
			start = spawn
		}
		s.server, stop, err = start(ctx, ServerOptions{
			Address: "127.0.0.1:0", Workload: w.Name, Plain: p.Plain, SingleAcceptor: p.SingleAcceptor, Backlog: p.Backlog,
		})
		return stop, err
	}
	a, err := net.DefaultResolver.LookupNetIP(ctx, "ip", hostOf(p.Server))
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(p.Server)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	address := netip.AddrPortFrom(a[0].Unmap(), uint16(number))
	s.server = outcome.Server{Address: address.String()}
	return func() {}, nil
}

func hostOf(server string) string {
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return server
	}
	return host
}

// enough reports whether the mean is known well enough.
func (s *session) enough() bool {
	n := len(s.rates)
	if n >= s.o.Params.Repeat {
		return true
	}
	if n < repeatLeast {
		return false
	}
	half, ok := stats.Of(s.rates).Half()
	return ok && half <= enough
}

// repeat measures once.
func (s *session) repeat(ctx context.Context) error {
	var counted count.Sample
	var client, server count.Usage
	tick := time.Second
	if s.o.Params.Duration < 2*tick {
		tick = s.o.Params.Duration / 2
	}
	t, err := load.Run(ctx, s.plan, load.Window{
		Warm: s.o.Warm, Length: s.o.Params.Duration, Tick: tick,
		Begin: func() {
			counted = count.Take(s.root)
			client = count.TakeProcess(s.root, os.Getpid())
			server = count.TakeProcess(s.root, s.server.PID)
		},
		End: func() {
			s.client.Add(count.TakeProcess(s.root, os.Getpid()).Since(client))
			s.serve.Add(count.TakeProcess(s.root, s.server.PID).Since(server))
			s.delta.Add(count.Take(s.root).Since(counted))
		},
		OnTick: func(t load.Tick) {
			if s.o.Progress != nil {
				s.o.Progress(len(s.rates)+1, t)
			}
		},
	})
	if t == nil || t.Window <= 0 {
		return err
	}
	s.tally.Add(t)
	if err != nil && t.Window < s.o.Params.Duration/2 && len(s.rates) > 0 {
		return err // a piece that is cut short says less than the whole ones
	}
	rate := float64(t.Transactions) / t.Window.Seconds()
	s.rates = append(s.rates, rate)
	s.reps = append(s.reps, outcome.Repetition{
		Seconds: t.Window.Seconds(), Transactions: t.Transactions, Rate: rate,
		P50: t.Total.ValueAtPercentile(50), P99: t.Total.ValueAtPercentile(99), Errors: t.Failed(),
	})
	return err
}
