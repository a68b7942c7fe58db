package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/control/journal"
	"fishplate/internal/control/until"
	"fishplate/internal/crash"
	"fishplate/internal/model"
)

// Options hand a Controller what it works with. Load, Diff and
// Builder are required.
type Options struct {
	// Load reads a file or folder. A nil configuration means that it is
	// refused; the problems then say why. Warnings come apart. It ends with ctx.
	Load    func(ctx context.Context, path string) (cfg *model.Config, errs, warnings []Problem)
	Builder Builder
	// Parse reads a whole configuration that is one text, as Config.Flat is; name
	// stands for its file in errors. Nil: nothing can be rolled back or revised.
	Parse func(name string, text []byte) (cfg *model.Config, errs, warnings []Problem)
	// Diff returns what differs, without impact, in a stable order.
	Diff func(old, next *model.Config) []Change
	// Programs keeps what tenants are given by the API, and Give writes that into
	// the text of a whole configuration. Without both, nothing can be given.
	Programs Programs
	Give     func(text []byte, tenants []*model.Tenant) []byte
	// Census returns what counts for one plan how much stands on a thing of the
	// running configuration; nil counts nothing.
	Census func() func(kind, key string) Numbers
	// Remark says what else a change does, in words behind those of its impact;
	// "" and a nil Remark say nothing.
	Remark func(c Change) string
	// Digest tells two contents of a referenced file apart (a certificate, a
	// program); nil reads the file of this machine.
	Digest func(path string) (string, error)
	// Upgrade puts another process in the place of this one, for SIGUSR2, and
	// says itself what came of it; nil ignores the signal. Succeeded is closed
	// when another process has taken over.
	Upgrade   func(ctx context.Context)
	Succeeded <-chan struct{}
	// Reloading is called before and after a reload that a signal asked for; nil is
	// nothing.
	Reloading func(begins bool)
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

	life       context.Context // ends when drains must stop
	end        context.CancelFunc
	changes    context.Context // ends when the process does: with it, what is being prepared
	halt       context.CancelCauseFunc
	drains     sync.WaitGroup
	mu         sync.Mutex
	closed     bool
	history    []Entry        // oldest first
	ledger     *journal.Owing // of the transactions
	owing      bool           // it is tried again to write what is owed to it
	waits      *pending
	trial      *canary
	named      map[string]bool   // programs by the API that the last entry has; nil: unknown. The turn guards it.
	foundNoted bool              // an entry has them
	found      []string          // programs that the history does not name, and that one which is missing may; the turn guards it
	gaps       gaps              // in the history that this process began with
	waiting    map[uint64]string // generations that drain, and at what
}

// state is what runs.
type state struct {
	id     uint64
	config *model.Config
	files  map[string]string // digests of referenced files
	read   string            // what the configuration's own files held

	noted    []Problem // what its text gave rise to say
	prepared []Problem // and its preparation
}

