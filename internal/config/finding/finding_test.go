package finding

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
)

func at(file string, line, column, end int) Diagnostic {
	return Diagnostic{
		File: file, Line: line, Column: column, Summary: "s",
		Range: hcl.Range{Filename: file, Start: hcl.Pos{Line: line, Column: column}, End: hcl.Pos{Line: line, Column: end}},
	}
}

func TestSortKeepsOneOfEqual(t *testing.T) {
	warning := at("b", 1, 1, 2)
	warning.Severity = Warning
	ds := Diagnostics{warning, at("b", 2, 1, 2), at("a", 9, 1, 2), at("b", 1, 1, 2), at("b", 2, 1, 2)}.Sort()
	var got []string
	for _, d := range ds {
		got = append(got, d.Error())
	}
	want := []string{"a:9:1: error: s", "b:1:1: error: s", "b:1:1: warning: s", "b:2:1: error: s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(ds.Errors()) != 3 || len(ds.Warnings()) != 1 || !ds.HasErrors() || ds.Warnings().HasErrors() {
		t.Errorf("errors %d, warnings %d", len(ds.Errors()), len(ds.Warnings()))
	}
}

func TestFormat(t *testing.T) {
	d := at("x.hcl", 2, 3, 6)
	d.Suggestion = `did you mean "foo"?`
	past := at("x.hcl", 9, 1, 1)
	var b bytes.Buffer
	if err := (Diagnostics{d, past}).Format(&b, Sources{"x.hcl": []byte("one\n\tüfo = 1\r\n")}, false); err != nil {
		t.Fatal(err)
	}
	want := "x.hcl:2:3: error: s\n     2 |  üfo = 1\n       |   ^^^\n         did you mean \"foo\"?\nx.hcl:9:1: error: s\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

// TestLongLines shows the surroundings of a place in a line that nobody wrote.
func TestLongLines(t *testing.T) {
	text := strings.Repeat("ü", 500) + "PLACE" + strings.Repeat("a", 500)
	for column, want := range map[int]string{
		501:  "…" + strings.Repeat("ü", 80) + "PLACE" + strings.Repeat("a", 75) + "…\n       | " + strings.Repeat(" ", 81) + "^^^^^\n",
		1:    strings.Repeat("ü", 80) + "…\n       | ^^^^^\n",
		1001: "…" + strings.Repeat("a", 85) + "\n       | " + strings.Repeat(" ", 81) + "^^^^^\n",
	} {
		var b bytes.Buffer
		if err := (Diagnostics{at("x", 1, column, column+5)}).Format(&b, Sources{"x": []byte(text)}, false); err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(b.String(), " | ")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("column %d: %s", column, d)
		}
	}
}

func TestJSON(t *testing.T) {
	got, err := json.Marshal(Diagnostics{at("x", 1, 2, 3)})
	want := `{"errors":[{"file":"x","line":1,"column":2,"summary":"s","detail":"","suggestion":""}],"warnings":[]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}
