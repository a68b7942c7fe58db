package control

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fishplate/internal/crash"
)

// Start applies the first configuration and remembers path for Reload. When the
// files are those that the last commit knew, what that commit left runs again:
// changes by the API and rollbacks outlive the process. When they changed, they
// win, and the entry says what that undid.
func (c *Controller) Start(ctx context.Context, path string) error {
	c.path.Store(&path)
	o := ApplyOptions{Author: "start", Always: true}
	ctx, end, err := c.begin(ctx, "start", o)
	if err != nil {
		return err
	}
	defer end()
	begin := time.Now()
	p, next := c.plan(ctx, path)
	r := Result{Plan: p}
	if next != nil {
		if dir := next.config.State.Dir; dir != "" {
			c.openLedger(filepath.Join(dir, "journal"))
		}
		c.knowPrograms()
		if from := c.resume(path, next, &r, &o); from != nil {
			next = from
		}
		waits := c.last()
		c.transact(ctx, &r, next, o)
		if r.Committed && waits.State == Pending && waits.ID != r.Generation {
			c.note(&r, c.undo(waits.ID, fmt.Sprintf("the files changed before it was confirmed: change %d", r.Generation)))
		}
		c.sweep()
	}
	r.Seconds = time.Since(begin).Seconds()
	c.report(path, &r)
	return r.Err()
}

// undo notes that an entry is not what runs any more, nor waits to be confirmed.
func (c *Controller) undo(id uint64, why string) error {
	return c.mark(id, func(e *Entry) { e.State, e.Deadline, e.Why = RolledBack, nil, why }, true)
}

// resume looks into the history for what ran last. It returns that when it is to
// run again, and nil when the files win.
func (c *Controller) resume(path string, files *state, r *Result, o *ApplyOptions) *state {
	c.forsake(r)
	newest := c.last()
	for _, h := range c.History()[min(1, len(c.History())):] {
		if h.State == Pending { // it was gone back from, and the process ended before it wrote so
			c.note(r, c.undo(h.ID, ""))
		}
	}
	if newest.Deadline == nil { // of one that waits: by somebody's hand
		newest.Deadline = new(time.Time)
	}
	if newest.State == Pending && time.Now().After(*newest.Deadline) {
		c.note(r, c.undo(newest.ID, "not confirmed in time"))
		r.Warnings = append(r.Warnings, Problem{Summary: fmt.Sprintf("change %d was not confirmed until %s: what ran before it runs", newest.ID, newest.Deadline.Format(time.TimeOnly))})
	}
	e := c.kept()
	e.Path, e.Files = newest.Path, newest.Files // the files may hold what was undone
	if e.ID == 0 || e.Path != path {
		return nil
	}
	text, err := c.ledger.Text(e.ID)
	if err != nil {
		r.Warnings = append(r.Warnings, Problem{Summary: fmt.Sprintf("change %d cannot be read: the file runs: %v", e.ID, err)})
		return nil
	}
	crash.At(crash.Resume)
	p, was := c.parse(e.ID, text, asIs)
	if was == nil {
		r.Warnings = append(r.Warnings, Problem{Summary: fmt.Sprintf("change %d is not understood any more: the file runs: %s", e.ID, Refusal(p.Errors).Error())})
		return nil
	}
	said := *was
	lost := c.restore(was)
	if e.Files != files.read {
		r.Warnings = append(r.Warnings, c.inherit(was.config, files)...)
		changes := contents(c.o.Diff(said.config, files.config), was, files)
		o.changes = changes
		if e.Source != "file" && len(changes) > 0 {
			r.Warnings = append(r.Warnings, Problem{
				Summary: fmt.Sprintf("the files changed since change %d, which did not come from them: they win", e.ID), Detail: listOf(changes),
				Suggestion: fmt.Sprintf("fishplate rollback %d brings it back", e.ID),
			})
		}
		return nil
	}
	changes := contents(c.o.Diff(was.config, files.config), was, files)
	if len(changes) > 0 {
		r.Warnings = append(r.Warnings, Problem{Summary: fmt.Sprintf("change %d runs, which the files do not have", e.ID), Detail: listOf(changes)})
	} else {
		was = files // the same, and it says where things stand
	}
	was.id, was.read = e.ID, e.Files
	if lost { // it is not what the entry says
		if e.State == Pending { // what runs now waits in its place
			o.Confirm = max(time.Until(*e.Deadline), time.Millisecond)
			c.note(r, c.undo(e.ID, "a program that it had could not be restored: the next change waits in its place"))
		}
		o.changes = contents(c.o.Diff(said.config, was.config), was, was)
		o.Comment = "without programs that came by the API"
		return was
	}
	o.again = e
	return was
}

// listOf lists things that changed, a few by name.
func listOf(changes []Change) string {
	const most = 8
	var words []string
	for i, ch := range changes {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(changes)-most))
			break
		}
		words = append(words, fmt.Sprintf("%s %q", ch.Kind, ch.Key))
	}
	return strings.Join(words, ", ")
}
