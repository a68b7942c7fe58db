package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fishplate/cmd/fishplate/binder"
	"fishplate/cmd/fishplate/claim"
	"fishplate/cmd/fishplate/given"
	"fishplate/cmd/fishplate/notify"
	"fishplate/cmd/fishplate/pulse"
	"fishplate/cmd/fishplate/reading"
	"fishplate/cmd/fishplate/show"
	"fishplate/cmd/fishplate/wanted"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/cert"
	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/dashboard"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/program"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// drainTime is how long a SIGTERM waits for exchanges that are under way.
const drainTime = 30 * time.Second

// gcPercent is how far the heap may grow before it is collected, in percent of
// what lives. A proxy's heap is small, and each collection empties the pools of
// buffers: at Go's 100 with its minimum of 4 MiB that happened many times a second.
const gcPercent = 400

// Process is a running `serve`: every room, connected.
type Process struct {
	estate
	control *control.Controller
	pulse   *pulse.Pulse
	causes  *metrics.Words
	started time.Time
	version string
	secret  []byte
	state   string
	lasting bool         // programs by the API outlive the process
	bound   string       // Options.Bound
	claim   *claim.Claim // on state

	manager     *notify.Manager
	predecessor atomic.Int64  // the process before, while it drains
	done        chan struct{} // closed when another process has taken over
}

// Options are what a process is started with.
type Options struct {
	Path    string // that Load reads, now and at each reload
	Load    reading.Load
	Parse   reading.Parse // a text of the history
	State   string        // folder of what outlives the process
	Version string
	Stderr  io.Writer        // the operational log, and why a start is refused
	Ready   func(p *Process) // called once it answers; nil is nothing
	From    *Inheritance     // of the process whose place this one takes; nil is none
	Binder  *binder.Line     // to who opens ports below 1024; nil is nobody
	Pulse   time.Duration    // between two looks of the doctor; 0 is a minute
	Bound   string           // why no other process can take its place; "" is that one can
}

// ErrRefused says that the configuration was refused; why stands on Stderr.
var ErrRefused = errors.New("the configuration was refused")

