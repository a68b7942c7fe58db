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

// TestSucceed: what runs in a process runs in the one that takes its place, under
// its number, whatever the files say by then.
func TestSucceed(t *testing.T) {
	for name, dir := range map[string]string{"with a state folder": t.TempDir(), "without": ""} {
		t.Run(name, func(t *testing.T) {
			d := &desk{t: t, dir: dir, files: map[string]string{"main": "a", "other": "a b"}}
			old, end := d.serve(&fake{})
			defer end()
			if r := old.Apply(t.Context(), "other", ApplyOptions{Confirm: time.Hour}); len(r.Errors) > 0 {
				t.Fatal(r.Errors)
			}
			d.files["main"] = "broken"
			release, within, err := old.Hold(t.Context(), "test", 50*time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if within > 15*time.Minute || within < 10*time.Minute { // of the hour that is left to confirm
				t.Errorf("it may take %v", within)
			}
			l, err := old.Legacy()
			if err != nil {
				t.Fatal(err)
			}
			f := settling()
			next := New(Options{Load: d.load, Parse: d.parse, Diff: diff, Builder: f})
			defer next.Close(context.Background())
			begin, err := next.Succeed(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			if got := runs(next); got != "a b" || next.Generation() != 2 || next.Path() != "main" {
				t.Errorf("%q runs as generation %d from %s", got, next.Generation(), next.Path())
			}
			if r := next.Apply(t.Context(), "other", ApplyOptions{Wait: time.Millisecond}); len(r.Errors) == 0 {
				t.Error("a change was made before the process began")
			}
			begin()
			release(true)
			if r := old.Apply(t.Context(), "other", ApplyOptions{}); len(r.Errors) == 0 || r.Errors[0].Summary != errSucceeded.Error() || !r.Busy {
				t.Errorf("a change of the old process: %v", r.Errors)
			}
			if _, err := old.Confirm(t.Context()); !errors.Is(err, ErrBusy) {
				t.Error("the old process confirms:", err)
			}
			if got := f.told(); got != "commit 2" {
				t.Errorf("while it waits: %q", got)
			}
			if id, err := next.Confirm(t.Context()); err != nil || id != 2 {
				t.Error("what waited to be confirmed:", id, err)
			}
			if got := f.told(); got != "commit 2, settle 2" {
				t.Errorf("what it set aside: %q", got)
			}
		})
	}
	t.Run("what is refused leaves no turn behind", func(t *testing.T) {
		d := &desk{t: t, dir: t.TempDir(), files: map[string]string{"main": "a"}}
		c := New(Options{Load: d.load, Parse: d.parse, Diff: diff, Builder: &fake{}})
		defer c.Close(context.Background())
		if _, err := c.Succeed(t.Context(), Legacy{Path: "main", Entry: Entry{ID: 3}, Text: []byte("!")}); err == nil {
			t.Fatal("no error")
		}
		if err := c.Start(t.Context(), "main"); err != nil {
			t.Error(err)
		}
	})
}

func TestUpgradeBySignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, &fake{}, "a")
		taken, asked := make(chan struct{}), 0
		c.o.Succeeded = taken
		c.o.Upgrade = func(context.Context) { asked++ }
		signals := make(chan os.Signal)
		ended := make(chan error, 1)
		drained := make(chan struct{})
		go func() {
			ended <- c.Signals(context.Background(), signals, time.Minute, func(ctx context.Context) error {
				select {
				case <-drained:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}()
		for range 2 {
			signals <- syscall.SIGUSR2
			synctest.Wait()
		}
		if asked != 2 || c.Generation() != 1 {
			t.Errorf("asked %d times, generation %d", asked, c.Generation())
		}
		close(taken)
		time.Sleep(24 * time.Hour) // no deadline ends long streams
		close(drained)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
