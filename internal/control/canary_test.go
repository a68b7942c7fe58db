package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// trialOf makes every change of f one that can be tried, with those outcomes.
func trialOf(f *fake, o *atomic.Pointer[Outcomes]) {
	f.hook = func(_ context.Context, t *Transaction) error {
		t.OnTry(func() { f.note("beside") })
		t.Try(func(share float64) Tried {
			f.note("try %g", share)
			return Tried{
				Outcomes: func() (next, running Outcomes) { return *o.Load(), Outcomes{Requests: 900} },
				End:      func() { f.note("end") },
				Gone:     func(context.Context) error { f.note("gone"); return nil },
			}
		})
		return nil
	}
}

func (f *fake) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.trace, ", ")
}

func TestCanary(t *testing.T) {
	const began, all, none = "prepare part, beside, try 0.07", ", commit part", ", end, gone, abort part"
	ask := ApplyOptions{Canary: &Canary{Share: 0.07, For: 5 * time.Minute, Until: "errors < 1%"}}
	for _, tt := range []struct {
		name string
		o    Outcomes
		do   func(t *testing.T, c *Controller)
		took string
		why  string
		wait time.Duration
	}{
		{name: "good", o: Outcomes{Requests: 1000, Errors: 1}, wait: 6 * time.Minute, took: began + all, why: "all conditions hold"},
		{name: "not yet", o: Outcomes{Requests: 1000, Errors: 1}, wait: 4 * time.Minute, took: began},
		{name: "bad", o: Outcomes{Requests: 1000, Errors: 100}, wait: 2 * time.Second, took: began + none, why: "errors < 1% does not hold"},
		{name: "bad, of few", o: Outcomes{Requests: 10, Errors: 10}, wait: time.Minute, took: began},
		{name: "bad, of few, at the end", o: Outcomes{Requests: 10, Errors: 10}, wait: 6 * time.Minute, took: began + none, why: "errors < 1% does not hold"},
		{name: "silence", wait: 6 * time.Minute, took: began + none, why: "no exchange was served by it"},
		{name: "confirmed", wait: time.Second, took: began + all, why: "confirmed", do: func(t *testing.T, c *Controller) {
			if id, err := c.Confirm(t.Context()); err != nil || id != 2 {
				t.Error(id, err)
			}
		}},
		{name: "rolled back", wait: time.Second, took: began + none, why: "ended by uid 7", do: func(t *testing.T, c *Controller) {
			if r := c.Rollback(t.Context(), 0, ApplyOptions{Author: "uid 7"}); len(r.Errors) > 0 || r.Canary != 2 || r.Generation != 1 {
				t.Errorf("%+v", r)
			}
		}},
		{name: "others wait", wait: time.Second, took: began, do: func(t *testing.T, c *Controller) {
			for _, r := range []Result{c.Apply(t.Context(), "x", ApplyOptions{}), c.Rollback(t.Context(), 1, ApplyOptions{}), c.Reload(t.Context(), ApplyOptions{})} {
				if len(r.Errors) != 1 || !r.Busy || !strings.Contains(r.Errors[0].String(), "change 2 is tried with 7% of the clients until") {
					t.Errorf("%+v", r.Errors)
				}
			}
			if _, _, err := c.Hold(t.Context(), "uid 7", time.Minute); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "change 2 is tried with 7% of the clients until") {
				t.Errorf("an upgrade: %v", err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o atomic.Pointer[Outcomes]
				o.Store(&tt.o)
				f := &fake{parts: []string{"part"}}
				c := start(t, f, "a")
				trialOf(f, &o)
				r := c.Apply(t.Context(), "a b", ask)
				if r.Committed || r.Canary != 2 || r.Generation != 1 || len(r.Errors) > 0 {
					t.Fatalf("%+v", r)
				}
				if o := c.Trial(); o == nil || o.Change != 2 || o.Share != 0.07 || time.Until(o.Deadline) != 5*time.Minute || o.Next != tt.o || len(o.Conditions) != 1 {
					t.Errorf("%+v", o)
				} else if k := o.Conditions[0]; k.Text != "errors < 1%" || k.Holds == strings.HasPrefix(tt.name, "bad") || !strings.HasSuffix(k.Now, "%") {
					t.Errorf("%+v", k)
				}
				if tt.do != nil {
					tt.do(t, c)
				}
				time.Sleep(tt.wait)
				synctest.Wait()
				if got := f.told(); got != tt.took {
					t.Errorf("%q, not %q", got, tt.took)
				}
				e := c.History()[0]
				state, generation := Trying, uint64(1)
				switch {
				case strings.HasSuffix(tt.took, all):
					state, generation = Committed, 2
				case strings.HasSuffix(tt.took, none):
					state = RolledBack
				}
				if e.State != state || c.Generation() != generation || e.Canary == nil || e.Canary.Why != tt.why || (state != Trying) != (e.Deadline == nil) || (state == Trying) != (c.Trial() != nil) {
					t.Errorf("generation %d, history %+v %+v", c.Generation(), e, e.Canary)
				}
				if state != Trying && (e.Canary.Next != tt.o || e.Canary.Running.Requests != 900) {
					t.Errorf("figures %+v", e.Canary)
				}
			})
		})
	}
}

