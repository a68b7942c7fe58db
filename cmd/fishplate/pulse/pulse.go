package pulse

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/doctor"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

const (
	minute = time.Minute // between two looks
	soon   = time.Second // between the start and the first verdicts
	// beat is how often the watcher wants to run: when it runs later, so did
	// everybody else in the process.
	beat = 250 * time.Millisecond
	// fresh is how old the counters of the queues are at most when they are asked for.
	fresh = time.Second
)

// Options of a Pulse.
type Options struct {
	Logger *slog.Logger
	// Open returns the sockets that are open now, with the name of their listener.
	Open func() map[*netio.Listener]string
	// Config returns the configuration that runs; nil is none.
	Config func() *model.Config
	// Refused returns how many connections a listener's limits have closed.
	Refused func(listener string) int64
	Every   time.Duration // between two looks; 0 is a minute
}

// Pulse watches one process.
type Pulse struct {
	o     Options
	fresh time.Duration
	begun chan struct{}      // closed when Run looks
	ended chan struct{}      // closed when it has ended
	asked chan chan struct{} // each closes when the counters are fresh

	mu     sync.Mutex
	sets   map[*netio.Tally]*metrics.Set // that tell addresses apart in the metrics
	checks []verdict
	net    *metrics.Set
	drops  [2]int64 // of the network namespace: overflows, drops
	base   int64    // its drops when we began
}

// verdict is the last one of a check.
type verdict struct {
	result doctor.Result
	since  time.Time
	set    *metrics.Set
}

// New returns a Pulse; Run makes it beat.
func New(o Options) *Pulse {
	if o.Every <= 0 {
		o.Every = minute
	}
	return &Pulse{
		o: o, fresh: fresh, begun: make(chan struct{}), ended: make(chan struct{}), asked: make(chan chan struct{}),
		sets: map[*netio.Tally]*metrics.Set{}, net: metrics.NewSet(0),
	}
}

// Run looks until ctx ends. It is called once.
func (p *Pulse) Run(ctx context.Context) {
	defer close(p.ended)
	light, err := doctor.NewLight(doctor.Watching())
	if err != nil {
		p.o.Logger.Error("doctor's checks", "error", err)
		return
	}
	now := time.Now()
	w := watcher{p: p, light: light, last: now, was: p.counts()}
	w.note(now)
	p.mu.Lock()
	p.base = p.drops[1]
	p.mu.Unlock()
	due := now.Add(min(soon, p.o.Every))
	ticks := time.NewTicker(min(beat, p.o.Every))
	defer ticks.Stop()
	close(p.begun)
	for {
		var answered chan struct{}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case answered = <-p.asked:
		}
		now := time.Now()
		w.beat(now)
		switch {
		case !now.Before(due):
			w.look(now)
			due = now.Add(p.o.Every)
		case answered != nil && now.Sub(w.noted) >= p.fresh:
			w.lookAgain(now)
		}
		if answered != nil {
			close(answered)
		}
	}
}

// refresh lets Run look at the queues before accept when the last look was a while
// ago, and waits for that.
func (p *Pulse) refresh() {
	select {
	case <-p.begun:
	default:
		return
	}
	answered := make(chan struct{})
	select {
	case p.asked <- answered:
		<-answered
	case <-p.ended:
	}
}

// watcher is what Run knows.
type watcher struct {
	p     *Pulse
	light *doctor.Light
	last  time.Time // of the last beat
	stall time.Duration
	was   counts    // at the last look
	noted time.Time // when the counters were read last
}

// beat notes by how much a beat was late.
func (w *watcher) beat(now time.Time) {
	w.stall = max(w.stall, now.Sub(w.last)-min(beat, w.p.o.Every))
	w.last = now
}

func (w *watcher) look(now time.Time) {
	is := w.p.counts()
	w.p.settle(w.light.Look(w.since(is)), now)
	w.note(now)
	w.was, w.stall = is, 0
}

