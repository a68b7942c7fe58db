package control

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/model"
)

// settling notes commits and what is let go, by the generation of its transaction.
func settling() *fake {
	f := &fake{}
	f.hook = func(_ context.Context, t *Transaction) error {
		t.OnCommit(func() { f.note("commit %d", t.ID) })
		t.OnSettle(func() { f.note("settle %d", t.ID) })
		if len(t.Next.VHosts) > 2 {
			return fmt.Errorf("refused")
		}
		return nil
	}
	return f
}

// TestSettle: what a change set aside is let go when nothing can want it back by itself:
// at once, at its confirmation, or behind what undid it.
func TestSettle(t *testing.T) {
	ask, ctx := ApplyOptions{Confirm: time.Hour}, context.Background()
	for _, tt := range []struct {
		name, took string
		do         func(c *Controller)
	}{
		{"a change", "commit 2, settle 2", func(c *Controller) { c.Apply(ctx, "next", ApplyOptions{}) }},
		{"one that waits", "commit 2", func(c *Controller) { c.Apply(ctx, "next", ask) }},
		{"it is confirmed", "commit 2, settle 2", func(c *Controller) { c.Apply(ctx, "next", ask); c.Confirm(ctx) }},
		{"it is not", "commit 2, commit 3, settle 3", func(c *Controller) { c.Apply(ctx, "next", ask); time.Sleep(2 * time.Hour) }},
		{"it goes back", "commit 2, commit 3, settle 3", func(c *Controller) {
			c.Apply(ctx, "next", ask)
			c.Rollback(ctx, 0, ApplyOptions{})
		}},
		{"and that waits too, and is undone", "commit 2, commit 3, commit 4, settle 4", func(c *Controller) {
			c.Apply(ctx, "next", ask)
			c.Rollback(ctx, 0, ask)
			time.Sleep(2 * time.Hour)
		}},
		{"one that is refused", "", func(c *Controller) { c.Apply(ctx, "many", ApplyOptions{}) }},
		{"a rollback that is refused", "commit 2", func(c *Controller) {
			c.Apply(ctx, "next", ask)
			c.Rollback(ctx, 7, ApplyOptions{})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := settling()
				d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b", "many": "a b c"}}
				c, end := d.serve(f)
				defer end()
				tt.do(c)
				synctest.Wait()
				took := strings.TrimPrefix(strings.TrimPrefix(f.told(), "commit 1, settle 1"), ", ")
				if took != tt.took {
					t.Errorf("%q, not %q", took, tt.took)
				}
			})
		})
	}
}

// TestSettleBehindATrial: a change that was tried and is committed takes nothing back.
func TestSettleBehindATrial(t *testing.T) {
	for do, want := range map[string]string{"confirm": "try 0.1, end, settle", "rollback": "try 0.1, end, gone"} {
		synctest.Test(t, func(t *testing.T) {
			var o atomic.Pointer[Outcomes]
			o.Store(&Outcomes{Requests: 100})
			f := &fake{}
			c := start(t, f, "a")
			trialOf(f, &o)
			tries := f.hook
			f.hook = func(ctx context.Context, t *Transaction) error {
				t.OnCommit(func() { f.note("end") })
				t.OnSettle(func() { f.note("settle") })
				return tries(ctx, t)
			}
			c.Apply(t.Context(), "a b", ApplyOptions{Canary: &Canary{Share: 0.1, For: time.Hour, Until: "errors < 1%"}})
			if do == "confirm" {
				c.Confirm(t.Context())
			} else {
				c.Rollback(t.Context(), 0, ApplyOptions{})
			}
			synctest.Wait()
			if got := strings.TrimPrefix(f.told(), "beside, "); got != want {
				t.Errorf("%s: %q, not %q", do, got, want)
			}
		})
	}
}

// TestWhatComesBack: while a change waits, a plan that has again what it removed says
// that it is given back; otherwise it is new.
func TestWhatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenants := func(list []Change) []Change {
			for i := range list {
				list[i].Kind = "tenant"
			}
			return list
		}
		d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
		c, end := d.serve(&fake{})
		defer end()
		plain := c.o.Diff
		c.o.Diff = func(old, next *model.Config) []Change { return tenants(plain(old, next)) }
		said := func(r Result) string {
			for _, ch := range r.Changes {
				if ch.Key == "a" && ch.Action == "add" {
					return ch.Impact.Text
				}
			}
			return ""
		}
		c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
		if got := said(Result{Plan: c.Plan(t.Context(), "main")}); got != returns["tenant"] {
			t.Errorf("while it waits: %q", got)
		}
		c.Confirm(t.Context())
		if got := said(c.Rollback(t.Context(), 0, ApplyOptions{})); !strings.HasSuffix(got, "begins empty") {
			t.Errorf("behind it: %q", got)
		}
	})
}