// Serve runs until a signal or ctx ends it. Read it from top to bottom: this is
// the order in which things are made, and the reverse of the order in which
// they end.
func Serve(ctx context.Context, o Options) error {
	// One processor for guests' long runs, one for the network, on one core too.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	logger := slog.New(slog.NewTextHandler(o.Stderr, nil))
	secret, claimed, err := o.From.state(o.State, logger)
	if err != nil {
		return o.From.failed(err)
	}

	p := &Process{version: o.Version, causes: metrics.NewWords(256), started: time.Now(), secret: secret, state: o.State, claim: claimed, done: make(chan struct{})}
	p.heir.passed, p.manager = netio.Passed(isShelved), notify.Find()
	p.shelf = shelf{p.manager, logger}
	p.heir.sockets, p.heir.passed = recall(p.heir.passed)
	p.binder = o.Binder
	p.binder.Watch(func(err error) { logger.Warn("binder", "error", err) })
	p.logger, p.process, p.proxy, p.spin = logger, metrics.Process.New(), proxy.NewEstate(), wanted.NewSpin(logger)
	p.listeners, p.leaving, p.logs = map[string]*openListener{}, map[*openListener]bool{}, map[string]*openLog{}
	p.backends = upstream.NewSet(upstream.Options{Logger: logger, Secret: derive(secret, "persistence"), Exhausted: p.unconnected})
	p.certs = cert.NewStore(cert.Options{})
	p.caches = cache.New(cache.Options{Logger: logger})
	gifts := given.Open(o.State, logger)
	p.tenants = tenant.NewSet(tenant.Options{
		Logger: logger, CacheLook: p.look, Objects: p.caches.Values(), ReadFile: programs(o.State, logger).Read, Kept: gifts.Read,
	})
	p.server, err = proxy.New(proxy.Options{
		Logger: logger, Estate: p.proxy, Process: p.process, Causes: p.causes, DebugKey: derive(secret, "debug"),
	})
	if err != nil {
		claimed.Close()
		return err
	}
	p.control = control.New(control.Options{
		Load: o.Load, Diff: diffConfig, Builder: &p.estate, Logger: logger, Census: p.census, Remark: p.remark, Settled: p.settled,
		Digest: program.Fingerprint, Parse: o.Parse, Reloading: p.tellReloading, Upgrade: p.upgradeBySignal, Succeeded: p.done,
		Programs: gifts, Give: config.Give,
	})
	gifts.Connect(p.control, p.tenants)
	p.pulse = pulse.New(pulse.Options{Logger: logger, Open: p.sockets, Config: p.control.Running, Refused: p.refused, Every: o.Pulse})
	p.lasting, p.bound = gifts.Lasting(), o.Bound
	p.admin = admin.New(admin.Options{
		Version: o.Version, Control: p.control, Status: p.status, Explain: p.explain, Log: p.log,
		Readings: p.readings, Words: p.words, Logger: logger, Purge: p.purge, Cache: p.cacheQuestion,
		Tenants: p.tenants, Programs: gifts, Upgrade: p.upgrade, OpenReads: func() bool { return !p.near.Load() }, Page: dashboard.Handler(),
		Listen: p.binder.Listen,
	})

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR2)
	defer signal.Stop(signals)
	// A program may be compiled for minutes: who wants the process to end does not
	// wait for that.
	starting, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	if o.From == nil {
		err = p.control.Start(starting, o.Path)
	} else {
		err = p.succeed(starting, o.From)
	}
	interrupted := err != nil && starting.Err() != nil
	stop()
	switch {
	case interrupted:
		logger.Info("ended before it served", "path", o.Path, "problem", err)
		p.server.Close()
		err = o.From.failed(nil)
	case err == nil:
		logger.Info("serving", "path", o.Path, "pid", os.Getpid(), "version", o.Version)
		if o.Ready != nil {
			o.Ready(p)
		}
		p.tellReady()
		watched, unwatch := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() { p.watch(watched) })
		watch.Go(func() { p.pulse.Run(watched) })
		err = p.control.Signals(ctx, signals, drainTime, func(ctx context.Context) error {
			p.tellLeaving()
			return p.shutdown(ctx)
		})
		unwatch()
		watch.Wait()
	default:
		var refusal control.Refusal
		if errors.As(err, &refusal) {
			show.Problems(o.Stderr, refusal, nil)
			err = ErrRefused
		}
		p.server.Close()
	}
	p.end(err)
	return err
}

// end closes every room, in reverse.
func (p *Process) end(err error) {
	if errors.Is(err, control.ErrImpatient) {
		return // asked twice: the system cleans up faster than we do
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !p.succeeded() { // else it has left already
		p.admin.Close()
	}
	p.control.Close(ctx)
	p.close()
	p.claim.Close() // nothing is written to the state folder any more
	p.logger.Info("ended", "after", fmt.Sprint(time.Since(p.started).Round(time.Millisecond)))
}

// settled counts how transactions end.
func (p *Process) settled(generation uint64, committed bool) {
	if committed {
		p.process.Add(0, metrics.ProcessReloads, 1)
		p.tell(p.statusLine())
	} else {
		p.process.Add(0, metrics.ProcessRefused, 1)
	}
	p.admin.Settled(generation, committed)
}

// look answers a guest that asks what its tenant's cache has for a request.
func (p *Process) look(tenant string, key []byte, req *message.Request) (status int, age time.Duration, size int64, ok bool) {
	g := p.server.Current()
	if g == nil {
		return 0, 0, 0, false
	}
	policy := g.CachePolicy(req)
	if policy == nil || policy.Tenant() != tenant {
		return 0, 0, 0, false
	}
	return policy.Peek(req, key, time.Now())
}

// Addresses returns the addresses that are really open, by listener.
func (p *Process) Addresses() map[string][]string {
	open, _ := p.addresses()
	return open
}

// Admin returns where the admin API answers; "" is nowhere.
func (p *Process) Admin() (socket, bind string) { return p.admin.Addresses() }
