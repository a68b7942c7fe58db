package control

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/model"
)

// Options hand a Controller what it works with. Load, Diff and
// Builder are required.
type Options struct {
	// Load reads a file or folder. A nil configuration means that it is
	// refused; the problems then say why. Warnings come apart.
	Load    func(path string) (cfg *model.Config, errs, warnings []Problem)
	Builder Builder
	// Diff returns what differs, without impact, in a stable order.
	Diff func(old, next *model.Config) []Change
	// Census counts what stands on a thing now; nil counts nothing.
	Census func(kind, key string) Numbers
	// Digest tells two contents of a referenced file apart (a certificate, a
	// program); nil reads the file of this machine.
	Digest func(path string) (string, error)
	// Settled is called after every transaction, for counting; nil is nothing.
	Settled func(generation uint64, committed bool)
	Logger  *slog.Logger
}

// Controller owns the running configuration.
type Controller struct {
	o       Options
	turn    chan struct{}          // one transaction at a time
	holder  atomic.Pointer[holder] // who has it
	running atomic.Pointer[state]
	path    atomic.Pointer[string] // what Start was given

	life    context.Context // ends when drains must stop
	end     context.CancelFunc
	changes context.Context // ends when the process does: with it, what is being prepared
	halt    context.CancelCauseFunc
	drains  sync.WaitGroup
	mu      sync.Mutex
	closed  bool
	history []Entry
	waiting map[uint64]string // generations that drain, and at what
}

// state is what runs.
type state struct {
	id     uint64
	config *model.Config
	files  map[string]string // digests of referenced files
	since  time.Time
}

// New returns a Controller that runs nothing yet.
func New(o Options) *Controller {
	if o.Digest == nil {
		o.Digest = digestFile
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Controller{o: o, turn: make(chan struct{}, 1), waiting: make(map[uint64]string)}
	c.life, c.end = context.WithCancel(context.Background())
	c.changes, c.halt = context.WithCancelCause(context.Background())
	return c
}

// Plan is what a transaction would do.
type Plan struct {
	Generation uint64    `json:"generation"` // that runs now
	Changes    []Change  `json:"changes"`
	Errors     []Problem `json:"errors"`
	Warnings   []Problem `json:"warnings,omitempty"`
}

// Result is what a transaction did.
type Result struct {
	Plan              // Generation is the one that runs afterwards
	Committed bool    `json:"committed"`
	Seconds   float64 `json:"seconds"` // from the call to the commit
}

// Err returns the errors of a refused transaction as one, or nil.
func (r *Result) Err() error {
	if len(r.Errors) == 0 {
		return nil
	}
	return Refusal(r.Errors)
}

// ApplyOptions accompany one transaction.
type ApplyOptions struct {
	Author  string // "uid 1000", "signal"
	Comment string
	Source  string // "file" when empty
	Always  bool   // commit although nothing changes
	// Wait bounds how long the change waits for one that is being prepared; 0 is
	// as long as the context.
	Wait time.Duration
}

// Start applies the first configuration and remembers path for Reload.
func (c *Controller) Start(ctx context.Context, path string) error {
	c.path.Store(&path)
	r := c.Apply(ctx, path, ApplyOptions{Author: "start", Always: true})
	return r.Err()
}

// Reload applies the path that Start was given. It commits although nothing
// changed: files are opened anew, a log that was moved away is created.
func (c *Controller) Reload(ctx context.Context, o ApplyOptions) Result {
	path := c.path.Load()
	if path == nil {
		return c.refused([]Problem{{Summary: "reload: nothing was started from a file"}})
	}
	o.Always = true
	return c.Apply(ctx, *path, o)
}

// Running returns the configuration that runs, nil before the first commit.
// It must not be written to.
func (c *Controller) Running() *model.Config {
	if s := c.running.Load(); s != nil {
		return s.config
	}
	return nil
}

// Generation returns the number of the running generation; 0 is none.
func (c *Controller) Generation() uint64 {
	if s := c.running.Load(); s != nil {
		return s.id
	}
	return 0
}

// Path returns what Reload applies, "" before Start.
func (c *Controller) Path() string {
	if p := c.path.Load(); p != nil {
		return *p
	}
	return ""
}

// Plan compares a configuration with the running one, and touches nothing.
func (c *Controller) Plan(_ context.Context, path string) Plan {
	p, _ := c.plan(path)
	return p
}

func (c *Controller) plan(path string) (Plan, *state) {
	p := Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}}
	cfg, errs, warnings := c.o.Load(path)
	p.Errors, p.Warnings = append(p.Errors, errs...), warnings
	if cfg == nil || len(errs) > 0 {
		if len(p.Errors) == 0 {
			p.Errors = append(p.Errors, Problem{File: path, Summary: "no configuration"})
		}
		return p, nil
	}
	next := &state{config: cfg, files: digests(cfg, c.o.Digest)}
	old := c.running.Load()
	if old == nil {
		old = &state{config: &model.Config{}}
	}
	p.Changes = assess(contents(c.o.Diff(old.config, cfg), old, next), c.o.Census)
	return p, next
}

