package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/admin"
	"fishplate/internal/control"
	"fishplate/internal/proxy"
)

func TestPrintChanges(t *testing.T) {
	p := control.Plan{Generation: 3, Changes: []control.Change{
		{Kind: "server", Key: "app/b", Action: "add", Fields: []control.Field{{Name: "address", New: "10.0.0.2:80"}, {Name: "weight", New: "5"}, {Name: "zone", New: strings.Repeat("z", 90)}}, Impact: control.Impact{Text: "used at once"}},
		{Kind: "server", Key: "app/a", Action: "remove", Fields: []control.Field{{Name: "weight", Old: "1"}}, Impact: control.Impact{Numbers: control.Numbers{Connections: 3, Sessions: 12}, Text: "requests finish"}},
		{Kind: "backend", Key: "app", Action: "change", Fields: []control.Field{{Name: "balance", Old: "random", New: "first"}, {Name: "check", Old: "on"}, {Name: "check.fall", Old: "3"}, {Name: "grace", Old: "1m"}}, Impact: control.Impact{Numbers: control.Numbers{Objects: 1}, Text: "kept"}},
	}}
	var b bytes.Buffer
	if err := printChanges(&b, p); err != nil {
		t.Fatal(err)
	}
	want := `+ server "app/b"
    address: 10.0.0.2:80; weight: 5;
    zone: ` + strings.Repeat("z", 90) + `
    → used at once
- server "app/a"
    → 3 connections, 12 pinned sessions: requests finish
~ backend "app"
    balance: random → first
    check: on → (none)
    grace: 1m → (none)
    → 1 cached objects: kept
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestRates(t *testing.T) {
	at := time.Now()
	one := func(name string, requests, errors float64) admin.Counters {
		return admin.Counters{Subject: "vhost", Labels: []string{name}, Values: map[string]float64{
			"fishplate_vhost_requests_total": requests, "fishplate_vhost_responses_total{5xx}": errors,
			"fishplate_vhost_sent_bytes_total": requests * 100,
		}}
	}
	before := sight{at, []admin.Counters{one("a", 100, 1), one("b", 10, 0), one("began anew", 50, 0)}}
	after := sight{at.Add(2 * time.Second), []admin.Counters{one("a", 104, 2), one("b", 30, 0), one("c", 6, 0), one("began anew", 4, 0)}}
	want := []rate{
		{name: "b", requests: 10, out: 1000},
		{name: "c", requests: 3, out: 300},
		{name: "a", requests: 2, errors: 0.5, out: 200},
		{name: "began anew"},
	}
	if d := cmp.Diff(want, rates(before, after, "vhost"), cmp.AllowUnexported(rate{})); d != "" {
		t.Error(d)
	}
	var b bytes.Buffer
	if err := printRates(&b, "vhost", want, 2); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[3], "(all)") || !strings.Contains(lines[3], "15.0") {
		t.Errorf("table:\n%s", b.String())
	}
}

// TestTable checks what every row promises: help, and examples that begin with
// the program's name; another program's may follow.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range flat(verbs()) {
		if seen[v.name] {
			t.Errorf("%s is in the table twice", v.name)
		}
		seen[v.name] = true
		if v.short == "" || strings.HasSuffix(v.short, ".") || v.example == "" {
			t.Errorf("%s: short help or example out of form", v.name)
		}
		for i, line := range strings.Split(v.example, "\n") {
			if !strings.HasPrefix(line, "fishplate "+v.name) && (i == 0 || strings.HasPrefix(line, "fishplate")) {
				t.Errorf("%s: example %q", v.name, line)
			}
		}
		if v.max >= 0 && v.max < v.min {
			t.Errorf("%s: arguments from %d to %d", v.name, v.min, v.max)
		}
	}
}

func TestManualEscapes(t *testing.T) {
	text := manual(verbs())
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "'") {
			t.Errorf("line %d begins with a quote, which troff reads as a request: %s", i+1, line)
		}
	}
	if got := roff("a-b\\n\n.x\n'y"); got != `a\-b\en`+"\n\\&.x\n\\&'y" {
		t.Errorf("roff: %q", got)
	}
	if strings.Contains(text, "Write the generated pages") {
		t.Error("a hidden verb is in the manual")
	}
}

func TestRunExitCodes(t *testing.T) {
	for _, row := range []struct {
		args string
		code int
	}{
		{"version", exitDone}, {"", exitDone}, {"help", exitDone}, {"help check", exitDone},
		{"nonsense", exitUsage}, {"check", exitUsage}, {"version extra", exitUsage}, {"version --x", exitUsage},
		{"top --interval 1ns --socket /nonexistent", exitUsage}, {"status --socket /nonexistent", exitRefused},
		{"demo extra", exitUsage}, {"completion elvish", exitUsage},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(row.args), nil, &out, &errs); code != row.code {
			t.Errorf("%q: exit %d, want %d: %s", row.args, code, row.code, errs.String())
		} else if code == exitUsage && !strings.Contains(errs.String(), "fishplate help") {
			t.Errorf("%q: no way to help in %q", row.args, errs.String())
		}
	}
}

func TestDemoConfigIsComplete(t *testing.T) {
	text := demoText("b", "d", "s", [4]string{"1", "2", "3", "4"})
	if i := strings.IndexByte(text, '@'); i >= 0 {
		t.Errorf("a placeholder is left: %.20q", text[i:])
	}
	if n := len(demoAttempts()); n != 6 {
		t.Errorf("%d attempts", n)
	}
	if len(stepDocs()) != 12 {
		t.Errorf("%d steps are documented", len(stepDocs()))
	}
}

func TestPastLinesAreByTime(t *testing.T) {
	lines := make(chan []byte, 10)
	for _, l := range []string{
		`{"time":"2026-11-21T06:00:03Z","client":"127.0.0.1:1","method":"GET","path":"/c","status":200}`,
		`{"time":"2026-11-21T06:00:01Z","client":"127.0.0.1:1","method":"GET","path":"/a","status":200}`,
		`{"time":"2026-11-21T06:00:04Z","client":"127.0.0.1:1","method":"GET","path":"/d","status":503}`,
		`no line`,
		`{"time":"2026-11-21T06:00:02Z","client":"127.0.0.1:1","method":"GET","path":"/b","status":200}`,
	} {
		lines <- []byte(l)
	}
	var got []string
	fine := func(r *proxy.Record) bool { return r.Status == 200 }
	for _, l := range pastLines(lines, fine, 2) {
		got = append(got, string(l.rec.Path))
	}
	if d := cmp.Diff([]string{"/b", "/c"}, got); d != "" {
		t.Error(d)
	}
}

func TestUnknownVerbSuggests(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"chek"}, nil, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "did you mean check?") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
