package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/control/journal"
	"fishplate/internal/model"
)

// desk is a world of named files for controllers that come and go, with one
// state folder.
type desk struct {
	t     *testing.T
	dir   string
	files map[string]string
}

func (d *desk) load(_ context.Context, path string) (*model.Config, []Problem, []Problem) {
	cfg, errs, warnings := d.parse(path, []byte(d.files[path]))
	if cfg != nil {
		space := len(d.files[path]) - len(strings.TrimLeft(d.files[path], "\n"))
		cfg.Places = model.Places{"piece": {File: path, Line: space}}
		cfg.Sources = []model.Source{{Path: path, Hash: sha256.Sum256([]byte(d.files[path]))}}
	}
	return cfg, errs, warnings
}

func (d *desk) parse(_ string, text []byte) (*model.Config, []Problem, []Problem) {
	cfg, errs, warnings := load(d.t.Context(), string(text))
	if cfg != nil {
		cfg.Flat, cfg.State.Dir = text, d.dir
	}
	return cfg, errs, warnings
}

// serve starts a controller from the file "main", and returns how to end it.
func (d *desk) serve(f *fake) (*Controller, func()) {
	d.t.Helper()
	c := New(Options{Load: d.load, Parse: d.parse, Diff: diff, Builder: f})
	if err := c.Start(d.t.Context(), "main"); err != nil {
		d.t.Fatal(err)
	}
	return c, func() { c.Close(context.Background()) }
}

func runs(c *Controller) string {
	var words []string
	for _, v := range c.Running().VHosts {
		words = append(words, v.Name)
	}
	return strings.Join(words, " ")
}

// TestWhatWinsAtStart has the rows of "What wins at start".
func TestWhatWinsAtStart(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *Controller, d *desk)
		want string
		id   uint64
	}{
		{"nothing happened", func(*Controller, *desk) {}, "a b", 1},
		{"the file is applied", func(c *Controller, d *desk) { d.files["main"] = "a c"; c.Reload(t.Context(), ApplyOptions{}) }, "a c", 2},
		{"the API changed it", func(c *Controller, _ *desk) { c.Revise(t.Context(), also("x"), ApplyOptions{Author: "uid 1"}) }, "a b x", 2},
		{"the API changed it, then the file changed", func(c *Controller, d *desk) {
			c.Revise(t.Context(), also("x"), ApplyOptions{})
			d.files["main"] = "b"
		}, "b", 3},
		{"rolled back", func(c *Controller, d *desk) {
			d.files["main"] = "c"
			c.Reload(t.Context(), ApplyOptions{})
			c.Rollback(t.Context(), 0, ApplyOptions{})
		}, "a b", 3},
		{"another file applied", func(c *Controller, d *desk) { d.files["other"] = "o"; c.Apply(t.Context(), "other", ApplyOptions{}) }, "o", 2},
		{"waits to be confirmed", func(c *Controller, d *desk) {
			d.files["main"] = "c"
			c.Apply(t.Context(), "main", ApplyOptions{Confirm: time.Hour})
		}, "c", 2},
		{"not confirmed in time", func(c *Controller, d *desk) {
			d.files["main"] = "c"
			c.Apply(t.Context(), "main", ApplyOptions{Confirm: time.Hour})
			late(t, c)
		}, "a b", 1},
		{"not confirmed in time, twice started", func(c *Controller, d *desk) {
			d.files["main"] = "c"
			c.Apply(t.Context(), "main", ApplyOptions{Confirm: time.Hour})
			late(t, c)
			_, end := d.serve(&fake{})
			end()
		}, "a b", 1},
		{"the file was refused", func(c *Controller, d *desk) {
			d.files["main"] = "c"
			if r := c.Reload(t.Context(), ApplyOptions{Match: 7}); r.Committed {
				t.Error("generation 7 does not run")
			}
		}, "c", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &desk{t, t.TempDir(), map[string]string{"main": "a b"}}
			c, end := d.serve(&fake{})
			tt.do(c, d)
			end()
			c, end = d.serve(&fake{})
			defer end()
			if got := runs(c); got != tt.want || c.Generation() != tt.id {
				t.Errorf("%q runs as generation %d, want %q as %d; %+v", got, c.Generation(), tt.want, tt.id, c.History())
			}
		})
	}
}

