package proxy

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
)

// Options hand a Server what it works with. All are required but DebugKey.
type Options struct {
	Logger   *slog.Logger
	Estate   *Estate
	Process  *metrics.Set   // metrics.Process
	Causes   *metrics.Words // faults by cause
	DebugKey []byte         // key of the signed debug field; nil turns it off
}

// A Server runs sessions under the current generation.
type Server struct {
	logger   *slog.Logger
	estate   *Estate
	process  *metrics.Set
	causes   *metrics.Words
	debugKey []byte

	current atomic.Pointer[Generation]
	logs    atomic.Pointer[[]*Log]
	wheel   *wheel
	parker  *netio.Parker
	turns   *netio.Turns

	// alone says that there is one processor. Then a session lets the others run
	// before it reads again: by that time its client's next request has often
	// come, which saves the failing read and the wait. Beside more processors it
	// would wake them.
	alone bool
	spare int32 // goroutines that may take clients of a shard besides its acceptor

	quota       netio.Quota  // of clients
	exhaustedAt atomic.Int64 // wheel time of the latest warning
	portlessAt  atomic.Int64 // of another
	pool        sync.Pool    // of *exchange
	hands       hands

	ctx       context.Context // ends when sessions must stop
	cancel    context.CancelFunc
	draining  atomic.Bool
	patient   atomic.Bool   // while draining, idle connections are not closed: see Retire
	open      atomic.Int64  // sessions
	none      chan struct{} // receives when open falls to zero
	mirrors   mirrors
	fillers   fillers
	refreshes refreshes
	includes  sync.WaitGroup // inner exchanges of pages that are composed
	// through is exchange.guarded. A step calls it by way of the Server, since
	// the table of steps cannot be initialised by what refers to it.
	through  func(x *exchange, from step) outcome
	wheelRan sync.WaitGroup
	started  time.Time
}

// New returns a Server without a generation: Swap gives it one before Serve.
func New(o Options) (*Server, error) {
	parker, err := netio.NewParker()
	if err != nil {
		return nil, err
	}
	turns, err := netio.NewTurns()
	if err != nil {
		parker.Close()
		return nil, err
	}
	s := &Server{
		logger: o.Logger, estate: o.Estate, process: o.Process, causes: o.Causes, debugKey: o.DebugKey,
		wheel: newWheel(), parker: parker, turns: turns, hands: newHands(), none: make(chan struct{}, 1), started: time.Now(),
	}
	s.through = (*exchange).guarded
	s.quota.Open = s.wanting
	if s.alone = runtime.NumCPU() == 1; !s.alone {
		s.spare = int32(runtime.GOMAXPROCS(0) - 1)
	}
	s.logs.Store(&[]*Log{})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mirrors.init(s)
	s.refreshes.init()
	s.wheelRan.Go(func() { s.wheel.run(s.ctx.Done()) })
	s.wheelRan.Go(func() { s.tidy(s.ctx.Done()) })
	return s, nil
}

// Swap makes g the generation of every request that is read from now on, and
// returns the one before it. One goroutine at a time calls it.
func (s *Server) Swap(g *Generation) *Generation {
	s.process.Add(0, metrics.ProcessGeneration, int64(g.ID)-s.process.Value(metrics.ProcessGeneration))
	s.logs.Store(&g.Logs)
	if old := s.current.Load(); old != nil {
		g.succeed(old, time.Now())
	}
	return s.current.Swap(g)
}

// Current returns the running generation, nil before the first Swap.
func (s *Server) Current() *Generation { return s.current.Load() }

// Serve accepts on every shard of l until l is closed, as the listener that
// name returns at the time. It returns when the shards' loops have ended; the
// sessions go on.
func (s *Server) Serve(l *netio.Listener, name func() string) {
	l.OnExhausted(func() { s.Exhausted("new connections are closed", "listener", name()) })
	l.Admit(&s.quota)
	var loops, watcher sync.WaitGroup
	for i := range l.Shards() {
		loops.Add(1)
		a := s.acceptor(l, i, name, loops.Done)
		s.hands.lead(a.run)
	}
	if l.Shards() > 1 {
		done := make(chan struct{})
		watcher.Go(func() { s.watch(l, name, done) })
		defer watcher.Wait()
		defer close(done)
	}
	loops.Wait()
}

// wanting is how many clients there are that may want a connection to a server each.
func (s *Server) wanting() int64 {
	if g := s.current.Load(); g == nil || len(g.Backends) == 0 {
		return 0
	}
	return s.open.Load()
}

// Exhausted counts that somebody found no descriptor, and says so once in a while,
// with what came of it for whom.
func (s *Server) Exhausted(outcome, whom, name string) {
	s.short(metrics.ProcessDescriptors, &s.exhaustedAt,
		"out of file descriptors: "+outcome+" (raise the limit: ulimit -n, LimitNOFILE=; fishplate doctor --only sys.nofile)", whom, name)
}

