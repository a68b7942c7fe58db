package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fishplate/internal/control/journal"
	"fishplate/internal/model"
)

// yard is a world of tenants whose programs are words, for controllers that come
// and go with one state folder. A line "shop file" is a tenant with its program,
// and "= shop NEXT OVER 2" what it was given.
type yard struct {
	t      *testing.T
	dir    string
	file   string            // the configuration
	holds  map[string]string // by the name of a program's file
	lost   map[string]bool   // programs by the API that cannot be had
	lasts  bool
	held   []string
	must   []string
	may    []string
	known  []Entry
	log    bytes.Buffer
	keyOf  string
	number int
}

func newYard(t *testing.T) *yard {
	return &yard{t: t, dir: t.TempDir(), file: "shop file\n", holds: map[string]string{"file": "one", "other": "one"}, lost: map[string]bool{}, lasts: true, number: 1}
}

func (y *yard) parse(_ string, text []byte) (*model.Config, []Problem, []Problem) {
	cfg := &model.Config{Flat: text, State: model.State{Dir: y.dir}}
	for line := range strings.Lines(string(text)) {
		w := strings.Fields(line)
		if w[0] != "=" {
			cfg.Tenants = append(cfg.Tenants, &model.Tenant{Name: w[0], Program: w[1], Key: y.keyOf})
			continue
		}
		for _, t := range cfg.Tenants {
			if t.Name == w[1] {
				t.Given = &model.Given{SHA256: w[2], Over: w[3]}
				_, _ = fmt.Sscan(w[4], &t.Given.Version)
			}
		}
	}
	return cfg, nil, nil
}

func (y *yard) load(context.Context, string) (*model.Config, []Problem, []Problem) {
	cfg, _, _ := y.parse("", []byte(y.file))
	cfg.Sources = []model.Source{{Path: "main", Hash: sha256.Sum256([]byte(y.file))}}
	return cfg, nil, nil
}

func (y *yard) give(text []byte, tenants []*model.Tenant) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(string(text)) {
		if line[0] != '=' {
			b.WriteString(line)
		}
	}
	for _, t := range tenants {
		if g := t.Given; g != nil {
			fmt.Fprintf(&b, "= %s %s %s %d\n", t.Name, g.SHA256, g.Over, g.Version)
		}
	}
	return b.Bytes()
}

func (y *yard) diff(old, next *model.Config) (list []Change) {
	word := func(cfg *model.Config) map[string]string {
		m := map[string]string{}
		for _, t := range cfg.Tenants {
			m[t.Name] = t.Program
			if t.Given != nil {
				m[t.Name] = t.Given.SHA256
			}
		}
		return m
	}
	a, b := word(old), word(next)
	for name := range b {
		if a[name] != b[name] {
			list = append(list, Change{Kind: "tenant", Key: name, Action: "change", Fields: []Field{{"program.sha256", a[name], b[name]}}})
		}
	}
	return list
}

func (y *yard) Known(history []Entry)    { y.known = history }
func (y *yard) Lasting() bool            { return y.lasts }
func (y *yard) Held() []string           { return y.held }
func (y *yard) Sweep(must, may []string) { y.must, y.may = must, may }

func (y *yard) Fit(t *model.Tenant) error {
	if y.lost[t.Given.SHA256] {
		return errors.New("it is not kept any more")
	}
	return nil
}

func (y *yard) serve() (*Controller, func()) {
	y.t.Helper()
	c := New(Options{
		Load: y.load, Parse: y.parse, Diff: y.diff, Builder: &fake{}, Programs: y, Give: y.give, Logger: slog.New(slog.NewTextHandler(&y.log, nil)),
		Digest: func(path string) (string, error) {
			if y.holds[path] == "" {
				return "", errors.New("no such file")
			}
			return y.holds[path], nil
		},
	})
	if err := c.Start(y.t.Context(), "main"); err != nil {
		y.t.Fatal(err)
	}
	return c, func() { c.Close(context.Background()) }
}

// update gives the tenant a program.
func (y *yard) update(c *Controller, name string, o ApplyOptions) Result {
	return c.Give(y.t.Context(), Gift{Tenant: "shop", Make: func(over string) (*model.Given, *ProgramNote, error) {
		if name == "full" {
			return nil, nil, errors.New("no space left on device")
		}
		y.number++
		return &model.Given{SHA256: name, Over: over, Version: y.number}, &ProgramNote{Tenant: "shop", ProgramVersion: ProgramVersion{Version: y.number, SHA256: name}}, nil
	}}, o)
}

