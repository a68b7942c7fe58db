package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/control/until"
)

// Canary says how a change is tried with a share of the clients before it is
// committed or undone.
type Canary struct {
	Share float64       // of the clients, above 0 and below 1
	For   time.Duration // then it is decided
	Until string        // what must hold for it to be committed, such as "errors < 1% && p99 < 250ms"
}

// Check says why its conditions cannot be read.
func (c *Canary) Check() error {
	_, err := until.Parse(c.Until)
	return err
}

// Outcomes are what became of one side's exchanges.
type Outcomes = until.Outcomes

// Trial is what the history says of a change that was tried.
type Trial struct {
	Share   float64  `json:"share"`
	Until   string   `json:"until"`
	Next    Outcomes `json:"next"`    // of the change
	Running Outcomes `json:"running"` // of what ran beside it
	Why     string   `json:"why,omitempty"`
	Files   string   `json:"files,omitempty"` // what was tried, as in Entry
}

// Tried is a generation that serves beside the running one.
type Tried struct {
	Outcomes func() (next, running Outcomes)
	End      func()                          // gives it no new exchanges
	Gone     func(ctx context.Context) error // waits for those that it has
}

const watchEvery = time.Second

// untried names what both generations share, so that it cannot be tried with a
// part of the clients.
func untried(changes []Change) (list []Problem) {
	for _, c := range changes {
		why := ""
		switch {
		case slices.Contains([]string{"listener", "certificate", "admin", "log", "cache", "state", "process"}, c.Kind):
			why = "it is met before anybody knows which side a client is on, or is one for both"
		case c.Kind == "server" && c.Action == "change" && !has(c.Fields, "address"):
			why = "what a server is, is one for both sides"
		case c.Kind == "tenant" && has(c.Fields, "program.sha256"):
			why = "a program that came by the API, or goes, is one for both sides"
		case c.Kind == "backend" && slices.ContainsFunc(c.Fields, func(f Field) bool { return strings.HasPrefix(f.Name, "discover") && f.New != "" }):
			why = "its servers are looked for from the commit on"
		}
		if why != "" {
			list = append(list, Problem{
				Summary:    fmt.Sprintf("%s %q cannot be tried with a share of the clients: %s", c.Kind, c.Key, why),
				Suggestion: "apply it by itself, without --canary",
			})
		}
	}
	return list
}

// canary is a change that is being tried.
type canary struct {
	id       uint64
	t        *Transaction
	next     *state
	tried    Tried
	terms    []until.Term
	share    float64
	deadline time.Time
	over     chan struct{} // closed when it is decided
}

// tryOut lets what t prepared serve a share of the clients. The caller has the
// turn.
func (c *Controller) tryOut(t *Transaction, next *state, e Entry, terms []until.Term) {
	w := &canary{id: e.ID, t: t, next: next, terms: terms, share: e.Canary.Share, deadline: *e.Deadline, over: make(chan struct{})}
	for _, f := range t.besides {
		f()
	}
	w.tried = t.try(w.share)
	c.mu.Lock()
	c.trial = w
	c.drains.Add(1)
	c.mu.Unlock()
	c.o.Logger.Info("configuration is tried", "id", w.id, "share", w.share, "until", w.deadline)
	go c.watch(w)
}

// trying returns the change that is being tried; nil is none.
func (c *Controller) trying() *canary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trial
}

