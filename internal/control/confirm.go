package control

import (
	"context"
	"errors"
	"fmt"
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
}

// ErrSettled means that there is nothing to confirm.
var ErrSettled = errors.New("no change waits to be confirmed")

// retryRollback is how long a rollback that failed waits for its next turn.
const retryRollback = 10 * time.Second

// expect arms the timer of a pending entry. The caller has the turn.
func (c *Controller) expect(e Entry, t *Transaction) {
	w := &pending{id: e.ID, t: t, deadline: *e.Deadline, before: c.before(e)}
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
	if !time.Now().Before(w.deadline) { // also while it cannot be gone back, which is tried again
		return 0, undecided{fmt.Errorf("confirm change %d: its time was over at %s: what ran before it runs again, or will", w.id, w.deadline.Format(time.TimeOnly))}
	}
	crash.At(crash.Confirm)
	// What is not on disk is not confirmed: the next process would undo it.
	if err := c.amend(w.id, func(e *Entry) { e.State, e.Deadline = Committed, nil }); err != nil {
		return 0, fmt.Errorf("confirm change %d: %w", w.id, err)
	}
	c.forget(w)
	w.t.settle()
	c.o.Logger.Info("configuration confirmed", "id", w.id)
	return w.id, nil
}