// TestMovedText: a file that says the same at other places is no change, and what
// runs knows the places; also after a restart.
func TestMovedText(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a b"}}
	f := &fake{}
	c, end := d.serve(f)
	line := func() int { return c.Running().Places["piece"].Line }
	d.files["main"] = "\n\na b"
	for range 2 {
		r := c.Apply(t.Context(), "main", ApplyOptions{Confirm: time.Minute})
		if r.Committed || len(r.Errors) > 0 || c.Generation() != 1 || len(c.History()) != 1 || line() != 2 {
			t.Errorf("%+v, generation %d, line %d", r, c.Generation(), line())
		}
	}
	f.build("bad!")
	d.files["main"] = "\n\n\na b"
	if r := c.Apply(t.Context(), "main", ApplyOptions{}); len(r.Errors) > 0 || line() != 2 {
		t.Errorf("%+v, line %d", r, line())
	}
	d.files["main"] = "a b"
	end()
	c, end = d.serve(&fake{})
	if line() != 0 || c.Running().Places["piece"].File != "main" || c.Generation() != 1 {
		t.Errorf("%+v, generation %d", c.Running().Places, c.Generation())
	}
	end()
}

// TestWhatBecameOfWaiting: the history says at once what undid a change that
// waited, and of which change the loss was.
func TestWhatBecameOfWaiting(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *Controller, d *desk)
		why  string
	}{
		{"the file changed", func(_ *Controller, d *desk) { d.files["main"] = "d" }, "the files changed before it was confirmed: change 3"},
		{"late", func(c *Controller, _ *desk) { late(t, c) }, "not confirmed in time"},
		{"by a hand that left no time", func(c *Controller, _ *desk) { _ = c.amend(c.Generation(), func(e *Entry) { e.Deadline = nil }) }, "not confirmed in time"},
		{"rolled back", func(c *Controller, _ *desk) { c.Rollback(t.Context(), 0, ApplyOptions{}) }, "change 3 went back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &desk{t, t.TempDir(), map[string]string{"main": "a b"}}
			c, end := d.serve(&fake{})
			d.files["main"] = "c"
			c.Apply(t.Context(), "main", ApplyOptions{Confirm: time.Hour})
			tt.do(c, d)
			end()
			c, end = d.serve(&fake{})
			defer end()
			if e, _ := c.entry(2); e.State != RolledBack || e.Why != tt.why || e.Deadline != nil {
				t.Errorf("%+v", e)
			}
			if r := c.Apply(t.Context(), "main", ApplyOptions{Always: true}); r.Busy {
				t.Errorf("it still waits: %+v", r.Errors)
			}
		})
	}
}

// also adds a virtual host to a text.
func also(name string) func([]byte) ([]byte, []Problem) {
	return func(text []byte) ([]byte, []Problem) { return append(text, " "+name...), nil }
}

// late lets the time of the pending change pass.
func late(t *testing.T, c *Controller) {
	t.Helper()
	past := time.Now().Add(-time.Second)
	if err := c.amend(c.Generation(), func(e *Entry) { e.Deadline = &past }); err != nil {
		t.Fatal(err)
	}
}

func TestConfirm(t *testing.T) { synctest.Test(t, confirm) }

func confirm(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b", "third": "c"}}
	c, end := d.serve(&fake{})
	defer end()
	if _, err := c.Confirm(t.Context()); err == nil {
		t.Error("nothing is confirmed")
	}
	if r := c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour}); !r.Committed || c.History()[0].State != Pending {
		t.Fatalf("%+v", r)
	}
	r := c.Apply(t.Context(), "third", ApplyOptions{})
	if r.Committed || !strings.HasPrefix(r.Errors[0].Summary, "change 2 waits to be confirmed until ") || !r.Busy {
		t.Errorf("%+v", r)
	}
	if id, err := c.Confirm(t.Context()); id != 2 || err != nil || c.History()[0].State != Committed {
		t.Errorf("%d, %v", id, err)
	}
	if r := c.Apply(t.Context(), "third", ApplyOptions{Confirm: time.Minute}); !r.Committed {
		t.Errorf("%+v", r)
	}
	time.Sleep(time.Minute) // nobody confirms
	synctest.Wait()
	h := c.History()
	if runs(c) != "b" || h[0].Source != "rollback" || h[0].Restored != 2 || h[0].Author != "confirm" || h[1].State != RolledBack {
		t.Errorf("%q: %+v", runs(c), h)
	}
}

