package trial

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// Case is a machine and what one row says of it.
type Case struct {
	ID     string
	Files  map[string]string // absolute paths
	Before map[string]string // those that differed at an earlier look; nil without one
	Probe  string            // probe.json
	Env    []fact.Layer
	Ours   *see.Ours
	// Measured are results of the probes, nil when nothing was measured.
	Measured map[string]float64

	Want  fact.Status
	Says  string // part of the sentence
	RunOn string
}

// Run runs the cases, and checks that each row of the group has one.
func Run(t *testing.T, rows []see.Row, cases []Case) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.ID] = true
		t.Run(fmt.Sprintf("%s %s %s", c.ID, c.Want, c.Says), func(t *testing.T) {
			i := slices.IndexFunc(rows, func(r see.Row) bool { return r.ID == c.ID })
			if i < 0 {
				t.Fatalf("no row %s", c.ID)
			}
			v := &see.View{System: machine(t, c.Files, c.Probe), Env: fact.Environment{Stack: c.Env}, Ours: c.Ours, Measured: c.Measured}
			if c.Before != nil {
				old := maps.Clone(c.Files)
				maps.Copy(old, c.Before)
				v.Before = machine(t, old, c.Probe)
			}
			f := rows[i].Look(v)
			if f.Status != c.Want || !strings.Contains(f.Found, c.Says) || f.RunOn != c.RunOn {
				t.Errorf("%s: %s (run on %q), wanted %s: %s (run on %q)", f.Status, f.Found, f.RunOn, c.Want, c.Says, c.RunOn)
			}
			whole(t, rows[i], f)
		})
	}
	for _, r := range rows {
		if !seen[r.ID] {
			t.Errorf("%s has no case", r.ID)
		}
	}
}

// View is a machine of a few files, for tests of what rows are made of.
func View(t *testing.T, files map[string]string) *see.View {
	t.Helper()
	return &see.View{System: machine(t, files, "")}
}

func machine(t *testing.T, files map[string]string, probe string) *see.System {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text), Mode: 0o444}
	}
	if probe != "" {
		tree["probe.json"] = &fstest.MapFile{Data: []byte(probe)}
	}
	s, err := see.Fixture(tree)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// whole checks what every finding owes its reader.
func whole(t *testing.T, r see.Row, f fact.Finding) {
	t.Helper()
	judged := f.Status == fact.OK || f.Status == fact.Warn || f.Status == fact.Fail
	if judged && len(f.Evidence) == 0 {
		t.Errorf("%s is %s (%s) without evidence", r.ID, f.Status, f.Found)
	}
	if f.Found == "" {
		t.Errorf("%s is %s and says nothing", r.ID, f.Status)
	}
	if !slices.Contains(fact.Statuses(), f.Status) {
		t.Errorf("%s has the status %q", r.ID, f.Status)
	}
	if !slices.Contains(fact.Severities(), r.Severity) || !slices.Contains(fact.Scopes(), r.Scope) || !slices.Contains(fact.Paths(), r.Path) {
		t.Errorf("%s has severity %q, scope %q, path %q", r.ID, r.Severity, r.Scope, r.Path)
	}
	worst := map[fact.Severity]bool{
		fact.SevereFail: true, fact.SevereWarn: f.Status != fact.Fail, fact.SevereInfo: f.Status != fact.Fail && f.Status != fact.Warn,
	}
	if !worst[r.Severity] {
		t.Errorf("%s is %s, and its severity is %s", r.ID, f.Status, r.Severity)
	}
	if f.RunOn != "" && !slices.Contains([]string{"host", "root", "initns"}, f.RunOn) {
		t.Errorf("%s is to be run on %q", r.ID, f.RunOn)
	}
}

// Honest looks with each row at machines of which nothing can be known: without
// files, with files that hold nothing or nonsense, with files that nobody may
// read. No row may judge there, but for those in exempt, and none may panic.
func Honest(t *testing.T, rows []see.Row, exempt ...string) {
	t.Helper()
	ids := map[string]bool{}
	container := fact.Environment{Stack: []fact.Layer{{Kind: fact.Container, Name: "docker", Confidence: fact.High}}}
	for _, r := range rows {
		if ids[r.ID] {
			t.Errorf("two rows are named %s", r.ID)
		}
		ids[r.ID] = true
		for what, text := range map[string]string{
			"id": r.ID, "title": r.Title, "reads": r.Reads, "rule": r.Rule, "why": r.Why,
			"severity": string(r.Severity), "scope": string(r.Scope), "path": string(r.Path),
		} {
			if text == "" {
				t.Errorf("%s has no %s", r.ID, what)
			}
		}
		if !strings.HasSuffix(r.Why, ".") || len(r.Sources) == 0 {
			t.Errorf("%s: the reason is no sentence, or there is no source", r.ID)
		}
		for _, fix := range r.Fix {
			if fix.Command == "" || fix.Risk == "" || fix.Who == "" || fix.Undo == "" {
				t.Errorf("%s has a fix without a command, a risk, who does it or a way back: %+v", r.ID, fix)
			}
		}
		for what, root := range map[string]fs.FS{
			"no files": fstest.MapFS{}, "empty files": ruin(""), "nonsense": ruin("\xff%\r\n--\x00 : : 9999999999999999999999"),
			"denied files": sealed{},
		} {
			for _, env := range []fact.Environment{{}, container} {
				s := see.New(root, blind{})
				f := r.Look(&see.View{System: s, Env: env})
				whole(t, r, f)
				if !slices.Contains(exempt, r.ID) && f.Status != fact.Unknown && f.Status != fact.Skip && f.Status != fact.Info {
					t.Errorf("%s with %s: %s: %s", r.ID, what, f.Status, f.Found)
				}
			}
		}
	}
}

// ruin is a file system in which every file holds the same.
type ruin string

func (r ruin) Open(name string) (fs.File, error) {
	return fstest.MapFS{name: {Data: []byte(r)}}.Open(name)
}

// sealed is a file system that nobody may read.
type sealed struct{}

func (sealed) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// blind is a probe that sees nothing.
type blind struct{}

func (blind) CPUID(uint32, uint32) (see.Registers, error) {
	return see.Registers{}, &see.Error{What: "cpuid", Class: see.Hidden}
}

func (blind) MSR(int, uint32) (uint64, error) {
	return 0, &see.Error{What: "msr", Class: see.Denied}
}

func (blind) Ethtool(string) (see.Ethtool, error) {
	return see.Ethtool{}, &see.Error{What: "ethtool", Class: see.Hidden}
}

func (blind) Network() see.Network { return see.Network{} }
func (blind) Self() see.Self       { return see.Self{} }
