package doctor

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

var update = flag.Bool("update", false, "write the goldens")

const machines = "testdata/machines/"

// recorded is a machine of testdata: an archive whose comment says in lines what
// the machine is built on and what is wanted of it.
//
//	base NAME                files that are there, too
//	without PATH             but for this one, or for all below PATH/
//	stack KIND:NAME …        the layers that are believed, the outermost first
//	want ID STATUS [RUN_ON]  what a check says
//
// A file whose name ends with .hex holds bytes as digits, one that ends with .nul
// has a NUL for each line end. A dash in a layer's name stands for a blank.
type recorded struct {
	system *see.System
	stack  []string
	want   [][]string
}

func record(t *testing.T, file string) recorded {
	t.Helper()
	tree := fstest.MapFS{}
	var r recorded
	r.fill(t, tree, file)
	system, err := see.Fixture(tree)
	if err != nil {
		t.Fatal(err)
	}
	r.system = system
	return r
}

func (r *recorded) fill(t *testing.T, tree fstest.MapFS, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(archive.Comment)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "base":
			r.fill(t, tree, machines+words[1]+".txtar")
		case "without":
			maps.DeleteFunc(tree, func(name string, _ *fstest.MapFile) bool {
				return name == words[1] || strings.HasSuffix(words[1], "/") && strings.HasPrefix(name, words[1])
			})
		case "stack":
			r.stack = words[1:]
		case "want":
			r.want = append(r.want, words[1:])
		}
	}
	for _, f := range archive.Files {
		name, data := f.Name, f.Data
		if plain, ok := strings.CutSuffix(name, ".hex"); ok {
			name = plain
			if data, err = hex.DecodeString(strings.Join(strings.Fields(string(data)), "")); err != nil {
				t.Fatalf("%s: %s: %v", file, f.Name, err)
			}
		} else if plain, ok := strings.CutSuffix(name, ".nul"); ok {
			name, data = plain, []byte(strings.ReplaceAll(string(data), "\n", "\x00"))
		}
		tree[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
}

// seen is the golden of a machine: layers and what each check says, in short.
type seen struct {
	Stack  []string          `json:"stack"`
	Checks map[string]string `json:"checks"`
}

func short(r *Report) seen {
	s := seen{Checks: map[string]string{}}
	for _, l := range r.Host.Stack {
		s.Stack = append(s.Stack, string(l.Kind)+" "+l.Name+", "+string(l.Confidence))
	}
	for _, x := range r.Results {
		text := string(x.Finding.Status)
		if x.Finding.RunOn != "" {
			text += " on " + x.Finding.RunOn
		}
		switch x.Finding.Status {
		case fact.Warn, fact.Fail, fact.Unknown:
			text += ": " + x.Finding.Found
		}
		s.Checks[x.Check.ID] = text
	}
	return s
}

// TestMachines looks at the environments that the catalogue must tell apart.
func TestMachines(t *testing.T) {
	files, err := filepath.Glob(machines + "[0-9]*.txtar")
	if err != nil || len(files) < 16 {
		t.Fatalf("%d machines, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			m := record(t, file)
			r, err := Run(t.Context(), Options{System: m.system})
			if err != nil {
				t.Fatal(err)
			}
			wanted(t, m, r)
			golden(t, strings.TrimSuffix(file, ".txtar")+".json", short(r))
		})
	}
}

// wanted checks what the archive asks for.
func wanted(t *testing.T, m recorded, r *Report) {
	t.Helper()
	var stack []string
	for _, l := range r.Host.Stack {
		if l.Confidence != fact.Low {
			stack = append(stack, string(l.Kind)+":"+strings.ReplaceAll(l.Name, " ", "-"))
		}
	}
	if m.stack != nil && !slices.Equal(stack, m.stack) {
		t.Errorf("the stack is %q, wanted %q", stack, m.stack)
	}
	for _, w := range m.want {
		i := slices.IndexFunc(r.Results, func(x report.Result) bool { return x.Check.ID == w[0] })
		if i < 0 {
			t.Errorf("no check %s", w[0])
			continue
		}
		f := r.Results[i].Finding
		if string(f.Status) != w[1] || len(w) > 2 && f.RunOn != w[2] {
			t.Errorf("%s: %s on %q: %s; wanted %q", w[0], f.Status, f.RunOn, f.Found, w[1:])
		}
	}
}

func golden(t *testing.T, file string, got seen) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s (-want +got, -update writes it):\n%s", file, diff)
	}
}
