package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errEnding is why a change is given up that was being prepared.
var errEnding = errors.New("apply: the process is ending")

// errSucceeded is the same of a process that another one has replaced.
var errSucceeded = undecided{errors.New("apply: another process has taken over: ask again")}

// ErrBusy is what a change waited for in vain: another one, or a process that takes
// over. It may be asked for again.
var ErrBusy = errors.New("another change is under way")

// holder is whose change is being prepared.
type holder struct {
	author string
	since  time.Time
}

// take waits for the turn of a change, for as long as the context and the
// options say. The error tells what it waited for.
func (c *Controller) take(ctx context.Context, what string, o ApplyOptions) error {
	if within(ctx) {
		return fmt.Errorf("%s: a transaction cannot begin another", what)
	}
	if o.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Wait, fmt.Errorf("waited %v: try again when it is done", o.Wait))
		defer cancel()
	}
	if c.changes.Err() != nil {
		return context.Cause(c.changes)
	}
	select {
	case c.turn <- struct{}{}:
		c.holder.Store(&holder{o.Author, time.Now()})
		return nil
	case <-c.changes.Done():
		return context.Cause(c.changes)
	case <-ctx.Done():
	}
	other := "another change is being prepared"
	if h := c.holder.Load(); h != nil {
		other += fmt.Sprintf(" since %s (%v), by %s", h.since.Format(time.TimeOnly), time.Since(h.since).Round(time.Second), h.author)
	}
	return undecided{fmt.Errorf("%s: %s: %w", what, other, context.Cause(ctx))}
}

// undecided is the error of whoever waited for another change in vain.
type undecided struct{ error }

func (u undecided) Unwrap() error { return u.error }

// Is says so in other rooms.
func (u undecided) Is(target error) bool { return target == ErrBusy }

// late is the result of a change that did not get its turn.
func (c *Controller) late(err error) Result {
	r := c.refused([]Problem{{Summary: err.Error()}})
	_, r.Busy = errors.AsType[undecided](err)
	return r
}

func (c *Controller) give() {
	c.holder.Store(nil)
	<-c.turn
}

// begin takes the turn, and returns a context that also ends when the process
// does; end gives both back.
func (c *Controller) begin(ctx context.Context, what string, o ApplyOptions) (_ context.Context, end func(), err error) {
	if err := c.take(ctx, what, o); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.changes, func() { cancel(context.Cause(c.changes)) })
	return ctx, func() { stop(); cancel(nil); c.give() }, nil
}

// conclude ends what is being prepared, and waits until it is undone, or for ctx.
func (c *Controller) conclude(ctx context.Context) {
	c.halt(errEnding)
	select {
	case c.turn <- struct{}{}:
		<-c.turn
	case <-ctx.Done():
	}
}
