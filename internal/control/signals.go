package control

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// ErrImpatient is returned by Signals when a second request to end arrived
// before the first was done.
var ErrImpatient = errors.New("drain: interrupted by a second signal")

// Signals serves the process's signals until one ends it. SIGHUP reloads; those
// that arrive during a reload are answered by one more. SIGTERM and SIGINT call
// shutdown with a context that ends after deadline, or at a second such signal.
// It returns what shutdown returned, ErrImpatient, or nil when ctx ends.
func (c *Controller) Signals(ctx context.Context, signals <-chan os.Signal, deadline time.Duration, shutdown func(context.Context) error) error {
	wanted, reloaded := make(chan struct{}, 1), make(chan struct{})
	reloads, stop := context.WithCancel(ctx)
	go func() {
		defer close(reloaded)
		for {
			select {
			case <-wanted:
				c.Reload(reloads, ApplyOptions{Author: "signal"})
			case <-reloads.Done():
				return
			}
		}
	}()
	defer func() { stop(); <-reloaded }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-signals:
			if s != syscall.SIGHUP {
				stop()
				c.halt(errEnding) // nobody waits for a compiler any more
				return c.shut(ctx, signals, deadline, shutdown)
			}
			select {
			case wanted <- struct{}{}:
			default: // one is waiting already
			}
		}
	}
}

func (c *Controller) shut(ctx context.Context, signals <-chan os.Signal, deadline time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- shutdown(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				continue
			}
			cancel()
			<-done
			return ErrImpatient
		}
	}
}