// watch decides a trial when its time is over, when its conditions are broken,
// or when the process ends.
func (c *Controller) watch(w *canary) {
	defer c.drains.Done()
	tick := time.NewTicker(min(watchEvery, max(time.Until(w.deadline), time.Millisecond)))
	defer tick.Stop()
	for {
		select {
		case <-w.over:
			return
		case <-c.changes.Done():
			// Nobody begins a change any more, and this one must not be committed.
			select {
			case c.turn <- struct{}{}:
				c.note(new(Result), c.decide(w, false, "the process ended"))
				c.give()
			case <-c.life.Done(): // the next process says so
			}
			return
		case <-tick.C:
		}
		o, _ := w.tried.Outcomes()
		if decided, _, _ := until.Verdict(w.terms, o, !time.Now().Before(w.deadline)); !decided {
			continue
		}
		if c.take(c.changes, "canary", ApplyOptions{Author: "canary"}) != nil {
			continue
		}
		o, _ = w.tried.Outcomes()
		if decided, all, why := until.Verdict(w.terms, o, !time.Now().Before(w.deadline)); decided {
			c.note(new(Result), c.decide(w, all, why)) // it is in the log
		}
		c.give()
	}
}

// decide ends a trial: all clients get the change, or none. It does nothing
// when the trial was decided before. The caller has the turn, or the process ends.
func (c *Controller) decide(w *canary, all bool, why string) (err error) {
	c.mu.Lock()
	mine := c.trial == w
	if mine {
		c.trial = nil
	}
	c.mu.Unlock()
	if !mine {
		return nil
	}
	close(w.over)
	next, running := w.tried.Outcomes()
	end := func(is string) error {
		return c.mark(w.id, func(e *Entry) {
			trial := *e.Canary
			trial.Next, trial.Running, trial.Why = next, running, why
			e.State, e.Deadline, e.Canary = is, nil, &trial
		}, is == RolledBack)
	}
	if all {
		if err = end(Committed); err != nil { // a process that starts would not run it
			all, why = false, why+", and that could not be written"
		}
	}
	if !all {
		owed := end(RolledBack)
		err = cmp.Or(err, owed)
	}
	c.o.Logger.Info("configuration was tried", "id", w.id, "committed", all, "why", why,
		"requests", next.Requests, "errors", next.Errors, "p99_ms", next.P99, "error", err)
	if c.o.Settled != nil {
		defer func() { c.o.Settled(c.Generation(), all) }()
	}
	if all {
		was := c.Generation()
		c.commit(w.t, w.next)
		w.t.settle()
		c.drain(w.t, was)
		return nil
	}
	w.tried.End()
	c.mu.Lock()
	c.drains.Add(1)
	c.mu.Unlock()
	go func() {
		defer c.drains.Done()
		if err := w.tried.Gone(context.WithValue(c.life, inside{}, w.t)); err != nil {
			c.o.Logger.Warn("drain", "generation", w.id, "part", "exchanges", "error", err)
		}
		w.t.abort()
	}()
	return err
}

// waits says why nothing else can be done meanwhile.
func (w *canary) waits() Problem {
	return Problem{Summary: fmt.Sprintf("change %d is tried with %.6g%% of the clients until %s", w.id, w.share*100, w.deadline.Format(time.TimeOnly)),
		Suggestion: "fishplate confirm gives it to all, fishplate rollback to none"}
}

// untry ends a trial for a rollback: nobody gets the change.
func (c *Controller) untry(w *canary, id uint64, o ApplyOptions) Result {
	if id != 0 && id != w.id {
		r := c.mayChange(ApplyOptions{})
		c.report("", &r)
		return r
	}
	r := Result{Plan: Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}}, Canary: w.id}
	c.note(&r, c.decide(w, false, "ended by "+cmp.Or(o.Author, "somebody")))
	return r
}

// forsake notes that a trial did not outlive its process.
func (c *Controller) forsake(r *Result) {
	for _, e := range c.History() {
		if e.State == Trying {
			c.note(r, c.mark(e.ID, func(e *Entry) {
				trial := Trial{}
				if e.Canary != nil {
					trial = *e.Canary
				}
				trial.Why = "the process ended"
				e.State, e.Deadline, e.Canary = RolledBack, nil, &trial
			}, true))
			r.Warnings = append(r.Warnings, Problem{Summary: fmt.Sprintf("change %d was being tried when the process ended: what ran beside it runs", e.ID)})
		}
	}
}