// TestConfirmIsOnDisk: what the next process would undo is not confirmed, and can
// be confirmed later.
func TestConfirmIsOnDisk(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	c, end := d.serve(&fake{})
	defer end()
	c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
	folder := filepath.Join(d.dir, "journal")
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Confirm(t.Context()); err == nil || c.History()[0].State != Pending {
		t.Errorf("%v: %+v", err, c.History()[0])
	}
	if err := os.Rename(folder+"-away", folder); err != nil {
		t.Fatal(err)
	}
	if id, err := c.Confirm(t.Context()); id != 2 || err != nil || c.History()[0].State != Committed {
		t.Errorf("%d, %v: %+v", id, err, c.History()[0])
	}
}

// TestRollbackSkipsWhatWasNotConfirmed: what ran before the files that won at the
// start is not what nobody confirmed.
func TestRollbackSkipsWhatWasNotConfirmed(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	c, end := d.serve(&fake{})
	c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
	late(t, c)
	end()
	d.files["main"] = "c"
	c, end = d.serve(&fake{})
	defer end()
	if h := c.History(); runs(c) != "c" || h[0].Parent != 1 {
		t.Errorf("%q: %+v", runs(c), h)
	}
	if r := c.Rollback(t.Context(), 0, ApplyOptions{}); !r.Committed || runs(c) != "a" {
		t.Errorf("%q: %+v", runs(c), r)
	}
}

// TestRollbackToConfirm: a rollback of what waits to be confirmed may wait itself.
func TestRollbackToConfirm(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	c, end := d.serve(&fake{})
	defer end()
	c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
	if r := c.Rollback(t.Context(), 0, ApplyOptions{Match: 1}); r.Committed || runs(c) != "b" {
		t.Errorf("generation 1 does not run: %+v", r)
	}
	if r := c.Rollback(t.Context(), 0, ApplyOptions{Match: 2, Confirm: time.Hour}); !r.Committed || runs(c) != "a" {
		t.Errorf("%+v", r)
	}
	if h := c.History(); h[0].State != Pending || h[0].Deadline == nil || h[1].State != RolledBack || h[1].Deadline != nil {
		t.Errorf("%+v", h)
	}
	if id, err := c.Confirm(t.Context()); id != 3 || err != nil {
		t.Errorf("%d, %v", id, err)
	}
}

// TestRollbackThatWaits: a rollback that nobody confirms is undone, to what ran before
// it; by its time, by a rollback, by a start, and by the process that took over.
func TestRollbackThatWaits(t *testing.T) {
	const minute = time.Minute
	over := func(*testing.T, *Controller) { time.Sleep(minute); synctest.Wait() }
	back := func(t *testing.T, c *Controller) {
		t.Helper()
		if r := c.Rollback(t.Context(), 0, ApplyOptions{}); !r.Committed {
			t.Errorf("%+v", r)
		}
	}
	for _, tt := range []struct {
		name       string
		to         uint64 // rolled back to; 0 is the one before
		tried, end string // what runs while it waits, and behind it
		undo       func(*testing.T, *Controller)
	}{
		{"to an early one, in time", 2, "a x", "a x x x", over},
		{"to an early one, by a rollback", 2, "a x", "a x x x", back},
		{"to the one before, in time", 0, "a x x", "a x x x", over},
		{"to the one before, by a rollback", 0, "a x x", "a x x x", back},
		{"to the first, in time", 1, "a", "a x x x", over},
		{"to the first, by a rollback", 1, "a", "a x x x", back},
	} {
		for _, how := range []string{"", ", started again", ", by the next process", ", by the next process without a folder"} {
			t.Run(tt.name+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{t, t.TempDir(), map[string]string{"main": "a"}}
					if strings.HasSuffix(how, "folder") {
						d.dir = ""
					}
					c, end := d.serve(&fake{})
					for range 3 {
						c.Revise(t.Context(), also("x"), ApplyOptions{})
					}
					if r := c.Rollback(t.Context(), tt.to, ApplyOptions{Confirm: minute}); !r.Committed || runs(c) != tt.tried {
						t.Fatalf("%q: %+v", runs(c), r)
					}
					switch {
					case how == "":
					case strings.HasSuffix(how, "again"):
						end()
						c, end = d.serve(&fake{})
					default:
						l, err := c.Legacy()
						if err != nil {
							t.Fatal(err)
						}
						end()
						c = New(Options{Load: d.load, Parse: d.parse, Diff: diff, Builder: &fake{}})
						release, err := c.Succeed(t.Context(), l)
						if err != nil {
							t.Fatal(err)
						}
						release()
						end = func() { c.Close(context.Background()) }
					}
					defer func() { end() }()
					if runs(c) != tt.tried {
						t.Errorf("%q waits, want %q", runs(c), tt.tried)
					}
					tt.undo(t, c)
					if h := c.History(); runs(c) != tt.end || h[0].Restored != 4 || h[1].State != RolledBack || h[1].Deadline != nil {
						t.Errorf("%q runs, want %q: %+v", runs(c), tt.end, h)
					}
					if r := c.Revise(t.Context(), also("y"), ApplyOptions{}); !r.Committed || runs(c) != tt.end+" y" {
						t.Errorf("%q after an edit: %+v", runs(c), r)
					}
				})
			})
		}
	}
}