// Unconnected is Exhausted for a connection to a server, which may have failed for
// want of a local port, too.
func (s *Server) Unconnected(server string, err error) {
	const outcome = "servers cannot be connected to"
	if !netio.OutOfPorts(err) {
		s.Exhausted(outcome, "server", server)
		return
	}
	s.short(metrics.ProcessPorts, &s.portlessAt,
		"out of local ports: "+outcome+" (keep connections: pool { idle }; have more ports: fishplate doctor --only tcp.ports)", "server", server)
}

func (s *Server) short(cell int, said *atomic.Int64, text, whom, name string) {
	s.process.Add(0, cell, 1)
	now := s.wheel.now()
	if last := said.Load(); (last == 0 || now-last > int64(10*time.Second)) && said.CompareAndSwap(last, now) {
		s.logger.Warn(text, whom, name)
	}
}

// attach gives the session an exchange.
func (s *Server) attach(t *session) *exchange {
	x, _ := s.pool.Get().(*exchange)
	if x == nil {
		x = &exchange{srv: s, origin: new(http1.Reader)}
		x.left = func() bool {
			// Behind TLS a client that leaves says so before: that lies unread.
			return x.s.net != nil && (x.s.net.Gone() || x.s.tls != nil && x.s.net.Ended())
		}
		x.upload.done = make(chan struct{}, 1)
	}
	x.s = t
	x.reset()
	if t.plan != nil {
		x.reader.Init(t.stream, t.plan.Limits)
	}
	return x
}

// detach takes it back.
func (s *Server) detach(x *exchange) {
	x.release()
	x.reader.Release()
	x.s = nil
	x.reset()
	s.pool.Put(x)
}

// park leaves an idle session to the parker. False means that it must be closed.
func (s *Server) park(t *session) bool {
	if s.hurried() {
		return false
	}
	s.process.Add(t.shard, metrics.ProcessParked, 1)
	if s.parker.Park(t.net, s.wheel.deadline(t.idleDue), func(_ *netio.Conn, expired bool) { t.wake(expired) }) {
		return true
	}
	s.process.Add(t.shard, metrics.ProcessParked, -1)
	return false
}

func (s *Server) left(*session) {
	if s.open.Add(-1) == 0 && s.draining.Load() {
		select {
		case s.none <- struct{}{}:
		default:
		}
	}
}

// Drain closes idle connections, announces to the others that they end with
// their present exchange, and returns when all have, or with ctx's error.
// Listeners are closed by their owner before.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	s.patient.Store(false)
	s.parker.ExpireAll()
	return s.emptied(ctx)
}

// Retire is Drain for a process whose place another one has taken: an idle
// connection stays open until its next request, which is answered, or until the
// idle time of its listener is over. To close it now could cost its client a
// request that is on its way.
func (s *Server) Retire(ctx context.Context) error {
	s.patient.Store(true)
	s.draining.Store(true)
	return s.emptied(ctx)
}

// hurried says that idle connections are closed.
func (s *Server) hurried() bool { return s.draining.Load() && !s.patient.Load() }

// emptied returns when no session is left, or with ctx's error.
func (s *Server) emptied(ctx context.Context) error {
	if s.open.Load() == 0 {
		return nil
	}
	for {
		select {
		case <-s.none:
			if s.open.Load() == 0 {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends every session at once and returns when they are gone.
func (s *Server) Close() {
	s.draining.Store(true)
	s.wheel.all.Store(true)
	s.parker.Close()
	for s.open.Load() > 0 {
		s.wheel.sweep()
		select {
		case <-s.none:
		case <-time.After(sweepEvery):
		}
	}
	s.hands.close()
	s.turns.Close()
	s.cancel()
	s.closeFetches()
	s.wheelRan.Wait()
	s.mirrors.close()
}

// closeFetches ends what is fetched for the store without a client.
func (s *Server) closeFetches() {
	done := make(chan struct{})
	go func() {
		s.includes.Wait()
		s.refreshes.tasks.Wait() // they may begin fillers
		s.fillers.tasks.Wait()
		close(done)
	}()
	for {
		s.wheel.sweep()
		select {
		case <-done:
			return
		case <-time.After(sweepEvery):
		}
	}
}

// Drained returns when no exchange pins g any more, or with ctx's error.
func (s *Server) Drained(ctx context.Context, g *Generation) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for g.Holders() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// Sessions returns how many client connections are open, and how many of them
// are parked.
func (s *Server) Sessions() (open, parked int) { return int(s.open.Load()), s.parker.Len() }

// panicked reports a defect and gives back what the exchange holds.
func (x *exchange) panicked(p any) {
	x.srv.process.Add(x.s.shard, metrics.ProcessPanics, 1)
	x.srv.logger.Error("panic in an exchange", "panic", p, "route", x.rec.Route, "stack", string(debug.Stack()))
	x.srv.causes.Add("panic")
	x.fault = &message.Fault{Side: message.SideSelf, Status: 500, Cause: "panic"}
	x.s.aborts = x.endless
	x.s.watch.disarm()
	x.abandon()
	x.unpin()
}
