package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"fishplate/internal/crash"
)

// pending is a commit that is undone unless somebody confirms it.
type pending struct {
	id       uint64
	t        *Transaction
	deadline time.Time
	timer    *time.Timer
	before   uint64 // what ran before it
	text     []byte // of that, for when the journal cannot be read either
	prior    *state // the same as it ran; nil: in a process before this one
	barred   atomic.Bool
}

// ErrSettled means that there is nothing to confirm.
var ErrSettled = errors.New("no change waits to be confirmed")

// retryRollback is how long a rollback that failed waits for its next turn.
const retryRollback = 3 * time.Second

// expect arms the timer of a pending entry. The caller has the turn.
func (c *Controller) expect(e Entry, t *Transaction, prior *state) {
	w := &pending{id: e.ID, t: t, deadline: *e.Deadline, before: c.before(e), prior: prior}
	w.text, _ = c.ledger.Text(w.before) // else it is read again when it is wanted
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return // the next process looks at the deadline
	}
	c.waits = w
	w.timer = time.AfterFunc(time.Until(w.deadline), func() { c.expire(w) })
}

// expire goes back behind a commit that nobody confirmed.
func (c *Controller) expire(w *pending) {
	c.mu.Lock()
	over := c.closed || c.waits != w
	if !over {
		c.drains.Add(1) // Close waits for it
	}
	c.mu.Unlock()
	if over {
		return
	}
	defer c.drains.Done()
	r := c.Rollback(c.life, 0, ApplyOptions{Author: "confirm", Comment: fmt.Sprintf("change %d was not confirmed", w.id), unless: w})
	if len(r.Errors) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && c.waits == w {
		w.timer = time.AfterFunc(retryRollback, func() { c.expire(w) })
	}
}

// wayBack plans what ran after the commit with that ID. The text of what w
// replaced is not read again.
func (c *Controller) wayBack(id uint64, w *pending) (r Result, next *state) {
	if w == nil || id != w.before || w.prior == nil || w.prior.id != id {
		if r, next = c.recall(id, recalled); next == nil && w != nil && id == w.before && w.text != nil {
			r.Plan, next = c.parse(id, w.text, recalled)
		}
		return r, next
	}
	r.Plan, next = c.compare(Plan{Generation: c.Generation(), Changes: []Change{}, Errors: []Problem{}},
		&state{config: w.prior.config, files: maps.Clone(w.prior.files), noted: w.prior.noted})
	return r, next
}

// bar notes why what nobody confirmed cannot be gone back from, which is tried again.
// Meanwhile it may be confirmed, or replaced. The caller has the turn.
func (c *Controller) bar(w *pending, errs []Problem) {
	why := "cannot go back: " + strings.ReplaceAll(Refusal(errs).Error(), "\n", "; ")
	w.barred.Store(true)
	if e, _ := c.entry(w.id); e.Why != why {
		_ = c.mark(w.id, func(e *Entry) { e.Why = why }, true) // what cannot be written is owed
		c.o.Logger.Error("a change was not confirmed: it is tried again to go back", "id", w.id, "problem", why)
	}
}

// Barred returns the change that nobody confirmed and that cannot be gone back from,
// and why; 0 is none.
func (c *Controller) Barred() (id uint64, why string) {
	if w := c.awaited(); w != nil && w.barred.Load() {
		e, _ := c.entry(w.id)
		return w.id, e.Why
	}
	return 0, ""
}

// leave ends the wait for a change that r took the place of. The caller has the turn.
func (c *Controller) leave(r *Result, w *pending, how string) {
	if r.Committed && w != nil {
		crash.At(crash.Settle)
		c.forget(w)
		c.note(r, c.undo(w.id, fmt.Sprintf("change %d %s", r.Generation, how)))
	}
}

// forget ends the wait for a pending entry. The caller has the turn. A rollback
// may be pending itself, and that one stays.
func (c *Controller) forget(w *pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits == w {
		c.waits = nil
	}
	w.timer.Stop()
}

// awaited returns the pending entry; nil is none.
func (c *Controller) awaited() *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waits
}

// Confirm makes the pending change stay, or gives the one that is tried to all
// clients.
func (c *Controller) Confirm(ctx context.Context) (id uint64, err error) {
	if err := c.take(ctx, "confirm", ApplyOptions{Author: "confirm"}); err != nil {
		return 0, err
	}
	defer c.give()
	if w := c.trying(); w != nil {
		if err := c.decide(w, true, "confirmed"); err != nil {
			return 0, fmt.Errorf("confirm change %d: %w", w.id, err)
		}
		return w.id, nil
	}
	w := c.awaited()
	if w == nil {
		return 0, ErrSettled
	}
	if !time.Now().Before(w.deadline) && !w.barred.Load() {
		return 0, undecided{fmt.Errorf("confirm change %d: its time was over at %s: what ran before it runs again, or will", w.id, w.deadline.Format(time.TimeOnly))}
	}
	crash.At(crash.Confirm)
	// What is not on disk is not confirmed: the next process would undo it.
	if err := c.amend(w.id, func(e *Entry) { e.State, e.Deadline, e.Why = Committed, nil, "" }); err != nil {
		return 0, fmt.Errorf("confirm change %d: %w", w.id, err)
	}
	c.forget(w)
	w.t.settle()
	c.o.Logger.Info("configuration confirmed", "id", w.id)
	return w.id, nil
}