// gave is what the tenant runs.
func gave(c *Controller) string {
	t := c.Running().Tenants[0]
	if t.Given == nil {
		return t.Program
	}
	return t.Given.SHA256
}

// TestWhichProgramRuns: what came by the API stays, until what the tenant names
// changed or it cannot be had.
func TestWhichProgramRuns(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(y *yard)
		reload string // what runs then, and after a start
		start  string
		said   string
	}{
		{"nothing happened", func(*yard) {}, "two", "two", ""},
		{"another tenant came", func(y *yard) { y.file += "blog file\n" }, "two", "two", ""},
		{"the file changed", func(y *yard) { y.holds["file"] = "new" }, "file", "file", "file changed"},
		{"it is another file", func(y *yard) { y.file = "shop other\n" }, "other", "other", "is another file"},
		{"the file is gone", func(y *yard) { y.holds["file"] = "" }, "two", "two", ""},
		{"the program is gone", func(y *yard) { y.lost["two"] = true }, "two", "file", "it is not kept any more"},
		{"it has no signature by a new key", func(y *yard) { y.lost["two"], y.keyOf, y.file = true, "key", "shop file\nblog file\n" }, "file", "file", "it is not kept any more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, start := range []bool{false, true} {
				y := newYard(t)
				c, end := y.serve()
				if r := y.update(c, "two", ApplyOptions{Author: "uid 7", Comment: "why"}); !r.Committed {
					t.Fatal(r.Err())
				}
				want := tt.reload
				if start {
					end()
					tt.do(y)
					c, end = y.serve()
					want = tt.start
				} else {
					tt.do(y)
					if r := c.Reload(t.Context(), ApplyOptions{}); !r.Committed {
						t.Fatal(r.Err())
					}
				}
				if got := gave(c); got != want {
					t.Errorf("start %t: %s runs, want %s\n%s", start, got, want, y.log.String())
				}
				if want != "two" && !strings.Contains(y.log.String(), tt.said) {
					t.Errorf("start %t: the log lacks %q:\n%s", start, tt.said, y.log.String())
				}
				// It is what the history says.
				if text, err := c.Text(0); err != nil || strings.Contains(string(text), "= shop two") != (want == "two") {
					t.Errorf("start %t: %q, %v", start, text, err)
				}
				if want != "two" && !y.lost["two"] {
					if r := c.Rollback(t.Context(), 2, ApplyOptions{}); !r.Committed || gave(c) != "two" {
						t.Errorf("start %t: back: %v, %s runs", start, r.Err(), gave(c))
					}
					if r := c.Reload(t.Context(), ApplyOptions{Force: true}); want == "file" && (!r.Committed || gave(c) != "two") {
						t.Errorf("start %t: it was wanted back and does not stay: %v, %s runs", start, r.Err(), gave(c))
					}
				}
				end()
			}
		})
	}
}