// TestRollbackOfWhatWaitsThatWaits: when a rollback of what was to be confirmed is not
// confirmed either, what was never confirmed does not come back.
func TestRollbackOfWhatWaitsThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
		c, end := d.serve(&fake{})
		defer end()
		c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
		c.Rollback(t.Context(), 0, ApplyOptions{Confirm: time.Minute})
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := c.History(); runs(c) != "a" || h[0].State != Committed || h[0].Restored != 1 || h[1].State != RolledBack {
			t.Errorf("%q: %+v", runs(c), h)
		}
		if r := c.Apply(t.Context(), "next", ApplyOptions{}); !r.Committed {
			t.Errorf("%+v", r)
		}
	})
}

// TestTextsDuringChanges reads texts that are kept in memory while others are put
// there.
func TestTextsDuringChanges(t *testing.T) {
	d := &desk{t, "", map[string]string{"main": "a"}}
	c, end := d.serve(&fake{})
	defer end()
	var changes sync.WaitGroup
	changes.Go(func() {
		for range 2 * journal.MemoryLength {
			c.Revise(t.Context(), also("x"), ApplyOptions{})
			c.Rollback(t.Context(), 0, ApplyOptions{})
		}
	})
	for range 200 {
		text, err := c.Text(0)
		if err == nil && !strings.HasPrefix(string(text), "a") {
			t.Errorf("%q", text)
		}
	}
	changes.Wait()
}

func TestRollbacksGoFurtherBack(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "1", "2": "2", "3": "3"}}
	c, end := d.serve(&fake{})
	defer end()
	c.Apply(t.Context(), "2", ApplyOptions{})
	c.Apply(t.Context(), "3", ApplyOptions{})
	for _, want := range []string{"2", "1"} {
		if r := c.Rollback(t.Context(), 0, ApplyOptions{}); !r.Committed || runs(c) != want {
			t.Errorf("%q runs, want %q: %+v", runs(c), want, r)
		}
	}
	if r := c.Rollback(t.Context(), 0, ApplyOptions{}); r.Committed || r.Errors[0].Summary != "rollback: nothing ran before" {
		t.Errorf("%+v", r)
	}
	if r := c.Rollback(t.Context(), 3, ApplyOptions{Author: "me"}); !r.Committed || runs(c) != "3" || c.History()[0].Comment != "back to change 3" {
		t.Errorf("%+v", r)
	}
	if r := c.Rollback(t.Context(), 99, ApplyOptions{}); r.Committed || r.Errors[0].Summary != "change 99 is not remembered" {
		t.Errorf("%+v", r)
	}
}

// TestReloadBehindARollback: the file still holds what somebody went back from.
func TestReloadBehindARollback(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a"}}
	c, end := d.serve(&fake{})
	defer end()
	d.files["main"] = "bad"
	c.Reload(t.Context(), ApplyOptions{})
	c.Rollback(t.Context(), 0, ApplyOptions{})
	r := c.Reload(t.Context(), ApplyOptions{})
	if r.Committed || runs(c) != "a" || r.Errors[0].Suggestion != "fishplate reload --force applies the file" {
		t.Errorf("%+v", r)
	}
	if r := c.Reload(t.Context(), ApplyOptions{Force: true}); !r.Committed || runs(c) != "bad" {
		t.Errorf("%+v", r)
	}
}