// New returns a Controller that runs nothing yet.
func New(o Options) *Controller {
	if o.Digest == nil {
		o.Digest = digestFile
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Controller{o: o, turn: make(chan struct{}, 1), waiting: make(map[uint64]string), ledger: journal.Owe(&journal.Memory{})}
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
	Canary    uint64  `json:"canary,omitempty"` // the change that is tried from now on, or is not any more
	Busy      bool    `json:"busy,omitempty"`   // refused, since another change is not decided yet
	Seconds   float64 `json:"seconds"`          // from the call to the commit
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
	// Match is the generation that must run for the change to be made; 0 is any.
	Match uint64
	// Confirm undoes the change after that time unless Confirm was called; 0 is
	// no such thing.
	Confirm time.Duration
	Force   bool // a reload may undo a rollback; what cannot be gone back from may be replaced
	// Canary tries the change with a share of the clients; nil does not.
	Canary *Canary

	restored uint64   // what a rollback goes back to
	again    Entry    // the entry that this commit only makes run again
	changes  []Change // to remember instead of those from nothing
	program  *ProgramNote
	unless   *pending // a rollback of that, if it still waits
	files    string   // what the files of this change hold
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

// behind reports a reload that would undo a rollback unasked, or do again what a
// trial undid.
func (c *Controller) behind(o ApplyOptions, changes []Change) []Problem {
	e, _ := c.entry(c.Generation())
	if o.Force || !o.Always || len(changes) == 0 {
		return nil
	}
	if last := c.last(); last.Canary != nil && last.State == RolledBack && last.Canary.Files == o.files && last.Parent == e.ID {
		return []Problem{{
			Summary: fmt.Sprintf("the file is what change %d tried, which was undone: %s", last.ID, last.Canary.Why), Detail: listOf(changes),
			Suggestion: "fishplate reload --force applies the file",
		}}
	}
	if e.Source != "rollback" {
		return nil
	}
	return []Problem{{
		Summary: fmt.Sprintf("the file is not what runs: change %d went back behind it", e.ID), Detail: listOf(changes),
		Suggestion: "fishplate reload --force applies the file",
	}}
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
func (c *Controller) Plan(ctx context.Context, path string) Plan {
	p, _ := c.plan(ctx, path)
	return p
}

func (c *Controller) plan(ctx context.Context, path string) (Plan, *state) {
	cfg, errs, warnings := c.o.Load(ctx, path)
	return c.propose(path, cfg, errs, warnings, fromFile)
}

// parse plans a text of the history.
func (c *Controller) parse(id uint64, text []byte, m manner) (Plan, *state) {
	name := fmt.Sprintf("change %d", id)
	if c.o.Parse == nil {
		return c.propose(name, nil, []Problem{{Summary: "texts cannot be read here"}}, nil, m)
	}
	cfg, errs, warnings := c.o.Parse(name, text)
	return c.propose(name, cfg, errs, warnings, m)
}

func (c *Controller) propose(path string, cfg *model.Config, errs, warnings []Problem, m manner) (Plan, *state) {
	p := Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}}
	p.Errors, p.Warnings = append(p.Errors, errs...), warnings
	if cfg == nil || len(errs) > 0 {
		if len(p.Errors) == 0 {
			p.Errors = append(p.Errors, Problem{File: path, Summary: "no configuration"})
		}
		return p, nil
	}
	next := &state{config: cfg, files: digests(cfg, c.o.Digest), read: filesOf(cfg), noted: warnings}
	p.Warnings = append(p.Warnings, c.settle(next, m)...)
	return c.compare(p, next)
}

// compare completes a plan that makes next of what runs.
func (c *Controller) compare(p Plan, next *state) (Plan, *state) {
	old := c.running.Load()
	if old == nil {
		old = &state{config: &model.Config{}}
	}
	p.Changes = assess(contents(c.o.Diff(old.config, next.config), old, next), c.o.Census)
	c.remark(p.Changes)
	if c.running.Load() == nil {
		return p, next // a start: nothing is fixed yet
	}
	if p.Errors = immovable(old.config, next.config); len(p.Errors) > 0 {
		return p, nil
	}
	return p, next
}

// immovable refuses what a process cannot change while it runs: the folder in
// which it keeps its history, its secret and what it compiled, and who it is.
func immovable(old, next *model.Config) []Problem {
	list := []Problem{}
	if was, is := old.State.Dir, next.State.Dir; was != is && was != "" {
		list = append(list, problemAt(next, next.State.At,
			fmt.Sprintf("state.dir is %s as long as the process runs, and cannot become %s", was, is),
			"the history, the keys of cookies and the compiled programs lie there, and are opened when the process starts",
			fmt.Sprintf("stop the process, move %s to %s, and start it again; or leave state.dir as it is", was, is)))
	}
	if was, is := old.Process, next.Process; was.User != is.User || was.Group != is.Group {
		at := is.At
		if at == (model.Range{}) {
			at = next.State.At
		}
		list = append(list, problemAt(next, at,
			fmt.Sprintf("process.user is %s as long as the process runs, and cannot become %s", whom(was), whom(is)),
			"root is given up when the process starts, and then nobody can be chosen any more",
			"stop the process, give the state folder to that user, and start it again; or leave the block process as it is"))
	}
	return list
}

// whom names the user and the group of a process, as they are written.
func whom(p model.Process) string {
	switch {
	case p.User == "":
		return "unset"
	case p.Group == "":
		return p.User
	}
	return p.User + ":" + p.Group
}

func problemAt(c *model.Config, r model.Range, summary, detail, suggestion string) Problem {
	at := c.Places.Range(r)
	return Problem{File: at.Filename, Line: at.Start.Line, Column: at.Start.Column, Summary: summary, Detail: detail, Suggestion: suggestion}
}

// Apply runs one transaction and returns after its commit or its refusal.
// Transactions wait for each other; ctx bounds that wait and the preparation,
// which ends with the process too.
func (c *Controller) Apply(ctx context.Context, path string, o ApplyOptions) Result {
	begin := time.Now()
	ctx, end, err := c.begin(ctx, "apply", o)
	if err != nil {
		return c.late(err)
	}
	defer end()
	if r := c.mayChange(o); len(r.Errors) > 0 {
		c.report("", &r)
		return r
	}
	crash.At(crash.Plan)
	p, next := c.plan(ctx, path)
	if next != nil {
		o.files = next.read
		p.Errors = append(p.Errors, c.behind(o, p.Changes)...)
		if running, ok := c.entry(p.Generation); ok && path != c.Path() {
			next.read = running.Files // what a start would read has not changed
		}
	}
	r := Result{Plan: p}
	if next != nil && len(p.Errors) == 0 && (o.Always || len(p.Changes) > 0) {
		w := c.awaited()
		c.transact(ctx, &r, next, o)
		c.leave(&r, w, "replaced it")
	} else if next != nil && len(p.Errors) == 0 {
		c.restate(ctx, next)
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report(path, &r)
	return r
}

// restate lets a configuration that says the same at other places take the place
// of the running one, whose generation it stays: who asks where something stands
// is told of the file as it is. When it cannot be prepared nothing happens.
func (c *Controller) restate(ctx context.Context, next *state) {
	old := c.running.Load()
	if e, ok := c.entry(c.Generation()); ok && old != nil && !maps.Equal(old.config.Places, next.config.Places) {
		c.transact(ctx, &Result{Plan: Plan{Generation: old.id}}, next, ApplyOptions{again: e})
	}
}

// mayChange returns a result whose errors say why no change can be made now.
func (c *Controller) mayChange(o ApplyOptions) Result {
	r := Result{Plan: Plan{Generation: c.Generation(), Changes: []Change{}, Errors: c.matches(o)}}
	if len(r.Errors) > 0 {
		return r
	}
	if id, why := c.Barred(); id != 0 && !o.Force {
		r.Errors = []Problem{{Summary: fmt.Sprintf("change %d was not confirmed, and waits since it %s", id, why), Suggestion: "mend that, or fishplate confirm keeps it, or apply --force replaces it"}}
	} else if w := c.awaited(); w != nil && id == 0 {
		r.Errors = []Problem{{Summary: fmt.Sprintf("change %d waits to be confirmed until %s", w.id, w.deadline.Format(time.TimeOnly)), Suggestion: "fishplate confirm, or fishplate rollback"}}
	}
	if w := c.trying(); w != nil {
		r.Errors = []Problem{w.waits()}
	}
	r.Busy = len(r.Errors) > 0
	return r
}

// matches says that something else runs than the caller saw.
func (c *Controller) matches(o ApplyOptions) []Problem {
	if g := c.Generation(); o.Match != 0 && o.Match != g {
		return []Problem{{Summary: fmt.Sprintf("generation %d runs, not %d: somebody changed it meanwhile", g, o.Match), Suggestion: "look at fishplate history, and plan again"}}
	}
	return []Problem{}
}

// transact prepares next and commits it, or undoes the preparation.
func (c *Controller) transact(ctx context.Context, r *Result, next *state, o ApplyOptions) {
	if next.id = o.again.ID; next.id == 0 {
		next.id = max(c.last().ID, r.Generation) + 1
	}
	crash.At(crash.Prepare)
	var terms []until.Term
	if o.Canary != nil {
		var err error
		if terms, err = until.Parse(o.Canary.Until); err != nil {
			r.Errors = append(r.Errors, Problem{Summary: err.Error()})
		}
		if r.Errors = append(r.Errors, untried(r.Changes)...); len(r.Errors) > 0 {
			return
		}
	}
	t := &Transaction{ID: next.id, Next: next.config, Running: c.Running(), Changes: r.Changes, Unread: o.program != nil}
	err := c.o.Builder.Prepare(context.WithValue(ctx, inside{}, t), t)
	crash.At(crash.Prepared)
	if err == nil {
		err = context.Cause(ctx) // whoever asked has left: nobody would learn of the commit
	}
	if err == nil && o.Canary != nil && t.try == nil {
		err = errors.New("nothing can be tried here")
	}
	if err == nil && c.isClosed() {
		err = errEnding
	}
	c.recount(next)
	next.prepared = t.warnings
	r.Warnings = append(r.Warnings, t.warnings...)
	e := c.entryOf(r, next, o)
	if err == nil && o.again.ID == 0 {
		// From here on a process that starts runs the new configuration.
		err = c.record(e, next.config, o.unless != nil)
	}
	if err != nil {
		t.abort()
		r.Errors = append(r.Errors, problemsOf(err)...)
		return
	}
	crash.At(crash.Recorded)
	if o.Canary != nil {
		r.Canary = e.ID
		c.tryOut(t, next, e, terms)
		return
	}
	was, prior := r.Generation, c.running.Load()
	r.Warnings = append(r.Warnings, c.commit(t, next)...)
	crash.At(crash.Committed)
	r.Committed, r.Generation = true, next.id
	if e.State == Pending {
		c.expect(e, t, prior)
	} else {
		t.settle()
	}
	c.drain(t, was)
}

// commit makes next run, and returns what t warns of meanwhile; so does the history.
func (c *Controller) commit(t *Transaction, next *state) []Problem {
	told := len(t.warnings)
	t.commit()
	c.running.Store(next)
	if len(t.warnings) > told {
		_ = c.mark(t.ID, func(e *Entry) { e.Unmet = t.warnings[told:] }, true) // what cannot be written is owed
	}
	return t.warnings[told:]
}

// entryOf is what the history will say of a commit.
func (c *Controller) entryOf(r *Result, next *state, o ApplyOptions) Entry {
	if o.again.ID != 0 {
		return o.again
	}
	e := Entry{
		ID: next.id, Time: time.Now(), Author: o.Author, Comment: o.Comment, Source: cmp.Or(o.Source, "file"),
		Changes: r.Changes, Generation: next.id, State: Committed, Parent: r.Generation, Restored: o.restored, Path: c.Path(), Files: next.read,
		Program: o.program,
	}
	if o.changes != nil {
		e.Changes, e.Parent = o.changes, c.kept().ID
	}
	if n := len(e.Changes); n > listed {
		e.Changes, e.More = slices.Clone(e.Changes[:listed]), n-listed
	}
	if o.Confirm > 0 {
		until := e.Time.Add(o.Confirm)
		e.State, e.Deadline = Pending, &until
	}
	if o.Canary != nil {
		until := e.Time.Add(o.Canary.For)
		e.State, e.Deadline, e.Canary = Trying, &until, &Trial{Share: o.Canary.Share, Until: o.Canary.Until, Files: o.files}
	}
	return e
}

// note adds an error that undoes nothing to the warnings.
func (c *Controller) note(r *Result, err error) {
	if err != nil {
		r.Warnings = append(r.Warnings, Problem{Summary: err.Error()})
	}
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
