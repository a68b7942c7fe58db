package control

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignals(t *testing.T) {
	t.Run("hangup reloads, terminate ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, &fake{}, "a")
			signals := make(chan os.Signal)
			ended := make(chan error, 1)
			go func() {
				ended <- c.Signals(context.Background(), signals, time.Minute, func(context.Context) error { return nil })
			}()
			signals <- syscall.SIGHUP
			synctest.Wait()
			if c.Generation() != 2 {
				t.Errorf("generation %d after SIGHUP", c.Generation())
			}
			signals <- syscall.SIGTERM
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("hangups during a reload become one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			c := start(t, f, "a")
			gate := make(chan struct{})
			f.hook = func(context.Context, *Transaction) error { <-gate; return nil }
			signals := make(chan os.Signal)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- c.Signals(ctx, signals, time.Minute, nil) }()
			for range 5 {
				signals <- syscall.SIGHUP
				synctest.Wait()
			}
			close(gate)
			synctest.Wait()
			if c.Generation() != 3 {
				t.Errorf("generation %d, want 3: the one under way and one more", c.Generation())
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a second terminate ends at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, &fake{}, "a")
			signals := make(chan os.Signal)
			ended := make(chan error, 1)
			go func() {
				ended <- c.Signals(context.Background(), signals, time.Hour, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			}()
			signals <- syscall.SIGTERM
			synctest.Wait()
			signals <- syscall.SIGHUP // means nothing any more
			signals <- syscall.SIGINT
			if err := <-ended; !errors.Is(err, ErrImpatient) {
				t.Error(err)
			}
		})
	})
	t.Run("the deadline ends a drain", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, &fake{}, "a")
			signals := make(chan os.Signal, 1)
			signals <- syscall.SIGTERM
			begin := time.Now()
			err := c.Signals(context.Background(), signals, 30*time.Second, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 30*time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
}
