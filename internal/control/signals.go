package control

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrImpatient is returned by Signals when a second request to end arrived
// before the first was done.
var ErrImpatient = errors.New("drain: interrupted by a second signal")

// Signals serves the process's signals until one ends it. SIGHUP reloads; those
// that arrive during a reload are answered by one more. SIGTERM and SIGINT call
// shutdown with a context that ends after deadline, or at a second such signal.
// SIGUSR2 calls Options.Upgrade; when another process has taken over, by that or
// otherwise, shutdown is called with a context that ends at a signal only. It
// returns what shutdown returned, ErrImpatient, or nil when ctx ends.
func (c *Controller) Signals(ctx context.Context, signals <-chan os.Signal, deadline time.Duration, shutdown func(context.Context) error) error {
	wanted, reloaded := make(chan struct{}, 1), make(chan struct{})
	reloads, stop := context.WithCancel(ctx)
	go func() {
		defer close(reloaded)
		for {
			select {
			case <-wanted:
				c.reloading(true)
				c.Reload(reloads, ApplyOptions{Author: "signal"})
				c.reloading(false)
			case <-reloads.Done():
				return
			}
		}
	}()
	var upgrades sync.WaitGroup
	var upgrading atomic.Bool
	defer func() { stop(); <-reloaded; upgrades.Wait() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.o.Succeeded:
			stop()
			c.halt(errSucceeded)
			return c.shut(ctx, signals, 0, shutdown)
		case s := <-signals:
			if s == syscall.SIGUSR2 {
				if c.o.Upgrade != nil && !upgrading.Swap(true) {
					upgrades.Go(func() { c.o.Upgrade(reloads); upgrading.Store(false) })
				}
				continue
			}
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

func (c *Controller) reloading(begins bool) {
	if c.o.Reloading != nil {
		c.o.Reloading(begins)
	}
}

func (c *Controller) shut(ctx context.Context, signals <-chan os.Signal, deadline time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if deadline > 0 {
		ctx, cancel = context.WithTimeout(ctx, deadline)
		defer cancel()
	}
	done := make(chan error, 1)
	go func() { done <- shutdown(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP || s == syscall.SIGUSR2 {
				continue
			}
			cancel()
			<-done
			return ErrImpatient
		}
	}
}
