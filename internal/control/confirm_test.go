package control

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/model"
)

// barred is a controller whose second change was not confirmed, and whose way back is
// barred.
func barred(t *testing.T, then func(c *Controller, f *fake)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b", "third": "c"}}
		f := &fake{}
		c, end := d.serve(f)
		defer end()
		c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Minute})
		f.build("port!")
		time.Sleep(time.Minute)
		synctest.Wait()
		const why = "cannot go back: prepare port!"
		if id, said := c.Barred(); id != 2 || said != why || c.last().Why != why || c.last().State != Pending {
			t.Errorf("barred: %d %q, and the history has %+v", id, said, c.last())
		}
		then(c, f)
		if id, said := c.Barred(); id != 0 {
			t.Errorf("still barred: %d %q", id, said)
		}
	})
}

// TestBarred: when what nobody confirmed cannot be gone back from, that is told, tried
// again, and there are ways out.
func TestBarred(t *testing.T) {
	for name, tt := range map[string]struct {
		do          func(c *Controller, f *fake) error
		runs, state string
	}{
		"it is mended": {func(_ *Controller, f *fake) error {
			f.build()
			time.Sleep(retryRollback)
			synctest.Wait()
			return nil
		}, "a", RolledBack},
		"it is confirmed": {func(c *Controller, _ *fake) error {
			_, err := c.Confirm(context.Background())
			return err
		}, "b", Committed},
		"it is replaced": {func(c *Controller, f *fake) error {
			f.build()
			r := c.Apply(context.Background(), "third", ApplyOptions{Force: true})
			return r.Err()
		}, "c", RolledBack},
		"what replaces it is refused, and then not": {func(c *Controller, f *fake) error {
			if r := c.Apply(context.Background(), "third", ApplyOptions{Force: true}); r.Committed {
				return errors.New("it is committed")
			}
			f.build()
			if r := c.Apply(context.Background(), "third", ApplyOptions{}); !r.Busy {
				return errors.New("nothing waits")
			}
			r := c.Apply(context.Background(), "third", ApplyOptions{Force: true})
			return r.Err()
		}, "c", RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			barred(t, func(c *Controller, f *fake) {
				if err := tt.do(c, f); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if e, _ := c.entry(2); runs(c) != tt.runs || e.State != tt.state || e.Deadline != nil {
					t.Errorf("%q runs, and change 2 is %+v", runs(c), e)
				}
			})
		})
	}
}

// TestForceBeforeItIsDue: before its time is over, nothing replaces what waits.
func TestForceBeforeItIsDue(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	c, end := d.serve(&fake{})
	defer end()
	c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
	if r := c.Apply(t.Context(), "main", ApplyOptions{Force: true}); !r.Busy || runs(c) != "b" {
		t.Errorf("%q runs: %v", runs(c), r.Err())
	}
}

// TestBackFromMemory: what runs again is the configuration that ran, and no text of it is
// read again.
func TestBackFromMemory(t *testing.T) {
	for name, back := range map[string]func(c *Controller){
		"by itself": func(*Controller) { time.Sleep(time.Minute) },
		"by hand":   func(c *Controller) { c.Rollback(context.Background(), 0, ApplyOptions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
				c, end := d.serve(&fake{})
				defer end()
				was := c.Running()
				c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Minute})
				c.o.Parse = func(string, []byte) (*model.Config, []Problem, []Problem) {
					return nil, []Problem{{Summary: "not again"}}, nil
				}
				back(c)
				synctest.Wait()
				if c.Running() != was {
					t.Errorf("%q runs", runs(c))
				}
			})
		})
	}
}
