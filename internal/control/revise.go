package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"fishplate/internal/control/journal"
)

// Rollback makes what ran after the commit with that ID run again; 0 is the
// commit before the running one. It is a commit of its own.
func (c *Controller) Rollback(ctx context.Context, id uint64, o ApplyOptions) Result {
	begin := time.Now()
	ctx, end, err := c.begin(ctx, "rollback", o)
	if err != nil {
		return c.late(err)
	}
	defer end()
	if errs := c.matches(o); len(errs) > 0 {
		return c.refused(errs)
	}
	if w := c.trying(); w != nil {
		return c.untry(w, id, o)
	}
	w := c.awaited()
	if o.unless != nil && o.unless != w {
		return Result{Plan: Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}}} // confirmed a moment ago
	}
	running, _ := c.entry(c.Generation())
	if id == 0 {
		id = c.before(running)
	}
	if id == 0 {
		return c.refused([]Problem{{Summary: "rollback: nothing ran before"}})
	}
	r, next := c.wayBack(id, w)
	if next != nil {
		o.Source, o.Always = "rollback", true
		if o.Comment == "" {
			o.Comment = fmt.Sprintf("back to change %d", id)
		}
		o.restored = id
		next.read = running.Files // the files are newer than what runs now
		c.transact(ctx, &r, next, o)
		c.leave(&r, w, "went back")
	}
	if o.unless != nil && len(r.Errors) > 0 {
		c.bar(w, r.Errors)
		return r
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report("change "+strconv.FormatUint(id, 10), &r)
	return r
}

// before returns the entry whose state ran before that of e: several rollbacks go
// further and further back. What waits to be confirmed, a rollback too, is undone: what
// ran before it and was not undone itself runs again.
func (c *Controller) before(e Entry) uint64 {
	if e.State == Pending {
		id := e.Parent
		for e, ok := c.entry(id); ok && e.State == RolledBack && e.Parent != 0; e, ok = c.entry(id) {
			id = e.Parent
		}
		return id
	}
	if e.Restored != 0 {
		if e, ok := c.entry(e.Restored); ok {
			return c.before(e)
		}
	}
	return e.Parent
}

// recall plans what ran after a commit.
func (c *Controller) recall(id uint64, m manner) (Result, *state) {
	text, err := c.ledger.Text(id)
	if err != nil {
		p := Problem{Summary: err.Error()}
		if errors.Is(err, journal.ErrNone) {
			p = Problem{Summary: fmt.Sprintf("change %d is not remembered", id), Suggestion: "fishplate history lists those that are"}
		}
		return Result{Plan: Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{p}}}, nil
	}
	p, next := c.parse(id, text, m)
	return Result{Plan: p}, next
}

// Revise changes the text of what runs and commits the outcome: a change by the
// API. revise gets the whole configuration as one file.
func (c *Controller) Revise(ctx context.Context, revise func(text []byte) ([]byte, []Problem), o ApplyOptions) Result {
	begin := time.Now()
	ctx, end, err := c.begin(ctx, "change", o)
	if err != nil {
		return c.late(err)
	}
	defer end()
	r := c.mayChange(o)
	var text []byte
	if len(r.Errors) == 0 {
		var err error
		if text, err = c.ledger.Text(r.Generation); err != nil {
			r.Errors = []Problem{{Summary: err.Error()}}
		} else {
			text, r.Errors = revise(text)
		}
	}
	if len(r.Errors) == 0 {
		running, _ := c.entry(r.Generation)
		p, next := c.parse(r.Generation+1, text, edited)
		r.Plan = p
		was := c.running.Load()
		if next != nil && len(p.Changes) > 0 {
			o.Source, next.read = "api", running.Files
			c.transact(ctx, &r, next, o)
		}
		r.Warnings = was.unsaid(r.Warnings)
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report("api", &r)
	return r
}

// Text returns the whole configuration after a commit as one file; 0 is the
// running one.
func (c *Controller) Text(id uint64) ([]byte, error) {
	if id == 0 {
		id = c.Generation()
	}
	return c.ledger.Text(id)
}

// Compare lists what differs from one configuration to another. Each is
// "running", the ID of a commit, or the path of a file.
func (c *Controller) Compare(ctx context.Context, from, to string) Plan {
	p := Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}}
	a, errs := c.find(ctx, from)
	p.Errors = append(p.Errors, errs...)
	b, errs := c.find(ctx, to)
	p.Errors = append(p.Errors, errs...)
	if a != nil && b != nil {
		p.Changes = assess(contents(c.o.Diff(a.config, b.config), a, b), nil)
	}
	return p
}

func (c *Controller) find(ctx context.Context, what string) (*state, []Problem) {
	if what == "running" {
		return c.running.Load(), nil
	}
	if id, err := strconv.ParseUint(what, 10, 64); err == nil {
		r, s := c.recall(id, asIs)
		return s, r.Errors
	}
	cfg, errs, _ := c.o.Load(ctx, what)
	if cfg == nil || len(errs) > 0 {
		if len(errs) == 0 {
			errs = []Problem{{File: what, Summary: "no configuration"}}
		}
		return nil, errs
	}
	return &state{config: cfg, files: digests(cfg, c.o.Digest)}, nil
}