// lookAgain is for who asks between two looks: what was lost since the last one is
// said at once. Only a look takes it back.
func (w *watcher) lookAgain(now time.Time) {
	lost := w.light.Overflow(w.since(w.p.counts()))
	w.note(now)
	if lost.Finding.Status != doctor.Fail {
		return
	}
	w.p.mu.Lock()
	results := make([]doctor.Result, len(w.p.checks))
	for i, c := range w.p.checks {
		results[i] = c.result
		if c.result.Check.ID == lost.Check.ID {
			results[i] = lost
		}
	}
	w.p.mu.Unlock()
	w.p.settle(results, now)
}

// since is what our configuration wants, and what happened since the last look.
func (w *watcher) since(is counts) *doctor.Ours {
	ours := is.since(w.was, w.p.o.Config())
	if ours != nil {
		ours.Running.Stall = w.stall.Seconds()
	}
	return ours
}

// note keeps what the network namespace has lost.
func (w *watcher) note(now time.Time) {
	w.noted = now
	overflows, drops := w.light.Listening()
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.p.drops = [2]int64{int64(overflows), int64(drops)}
}

// settle keeps the verdicts, and logs those that have changed.
func (p *Pulse) settle(results []doctor.Result, now time.Time) {
	p.mu.Lock()
	old := p.checks
	next := make([]verdict, len(results))
	for i, r := range results {
		next[i] = verdict{result: r, since: now, set: metrics.NewSet(0)}
		if i < len(old) {
			next[i].set = old[i].set
			if old[i].result.Finding.Status == r.Finding.Status {
				next[i].since = old[i].since
			}
		}
	}
	p.checks = next
	p.mu.Unlock()
	for i, r := range results {
		was := doctor.OK
		if i < len(old) {
			was = old[i].result.Finding.Status
		}
		if was != r.Finding.Status {
			p.tell(r, was)
		}
	}
}

// tell logs a change to the worse with what there is to know, and the end of it.
func (p *Pulse) tell(r doctor.Result, was doctor.Status) {
	f := r.Finding
	switch {
	case bad(f.Status):
		var evidence []string
		for _, e := range f.Evidence {
			evidence = append(evidence, e.Source+": "+e.Raw)
		}
		p.o.Logger.Warn("doctor", "check", r.Check.ID, "status", f.Status, "was", was, "found", f.Found,
			"evidence", strings.Join(evidence, "; "), "fix", strings.Join(mends(r), "; "))
	case bad(was):
		p.o.Logger.Info("doctor", "check", r.Check.ID, "status", f.Status, "was", was, "found", f.Found)
	}
}

func bad(s doctor.Status) bool { return s == doctor.Warn || s == doctor.Fail }

// mends are the commands that would mend a finding: its own, or else the check's.
func mends(r doctor.Result) []string {
	list := []string{}
	if !bad(r.Finding.Status) {
		return list
	}
	fixes := r.Finding.Fix
	if fixes == nil {
		fixes = r.Check.Fix
	}
	for _, f := range fixes {
		text := f.Command
		if f.Persist != "" {
			text += " (to stay: " + f.Persist + ")"
		}
		list = append(list, text)
	}
	return list
}

// Status adds the checks and the queues to a status that lists the listeners.
func (p *Pulse) Status(st *admin.Status) {
	p.refresh()
	accept := p.accept()
	for i := range st.Listeners {
		st.Listeners[i].Accept = accept[st.Listeners[i].Name]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st.Checks = []admin.CheckStatus{}
	for _, c := range p.checks {
		id, f := c.result.Check.ID, c.result.Finding
		st.Checks = append(st.Checks, admin.CheckStatus{ID: id, Status: string(f.Status), Text: f.Found, Fix: mends(c.result), Since: c.since})
		if bad(f.Status) {
			st.Findings = append(st.Findings, admin.Finding{ID: id, Severity: string(f.Status), Text: fmt.Sprintf("%s: %s", id, f.Found)})
		}
	}
}
