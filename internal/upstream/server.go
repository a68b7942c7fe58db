package upstream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/health"
	"fishplate/internal/upstream/idle"
)

// Server is one server of the estate. It is the same object in every generation
// that names it with the same address.
type Server struct {
	node          balance.Node
	name, address string
	pinName       string // what persistence cookies call it: its name, or with the address behind it
	tag           string // pinName's tag
	group         *group
	counters      *metrics.Set
	pool          idle.Pool[*UpConn]
	track         health.Track
	errors        health.Window

	until    atomic.Int64 // Unix nanoseconds: when its grace ends; 0 = it is in the configuration
	sessions atomic.Int64 // rows of persistence tables that lead here
	pinnedAt atomic.Int64 // Unix nanoseconds of the last request that a pin led here
	ended    bool         // the end of its grace was seen to; the group's lock guards it

	mu        sync.Mutex // a leaf; guards what follows
	is        model.Server
	check     *model.Check // what the running check was started with
	checkTLS  string
	checking  bool
	stop      context.CancelFunc // of the running check; nil without
	ordered   string             // state that an operator set: "", "drain", "maintenance"
	weight    int                // that an operator set; < 0 = none
	removed   time.Time          // when it left the configuration; zero = it is in
	draining  time.Time
	slowStart time.Duration
	eject     *time.Timer // runs while an ejection lasts
	last      balance.Reason
	cold      bool // came to a backend that was running: its caches are empty
}

func newServer(g *group, m *model.Server) *Server {
	s := &Server{
		name: m.Name, address: m.Address, group: g, counters: newServerSet(), weight: -1,
		last: balance.Starting,
	}
	s.pinName = g.pinName(m)
	s.recall()
	s.tag = g.set.tagger.Tag(g.name, s.pinName)
	s.is = *m
	s.node.SetReason(balance.Starting) // until it is configured
	return s
}

// Name returns the server's name within its backend.
func (s *Server) Name() string { return s.name }

// Address returns host:port, or unix:/path.
func (s *Server) Address() string { return s.address }

// Counters returns what ServerCounters names.
func (s *Server) Counters() *metrics.Set { return s.counters }

// Active returns the connections in use.
func (s *Server) Active() int { return s.node.Active() }

// Weight returns the weight in force: the operator's, or the configured one.
func (s *Server) Weight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.weightLocked()
}

func (s *Server) weightLocked() int {
	if s.weight >= 0 {
		return s.weight
	}
	return s.is.Weight
}

// weightFor is the weight in a roster made from m: an operator's order holds
// until the configuration says something new.
func (s *Server) weightFor(m *model.Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.weight >= 0 && m.Weight == s.is.Weight {
		return s.weight
	}
	return m.Weight
}

// State returns the word of status: up, down, starting, drain, maintenance,
// ejected, slow-start or removed.
func (s *Server) State() string {
	now := time.Now().UnixNano()
	s.mu.Lock()
	gone := !s.removed.IsZero()
	s.mu.Unlock()
	if gone {
		return "removed"
	}
	switch s.node.Why(now) {
	case balance.Maintenance:
		return "maintenance"
	case balance.Drain:
		return "drain"
	case balance.Starting:
		return "starting"
	case balance.Down:
		return "down"
	case balance.Ejected:
		return "ejected"
	}
	if s.node.Share(now) < 1 {
		return "slow-start"
	}
	return "up"
}

// configure takes in what a committed generation says. It reports whether the
// server may have become usable.
func (s *Server) configure(m *model.Server, b *model.Backend, now time.Time) bool {
	s.mu.Lock()
	// What an operator set holds until the file says something new.
	if m.Weight != s.is.Weight {
		s.weight = -1
	}
	if m.State != s.is.State {
		s.ordered = ""
	}
	s.is = *m
	s.removed, s.ended = time.Time{}, false
	s.until.Store(0)
	s.slowStart = m.SlowStart
	if s.slowStart == 0 {
		s.slowStart = b.SlowStart
	}
	if b.Eject == nil && s.eject != nil { // nobody wants it out any more
		s.eject.Stop()
		s.node.Eject(time.Time{})
	}
	s.mu.Unlock()
	s.pool.Open()
	s.node.SetMax(m.MaxConnections)
	return s.refresh(now)
}