// TestGiveIsAChange: it is in the history, and one of one at a time.
func TestGiveIsAChange(t *testing.T) {
	y := newYard(t)
	c, end := y.serve()
	r := y.update(c, "two", ApplyOptions{Author: "uid 7", Comment: "why", Match: 1})
	if e := c.History()[0]; !r.Committed || r.Generation != 2 || e.Source != "api" || e.Author != "uid 7" || e.Comment != "why" || e.Program.SHA256 != "two" || len(e.Changes) != 1 {
		t.Errorf("%+v, %+v", r, e)
	}
	if p := c.Compare(t.Context(), "1", "2"); len(p.Changes) != 1 {
		t.Errorf("difference: %+v", p)
	}
	for name, o := range map[string]ApplyOptions{"three": {Match: 1}, "full": {}} {
		if r := y.update(c, name, o); r.Committed || r.Busy || len(r.Errors) != 1 || gave(c) != "two" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := c.Give(t.Context(), Gift{Tenant: "nobody"}, ApplyOptions{}); r.Committed || len(r.Errors) != 1 {
		t.Errorf("nobody: %+v", r)
	}
	if r := c.Rollback(t.Context(), 1, ApplyOptions{Confirm: time.Hour}); !r.Committed || gave(c) != "file" {
		t.Errorf("back: %+v", r)
	}
	if r := y.update(c, "three", ApplyOptions{}); r.Committed || !r.Busy {
		t.Errorf("while another waits: %+v", r)
	}
	end()
	// One that waits goes on waiting in another process, also without its program.
	c, end = y.serve()
	if _, err := c.Confirm(t.Context()); err != nil {
		t.Error(err)
	}
	if r := y.update(c, "three", ApplyOptions{Confirm: time.Hour}); !r.Committed {
		t.Error(r.Err())
	}
	end()
	y.lost["three"] = true
	c, end = y.serve()
	defer end()
	if e := c.History()[0]; gave(c) != "file" || e.State != Pending || e.Parent != 3 || c.History()[1].State != RolledBack {
		t.Errorf("%s runs, %+v", gave(c), c.History()[:2])
	}
}

// TestWhatIsSwept: a program is wanted as long as an entry names it.
func TestWhatIsSwept(t *testing.T) {
	y := newYard(t)
	c, end := y.serve()
	for _, name := range []string{"two", "three", "two", "four"} {
		if r := y.update(c, name, ApplyOptions{}); !r.Committed {
			t.Fatal(r.Err())
		}
	}
	all := func() []string { return slices.Compact(slices.Sorted(slices.Values(slices.Concat(y.must, y.may)))) }
	if got := fmt.Sprint(y.must, y.may); got != "[four four] [two three two]" {
		t.Error(got)
	}
	end()
	c, end = y.serve()
	if got := fmt.Sprint(all()); got != "[four three two]" || len(y.known) != 5 || y.known[1].Program.Version != 2 {
		t.Errorf("after a start: %s, %d entries", got, len(y.known))
	}
	if r := c.Rollback(t.Context(), 3, ApplyOptions{}); !r.Committed || gave(c) != "three" {
		t.Error(r.Err())
	}
	y.update(c, "full", ApplyOptions{})
	if got := fmt.Sprint(all()); got != "[four three two]" {
		t.Errorf("after a rollback: %s", got)
	}
	end()
	// In memory no more are wanted than there are texts.
	y = newYard(t)
	y.dir, y.lasts = "", false
	c, end = y.serve()
	defer end()
	for i := range 3 * journal.MemoryLength {
		y.update(c, fmt.Sprintf("p%02d", i), ApplyOptions{})
	}
	if got := all(); len(got) != journal.MemoryLength {
		t.Errorf("%v", got)
	}
	l, err := c.Legacy()
	if err != nil || strings.Contains(string(l.Text), "=") {
		t.Errorf("another process is told of what it cannot have: %q, %v", l.Text, err)
	}
}

// TestJournalWithGaps: programs that only a journal knows which cannot be read now
// stay until it is back, or until their room is needed.
func TestJournalWithGaps(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(journal string) error
		stays string // of "stranger next": what must be kept, and what may
		later string // after another start, the journal as that one left it
	}{
		{"whole", func(string) error { return nil }, "[next] []", "[next] []"},
		{"cannot be opened", func(j string) error {
			return errors.Join(os.Rename(j, j+"-away"), os.WriteFile(j, nil, 0o600))
		}, "[next stranger] [next stranger]", "[next stranger] [next stranger]"},
		{"moved away", func(j string) error { return os.Rename(j, j+"-away") }, "[] [next stranger]", "[] [next stranger]"},
		{"the last entry is damaged", func(j string) error {
			return os.WriteFile(filepath.Join(j, "000000000002.commit"), nil, 0o600)
		}, "[] [next stranger]", "[] [next stranger]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			y := newYard(t)
			c, end := y.serve()
			if r := y.update(c, "next", ApplyOptions{}); !r.Committed {
				t.Fatalf("%+v", r)
			}
			end()
			if err := tt.spoil(filepath.Join(y.dir, "journal")); err != nil {
				t.Fatal(err)
			}
			y.held = []string{"stranger", "next"}
			for _, want := range []string{tt.stays, tt.later} {
				y.must, y.may = nil, nil
				_, end = y.serve()
				end()
				for _, list := range []*[]string{&y.must, &y.may} {
					slices.Sort(*list)
					*list = slices.Compact(*list)
				}
				if got := fmt.Sprint(y.must, " ", y.may); got != want {
					t.Errorf("stays: %s, want %s\n%s", got, want, y.log.String())
				}
				if said := strings.Contains(y.log.String(), "kept although no change names them"); said != (tt.name != "whole") {
					t.Errorf("the log: %s", y.log.String())
				}
			}
		})
	}
}