func TestCompare(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "file": "a b c"}}
	c, end := d.serve(&fake{})
	defer end()
	c.Revise(t.Context(), also("b"), ApplyOptions{})
	for _, tt := range []struct{ from, to, want string }{
		{"1", "running", "add b"}, {"running", "file", "add c"}, {"2", "1", "remove b"}, {"file", "file", ""}, {"9", "running", "change 9 is not remembered"},
	} {
		p := c.Compare(t.Context(), tt.from, tt.to)
		var got []string
		for _, ch := range p.Changes {
			got = append(got, ch.Action+" "+ch.Key)
		}
		for _, e := range p.Errors {
			got = append(got, e.Summary)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s to %s: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

// TestJournalCannotBeWritten: what would be forgotten is not committed.
func TestJournalCannotBeWritten(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	f := &fake{parts: []string{"router"}}
	c, end := d.serve(f)
	defer end()
	if err := os.RemoveAll(filepath.Join(d.dir, "journal")); err != nil {
		t.Fatal(err)
	}
	f.trace = nil
	r := c.Apply(t.Context(), "next", ApplyOptions{})
	if r.Committed || runs(c) != "a" || fmt.Sprint(f.trace) != "[prepare router abort router]" {
		t.Errorf("%+v, %v", r, f.trace)
	}
}

// TestDeadlineWithoutJournal: the change that nobody confirmed goes back when its
// time is over although that cannot be written, now and by a process that starts.
func TestDeadlineWithoutJournal(t *testing.T) { synctest.Test(t, deadlineWithoutJournal) }

func deadlineWithoutJournal(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	folder := filepath.Join(d.dir, "journal")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	c, end := d.serve(&fake{})
	if r := c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Minute}); !r.Committed {
		t.Fatalf("%+v", r)
	}
	move(folder, folder+"-away")
	time.Sleep(time.Minute)
	synctest.Wait()
	h := c.History()
	if runs(c) != "a" || len(h) != 3 || h[0].Owed == "" || h[1].Owed == "" || h[1].State != RolledBack {
		t.Fatalf("%q: %+v", runs(c), h)
	}
	if id, why := c.Owed(); id != 3 || why != h[0].Owed {
		t.Errorf("owed: %d, %q", id, why)
	}
	if text, err := c.Text(0); string(text) != "a" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := c.Confirm(t.Context()); !errors.Is(err, ErrSettled) {
		t.Errorf("confirmed after its time: %v", err)
	}
	if r := c.Apply(t.Context(), "next", ApplyOptions{}); r.Committed || runs(c) != "a" {
		t.Errorf("%+v", r)
	}
	if _, _, err := c.Hold(t.Context(), "test", time.Minute); !errors.Is(err, journal.ErrMoved) {
		t.Errorf("an upgrade that would not know it: %v", err)
	}
	move(folder+"-away", folder)
	time.Sleep(2 * retryJournal)
	synctest.Wait()
	if id, _ := c.Owed(); id != 0 {
		t.Errorf("%d is owed: %+v", id, c.History())
	}
	if h := c.History(); h[0].Owed != "" || h[1].Owed != "" {
		t.Errorf("%+v", h)
	}
	end()
	c, end = d.serve(&fake{})
	if h := c.History(); runs(c) != "a" || len(h) != 3 || h[0].Source != "rollback" || h[1].State != RolledBack {
		t.Errorf("%q: %+v", runs(c), h)
	}
	end()
}

// TestLateStartWithoutRoom: a process that starts and can write nothing runs what it
// says that it runs.
func TestLateStartWithoutRoom(t *testing.T) {
	d := &desk{t, t.TempDir(), map[string]string{"main": "a", "next": "b"}}
	c, end := d.serve(&fake{})
	c.Apply(t.Context(), "next", ApplyOptions{Confirm: time.Hour})
	late(t, c)
	end()
	// A folder at the name of what would be written stands for a full disk.
	aside := filepath.Join(d.dir, "journal", "000000000002.commit.new")
	if err := os.MkdirAll(filepath.Join(aside, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, end = d.serve(&fake{})
	if h := c.History(); runs(c) != "a" || c.Generation() != 1 || h[0].State != RolledBack || h[0].Owed == "" {
		t.Errorf("%q as %d: %+v", runs(c), c.Generation(), h)
	}
	end()
	if err := os.RemoveAll(aside); err != nil {
		t.Fatal(err)
	}
	c, end = d.serve(&fake{})
	defer end()
	if h := c.History(); runs(c) != "a" || h[0].State != RolledBack || h[0].Owed != "" {
		t.Errorf("%q: %+v", runs(c), h)
	}
}