// refresh computes why the server is out, if it is, from orders and checks. It
// reports whether it came back.
func (s *Server) refresh(now time.Time) bool {
	state, _ := s.track.State()
	s.mu.Lock()
	order := s.ordered
	if order == "" {
		order = s.is.State
	}
	r := balance.In
	switch {
	case order == "maintenance":
		r = balance.Maintenance
	case order == "drain":
		r = balance.Drain
	case !s.checking || state == health.Up:
	case state == health.Down:
		r = balance.Down
	default:
		r = balance.Starting
	}
	was := s.last
	s.last = r
	s.node.SetReason(r)
	if r == balance.Drain && s.draining.IsZero() {
		s.draining = now
	} else if r != balance.Drain && s.removed.IsZero() {
		s.draining = time.Time{}
	}
	back := was != balance.In && r == balance.In
	if back && s.slowStart > 0 && was != balance.Drain && (was != balance.Starting || s.cold) {
		s.node.Ramp(now, s.slowStart)
	}
	s.mu.Unlock()
	if was != r {
		s.group.set.log.LogAttrs(context.Background(), slog.LevelInfo, "server state",
			slog.String("backend", s.group.name), slog.String("server", s.name), slog.String("from", was.String()), slog.String("to", r.String()))
	}
	return back
}

// setCheck starts, restarts or ends the active check. It is called with the
// estate's commit serialised, and awaits nothing.
func (s *Server) setCheck(b *Backend) {
	want, print := b.model.Check, ""
	if b.tls != nil {
		print = b.tls.Print
	}
	s.mu.Lock()
	if s.check != nil && want != nil && *s.check == *want && s.checkTLS == print {
		s.mu.Unlock()
		return
	}
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	var ctx context.Context
	if want == nil {
		s.check, s.checking = nil, false
	} else {
		c := *want
		s.check, s.checking, s.checkTLS = &c, true, print
		ctx, s.stop = context.WithCancel(s.group.set.life)
	}
	s.mu.Unlock()
	if want == nil {
		s.track.Trust(time.Now()) // it serves, and goes on when it is checked later
		return
	}
	s.group.set.start(func() { s.runCheck(ctx, b, *want) })
}

// endCheck ends the active check for good.
func (s *Server) endCheck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	s.check, s.checking = nil, false
	if s.eject != nil {
		s.eject.Stop()
	}
}

// runCheck probes until ctx ends.
func (s *Server) runCheck(ctx context.Context, b *Backend, c model.Check) {
	host := c.Host
	if host == "" {
		host = s.address
	}
	p := &health.Probe{
		Kind: c.Kind, Path: c.Path, Host: host, Low: c.StatusLow, High: c.StatusHigh, Timeout: c.Timeout,
		LoadHeader: c.LoadHeader, Dial: b.checkDial(s),
	}
	probe := p.Run
	if s.group.set.probe != nil {
		probe = func(ctx context.Context) health.Result { return s.group.set.probe(ctx, s, p) }
	}
	health.Run(ctx, c.Interval, probe, func(r health.Result) { s.checked(r, c) })
}

// checked takes in one result of the active check.
func (s *Server) checked(r health.Result, c model.Check) {
	if tell := s.group.set.options.Exhausted; r.Moot != nil {
		if tell != nil {
			tell(s.name, r.Moot)
		}
		return
	}
	shard := metrics.Shard(0)
	s.counters.Add(shard, ServerChecks, 1)
	if !r.OK {
		s.counters.Add(shard, ServerCheckFailures, 1)
	}
	now := time.Now()
	if r.HasLoad {
		s.node.Report(now.UnixNano(), r.Load)
	}
	state, changed := s.track.Observe(r, c.Rise, c.Fall)
	if !changed {
		return
	}
	level := slog.LevelInfo
	if state == health.Down {
		level = slog.LevelWarn
	}
	s.group.set.log.LogAttrs(context.Background(), level, "server check",
		slog.String("backend", s.group.name), slog.String("server", s.name), slog.String("state", state.String()), slog.String("cause", r.Cause))
	if s.refresh(now) || state == health.Down {
		// Both directions: a waiting request may now have a server, or must
		// learn that it has none to wait for.
		s.group.queue.Stir()
	}
	if state == health.Down {
		s.pool.Close()
		s.pool.Open()
	}
}
