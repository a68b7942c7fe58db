package control

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// endless is a Builder's part that is never done before its context.
func endless(ctx context.Context, _ *Transaction) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestWaitForAnotherChangeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		c := start(t, f, "a")
		f.hook = endless
		first := make(chan Result, 1)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { first <- c.Apply(ctx, "b", ApplyOptions{Author: "uid 1000"}) }()
		synctest.Wait()
		began := time.Now()
		r := c.Apply(context.Background(), "c", ApplyOptions{Author: "uid 2", Wait: 30 * time.Second})
		if took := time.Since(began); r.Committed || took != 30*time.Second {
			t.Errorf("%v after %v", r, took)
		}
		for _, want := range []string{"another change is being prepared since " + began.Format(time.TimeOnly) + " (30s), by uid 1000", "try again"} {
			if text := r.Err().Error(); !strings.Contains(text, want) {
				t.Errorf("%q, without %q", text, want)
			}
		}
		soon, end := context.WithTimeout(context.Background(), time.Second)
		defer end()
		if _, err := c.Confirm(soon); !errors.Is(err, ErrBusy) {
			t.Error("to confirm meanwhile:", err)
		}
		cancel()
		if r := <-first; r.Committed {
			t.Error("committed for nobody")
		}
		f.hook = nil
		if r := c.Apply(context.Background(), "c", ApplyOptions{Wait: time.Second}); !r.Committed {
			t.Error(r.Err())
		}
	})
}

// TestEndGivesChangesUp: what is being prepared when the process is to end is
// undone before the end, whoever asked for it.
func TestEndGivesChangesUp(t *testing.T) {
	for name, end := range map[string]func(*Controller){
		"signal": func(c *Controller) {
			signals := make(chan os.Signal, 1)
			signals <- syscall.SIGTERM
			if err := c.Signals(context.Background(), signals, time.Hour, func(context.Context) error { return nil }); err != nil {
				t.Error(err)
			}
		},
		"close": func(c *Controller) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c.Close(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				c := start(t, f, "a")
				f.parts, f.hook = []string{"x"}, endless
				results := make(chan Result, 2)
				go func() { results <- c.Apply(context.Background(), "b", ApplyOptions{}) }()
				synctest.Wait()
				go func() { results <- c.Apply(context.Background(), "c", ApplyOptions{}) }() // waits for it
				synctest.Wait()
				end(c)
				synctest.Wait()
				for range 2 {
					if r := <-results; r.Committed || !strings.Contains(r.Err().Error(), "the process is ending") {
						t.Error(r)
					}
				}
				if last := f.trace[len(f.trace)-1]; last != "abort x" {
					t.Errorf("%q", f.trace)
				}
				if c.Generation() != 1 || !errors.Is(context.Cause(c.changes), errEnding) {
					t.Error(c.Generation())
				}
			})
		})
	}
}