// Apply runs one transaction and returns after its commit or its refusal.
// Transactions wait for each other; ctx bounds that wait and the preparation,
// which ends with the process too.
func (c *Controller) Apply(ctx context.Context, path string, o ApplyOptions) Result {
	begin := time.Now()
	if err := c.take(ctx, "apply", o); err != nil {
		return c.refused([]Problem{{Summary: err.Error()}})
	}
	defer c.give()
	ctx, cancel := c.lasting(ctx)
	defer cancel()
	p, next := c.plan(path)
	r := Result{Plan: p}
	if next != nil && (o.Always || len(p.Changes) > 0) {
		c.transact(ctx, &r, next, o)
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report(path, &r)
	return r
}

// transact prepares next and commits it, or undoes the preparation.
func (c *Controller) transact(ctx context.Context, r *Result, next *state, o ApplyOptions) {
	next.id = r.Generation + 1
	t := &Transaction{ID: next.id, Next: next.config, Running: c.Running(), Changes: r.Changes}
	err := c.o.Builder.Prepare(context.WithValue(ctx, inside{}, t), t)
	if err == nil {
		err = context.Cause(ctx) // whoever asked has left: nobody would learn of the commit
	}
	if err == nil && c.isClosed() {
		err = errEnding
	}
	r.Warnings = append(r.Warnings, t.warnings...)
	if err != nil {
		t.abort()
		r.Errors = append(r.Errors, problemsOf(err)...)
		return
	}
	t.commit()
	next.since = time.Now()
	c.running.Store(next)
	r.Committed, r.Generation = true, next.id
	source := o.Source
	if source == "" {
		source = "file"
	}
	c.remember(Entry{
		ID: next.id, Time: next.since, Author: o.Author, Comment: o.Comment, Source: source,
		Changes: r.Changes, Generation: next.id, State: "committed",
	})
	c.drain(t)
}

func (c *Controller) refused(errs []Problem) Result {
	r := Result{Plan: Plan{Generation: c.Generation(), Changes: []Change{}, Errors: errs}}
	c.report("", &r)
	return r
}

// report writes what happened to the log: every problem is a line of its own.
func (c *Controller) report(path string, r *Result) {
	for _, p := range r.Warnings {
		c.o.Logger.Warn("configuration", "problem", p.String())
	}
	for _, p := range r.Errors {
		c.o.Logger.Error("configuration refused", "path", path, "problem", p.String(), "generation", r.Generation)
	}
	if r.Committed {
		c.o.Logger.Info("configuration committed", "path", path, "generation", r.Generation, "changes", len(r.Changes), "seconds", r.Seconds)
	}
	if c.o.Settled != nil && (r.Committed || len(r.Errors) > 0) {
		c.o.Settled(r.Generation, r.Committed)
	}
}
