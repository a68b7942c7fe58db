package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

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
		v.eachFlag(func(f *pflag.Flag) {
			if kind := f.Value.Type(); strings.HasSuffix(flagName(f), " TEXT") && !strings.HasPrefix(kind, "string") {
				t.Errorf("%s: --%s is a %s, and is shown as text", v.name, f.Name, kind)
			}
		})
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
		{"bench http-close --plain --server 127.0.0.1:1", exitUsage}, {"bench crr --backlog 5 --server 127.0.0.1:1", exitUsage},
		{"doctor --only tcp --skip tcp", exitUsage},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(row.args), nil, &out, &errs); code != row.code {
			t.Errorf("%q: exit %d, want %d: %s", row.args, code, row.code, errs.String())
		} else if code == exitUsage && !strings.Contains(errs.String(), "fishplate help") {
			t.Errorf("%q: no way to help in %q", row.args, errs.String())
		}
	}
}

// TestForeignErrors: a file that somebody sent steers no terminal by what is wrong
// with it, nor by its name.
func TestForeignErrors(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"bench", "compare", "a\x1b[2J\u202e.json", "b"}, nil, &out, &errs); code != exitRefused {
		t.Errorf("exit %d", code)
	}
	if s := errs.String(); !strings.Contains(s, "a\ufffd[2J\ufffd.json") || strings.ContainsAny(s, "\x1b\u202e") {
		t.Errorf("%q", s)
	}
}

func TestDemoConfigIsComplete(t *testing.T) {
	text := demoText("b", "d", "s", [4]string{"1", "2", "3", "4"})
	if i := strings.IndexByte(text, '@'); i >= 0 {
		t.Errorf("a placeholder is left: %.20q", text[i:])
	}
	if n := len(demoAttempts()); n != 7 {
		t.Errorf("%d attempts", n)
	}
	if len(stepDocs()) != 12 {
		t.Errorf("%d steps are documented", len(stepDocs()))
	}
}

func TestUnknownVerbSuggests(t *testing.T) {
	for line, want := range map[string]string{
		"chek": "did you mean check?", "tenant log": "did you mean logs?", "tenant versoins": "did you mean versions?",
		"tenant r": "did you mean records or replay or rollback?", "bogus": "unknown verb \"bogus\"\n",
		"tenant bogus": `unknown verb "bogus" of tenant: "fishplate tenant" prints those that there are`,
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(line), nil, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d: %s", line, code, errs.String())
		}
	}
}
