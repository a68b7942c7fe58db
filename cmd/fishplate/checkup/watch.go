package checkup

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"fishplate/internal/doctor"
)

// watch judges counters by their difference over an interval. As text it goes on
// until it is interrupted: the first report is whole, after that only what became
// different is said. The exit status is that of the last report. For a machine one
// report is a document, and ends it.
func watch(ctx context.Context, a asked, to Output) (code int, err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o, err := a.options(ctx)
	if err != nil {
		return doctor.NoRun, err
	}
	if o.System.Recorded {
		return doctor.NoRun, Usage{"--watch compares two looks, and " + a.root + " is a capture, in which nothing moves: without --watch its counters are judged since boot"}
	}
	ours := o.Ours
	if a.probe {
		// Once, and before anything is counted: its own load is in no interval.
		o.Measured = doctor.Measure(ctx)
		o.System = doctor.Machine()
	}
	// The first look is for its counters alone.
	if _, err := doctor.Run(ctx, o); err != nil {
		return doctor.NoRun, err
	}
	o.System.Stood(o.System) // remembers the times of then
	var last *doctor.Report
	for {
		if !wait(ctx, a.watch) {
			break
		}
		o.Before, o.System = o.System, o.System.Again()
		if o.System.Stood(o.Before) {
			return doctor.NoRun, fmt.Errorf("--watch compares two looks, and no time is counted in %s: is it a copy? Without --watch its counters are judged since boot", a.root)
		}
		was := ours
		if ours, err = a.again(ctx, was); err == nil {
			o.Ours = ours.Since(was)
		}
		var r *doctor.Report
		if err == nil {
			r, err = look(ctx, a, o)
		}
		if ctx.Err() != nil {
			// What was not answered because of that is not unknown.
			break
		}
		if err != nil {
			return doctor.NoRun, err
		}
		if last == nil {
			err = write(r, a, to)
		} else {
			err = r.Changes(to.Out, last, time.Now(), to.style())
		}
		if err != nil {
			return doctor.NoRun, err
		}
		if last = r; a.format != "text" {
			break
		}
	}
	if last == nil {
		return doctor.NoRun, errors.New("interrupted before there was anything to compare")
	}
	return last.Exit(a.on, a.strict), nil
}

// again asks the process that serves how it does by now. A configuration that was
// named stays as it was read: somebody may be writing it.
func (a asked) again(ctx context.Context, was *doctor.Ours) (*doctor.Ours, error) {
	if a.whose.config != "" {
		return was, nil
	}
	return a.whose.ours(ctx, a.root == "")
}

// wait reports whether the time went by without an interruption.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