// TestCanaryDoesNotOutliveTheProcess ends one process in order and lets the
// other's journal stand as it was.
func TestCanaryDoesNotOutliveTheProcess(t *testing.T) {
	var o atomic.Pointer[Outcomes]
	o.Store(&Outcomes{})
	f := &fake{parts: []string{"part"}}
	c := start(t, f, "a")
	trialOf(f, &o)
	c.Apply(t.Context(), "a b", ApplyOptions{Canary: &Canary{Share: 0.5, For: time.Hour, Until: "errors < 1%"}})
	e := c.History()[0]
	var r Result
	c.history[1].State = Trying // as a process that was killed leaves it
	c.forsake(&r)
	if got := c.History()[0]; got.State != RolledBack || got.Canary.Why != "the process ended" || len(r.Warnings) != 1 {
		t.Errorf("%+v, %v", got, r.Warnings)
	}
	c.history[1] = e
	c.Close(t.Context())
	if got := c.History()[0]; got.State != RolledBack || got.Canary.Why != "the process ended" || c.Generation() != 1 {
		t.Errorf("%+v", got)
	}
	if c.kept().ID != 1 {
		t.Error("it would run again")
	}
}

// TestTrialWithoutJournal: what was tried is gone back from although that cannot be
// written; the history says so, and the journal once it can.
func TestTrialWithoutJournal(t *testing.T) {
	for _, good := range []bool{true, false} {
		for _, wait := range []time.Duration{2 * retryJournal, 0} {
			t.Run(fmt.Sprintf("%t, %v", good, wait), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { trialWithoutJournal(t, good, wait) })
			})
		}
	}
}

func trialWithoutJournal(t *testing.T, good bool, wait time.Duration) {
	var o atomic.Pointer[Outcomes]
	o.Store(&Outcomes{Requests: 1000})
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	f := &fake{parts: []string{"part"}}
	c, end := d.serve(f)
	trialOf(f, &o)
	c.Apply(t.Context(), "next", ApplyOptions{Canary: &Canary{Share: 0.5, For: time.Minute, Until: "errors < 1%"}})
	if !good {
		o.Store(&Outcomes{Requests: 1000, Errors: 1000})
	}
	folder := filepath.Join(d.dir, "journal")
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	if e := c.History()[0]; runs(c) != "a" || c.Trial() != nil || e.State != RolledBack || e.Owed == "" {
		t.Errorf("%q: %+v", runs(c), e)
	}
	if err := os.Rename(folder+"-away", folder); err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	synctest.Wait()
	end()
	c, end = d.serve(&fake{})
	defer end()
	if e := c.History()[0]; runs(c) != "a" || e.State != RolledBack || strings.Contains(e.Canary.Why, "the process ended") {
		t.Errorf("%q: %+v, %+v", runs(c), e, e.Canary)
	}
}

// TestReloadOfWhatWasTried wants to be forced, as long as the file is what was
// tried.
func TestReloadOfWhatWasTried(t *testing.T) { synctest.Test(t, reloadOfWhatWasTried) }

func reloadOfWhatWasTried(t *testing.T) {
	var o atomic.Pointer[Outcomes]
	o.Store(&Outcomes{})
	f := &fake{}
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "other": "a c"}}
	c, end := d.serve(f)
	defer end()
	trialOf(f, &o)
	tryOut := func(path string) {
		if r := c.Apply(t.Context(), path, ApplyOptions{Canary: &Canary{Share: 0.5, For: time.Hour, Until: "errors < 1%"}}); r.Canary == 0 {
			t.Fatalf("%+v", r)
		}
		c.Rollback(t.Context(), 0, ApplyOptions{Author: "uid 7"})
	}
	d.files["main"] = "a b"
	tryOut("main")
	r := c.Reload(t.Context(), ApplyOptions{})
	if len(r.Errors) != 1 || r.Errors[0].Summary != "the file is what change 2 tried, which was undone: ended by uid 7" || r.Busy {
		t.Errorf("%+v", r)
	}
	if r := c.Apply(t.Context(), "main", ApplyOptions{Match: 7}); r.Committed {
		t.Error("generation 7 does not run")
	}
	d.files["main"] = "a b d"
	if r := c.Reload(t.Context(), ApplyOptions{}); !r.Committed {
		t.Errorf("another file: %+v", r)
	}
	d.files["main"] = "a e"
	tryOut("main")
	if r := c.Reload(t.Context(), ApplyOptions{Force: true}); !r.Committed {
		t.Errorf("forced: %+v", r)
	}
	// A trial of another file says nothing of this one.
	if r := c.Revise(t.Context(), also("x"), ApplyOptions{}); !r.Committed {
		t.Errorf("%+v", r)
	}
	tryOut("other")
	if r := c.Reload(t.Context(), ApplyOptions{}); !r.Committed || runs(c) != "a e" {
		t.Errorf("%+v", r)
	}
}

// TestUntried names every change that is one for both sides.
func TestUntried(t *testing.T) {
	list := untried([]Change{
		{Kind: "listener", Key: "web", Action: "change"}, {Kind: "server", Key: "app/a", Action: "change", Fields: []Field{{Name: "weight"}}},
		{Kind: "server", Key: "app/a", Action: "change", Fields: []Field{{Name: "address"}}}, {Kind: "route", Key: "any/all", Action: "change"},
		{Kind: "backend", Key: "b", Action: "change", Fields: []Field{{Name: "discover.name", Old: "a", New: "b"}}}, {Kind: "tenant", Key: "shop", Action: "change"},
	})
	if len(list) != 3 {
		t.Errorf("%v", list)
	}
}
