package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor/fact"
)

var update = flag.Bool("update", false, "write testdata")

// sample has a result of each status.
func sample() *Report {
	fix := fact.Sysctl("net.core.somaxconn", "65535", "none", fact.Freely, true)
	check := func(id string, fixes ...fact.Fix) fact.Check {
		return fact.Check{
			ID: id, Title: "Title of " + id, Why: "it costs connections", Rule: "warn: below 10",
			Severity: fact.SevereFail, Scope: fact.Netns, Path: fact.Any, Fix: fixes,
		}
	}
	at := func(c fact.Check, f fact.Finding) Result { return Result{Check: c, Finding: f} }
	return &Report{
		Host: Host{Kernel: "6.18", CPUs: 2, Stack: []fact.Layer{{Kind: fact.Hypervisor, Name: "kvm", Confidence: fact.High}}},
		Results: []Result{
			at(check("tcp.a", fix), fact.Say(fact.Fail, "128 is below 1024", fact.Read("/proc/sys/net/core/somaxconn", "128\n", 128))),
			at(check("tcp.b"), fact.Say(fact.OK, "1", fact.Read("/proc/b", "1", 1))),
			at(check("nic.c"), fact.Say(fact.Warn, "one <queue> & \"two\" CPUs", fact.Read("ethtool eth0", "combined 1", nil))),
			at(check("nic.d"), fact.Finding{Status: fact.Unknown, Found: "/x: absent", RunOn: "host"}),
			at(check("sys.e"), fact.Say(fact.Info, "so it is")),
			at(check("sys.f"), fact.Say(fact.Skip, "not Xen")),
		},
	}
}

// TestFormats compares each format with its golden file.
func TestFormats(t *testing.T) {
	for name, write := range map[string]func(*Report, *bytes.Buffer) error{
		"text": func(r *Report, b *bytes.Buffer) error { return r.Text(b, Style{}) },
		"json": func(r *Report, b *bytes.Buffer) error { return r.JSON(b) }, "sarif": func(r *Report, b *bytes.Buffer) error { return r.SARIF(b) },
		"junit": func(r *Report, b *bytes.Buffer) error { return r.JUnit(b, fact.Fail, false) }, "prom": func(r *Report, b *bytes.Buffer) error { return r.Prometheus(b) },
	} {
		var b bytes.Buffer
		if err := write(sample(), &b); err != nil {
			t.Fatal(name, err)
		}
		file := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestWidth: no line is longer than it may be, and lines use what they may.
func TestWidth(t *testing.T) {
	r := sample()
	for i := range r.Results {
		r.Results[i].Finding.Found = strings.Repeat("as many words as a line holds, ", 12)
		r.Results[i].Finding.Evidence = []fact.Evidence{fact.Read("/proc/x", strings.Repeat("word ", 60), nil)}
	}
	for _, c := range []struct{ width, want int }{{0, usual}, {72, 72}, {200, 200}, {1, narrow}} {
		var b bytes.Buffer
		if err := errors.Join(r.Text(&b, Style{Width: c.width}), r.Changes(&b, &Report{}, time.Time{}, Style{Width: c.width})); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for line := range strings.Lines(b.String()) {
			longest = max(longest, len([]rune(strings.TrimSuffix(line, "\n"))))
		}
		if longest > c.want || longest < c.want-10 {
			t.Errorf("width %d: the longest line has %d characters, and %d are allowed", c.width, longest, c.want)
		}
	}
}

// TestJSONKeys holds the promise of the schema: these keys and no others, lists
// never null.
func TestJSONKeys(t *testing.T) {
	var b bytes.Buffer
	if err := sample().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	keys(t, d, "schema", "host", "checks", "summary")
	keys(t, d["host"], "stack", "kernel", "cpus")
	keys(t, d["host"].(map[string]any)["stack"].([]any)[0], "kind", "name", "confidence", "evidence")
	for _, x := range d["checks"].([]any) {
		c := x.(map[string]any)
		if c["evidence"] == nil || c["fix"] == nil {
			t.Errorf("%s: a list is null", c["id"])
		}
	}
	c := d["checks"].([]any)[0].(map[string]any)
	keys(t, c, "id", "status", "severity", "scope", "path", "title", "why", "evidence", "fix", "run_on", "seconds")
	keys(t, c["evidence"].([]any)[0], "source", "raw", "parsed")
	keys(t, c["fix"].([]any)[0], "command", "persist", "risk", "who", "undo")
	keys(t, d["summary"], "ok", "warn", "fail", "info", "unknown", "skip")
}

func keys(t *testing.T, v any, want ...string) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok || len(m) != len(want) {
		t.Errorf("%v has not the keys %q", v, want)
		return
	}
	for _, k := range want {
		if _, ok := m[k]; !ok {
			t.Errorf("no key %q in %v", k, m)
		}
	}
}

// TestJUnitFails: what fails there is what makes the exit status, and the rest of
// what was found is said all the same.
func TestJUnitFails(t *testing.T) {
	for _, c := range []struct {
		on        fact.Status
		strict    bool
		known     string
		fail, not int
	}{{fact.Fail, false, "", 1, 2}, {fact.Warn, false, "", 2, 2}, {fact.Fail, true, "", 2, 1}, {fact.Warn, true, "", 3, 1}, {fact.Fail, false, "tcp.a", 0, 2}} {
		r := sample()
		r.Known = map[string]bool{c.known: true}
		var b bytes.Buffer
		if err := r.JUnit(&b, c.on, c.strict); err != nil {
			t.Fatal(err)
		}
		var s suites
		if err := xml.Unmarshal(b.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		if s.Tests != 6 || s.Failures != c.fail || s.Skipped != c.not || len(s.Suites) != 3 || (s.Failures > 0) != (r.Exit(c.on, c.strict) > 0) {
			t.Errorf("%+v: exit %d, %+v", c, r.Exit(c.on, c.strict), s)
		}
		for _, text := range []string{"128 is below 1024", "one &lt;queue&gt;"} {
			if !strings.Contains(strings.ToLower(b.String()), text) {
				t.Errorf("%+v: no %q in %s", c, text, b.String())
			}
		}
	}
}

func TestExit(t *testing.T) {
	only := func(s fact.Status) *Report {
		return &Report{Results: []Result{{Check: fact.Check{ID: "a.b"}, Finding: fact.Say(s, "")}}}
	}
	for _, c := range []struct {
		status fact.Status
		on     fact.Status
		strict bool
		want   int
	}{
		{fact.OK, fact.Warn, true, Fine}, {fact.Info, fact.Warn, true, Fine}, {fact.Skip, fact.Warn, true, Fine},
		{fact.Warn, fact.Fail, false, Fine}, {fact.Warn, fact.Warn, false, Warnings}, {fact.Fail, fact.Fail, false, Failures}, {fact.Fail, fact.Warn, false, Failures},
		{fact.Unknown, fact.Warn, false, Fine}, {fact.Unknown, fact.Fail, true, Warnings},
	} {
		if got := only(c.status).Exit(c.on, c.strict); got != c.want {
			t.Errorf("%s, --fail-on %s, strict %v: %d, want %d", c.status, c.on, c.strict, got, c.want)
		}
	}
}

// TestBaseline: what an earlier report has does not count, what is worse does.
func TestBaseline(t *testing.T) {
	var b bytes.Buffer
	if err := sample().JSON(&b); err != nil {
		t.Fatal(err)
	}
	earlier, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	r := sample()
	r.Since(earlier)
	if got := r.Exit(fact.Warn, true); got != Fine {
		t.Errorf("the same again: exit %d", got)
	}
	r.Results[1].Finding.Status = fact.Fail
	r.Results[2].Finding.Status = fact.OK
	r.Gone = nil
	r.Since(earlier)
	if got := r.Exit(fact.Fail, false); got != Failures {
		t.Errorf("a new failure: exit %d", got)
	}
	if !cmp.Equal(r.Gone, []string{"nic.c"}) {
		t.Errorf("mended: %q", r.Gone)
	}
	if _, err := Read(strings.NewReader(`{"schema": "other"}`)); err == nil {
		t.Error("another schema was read")
	}
}

// TestReadBelieves: a report is believed with the words that reports have, and no
// others. The error says which check, which word, and how to get a good report.
func TestReadBelieves(t *testing.T) {
	var b bytes.Buffer
	if err := sample().JSON(&b); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for _, c := range []struct{ old, bad, says string }{
		{`"status": "warn"`, `"status": "great"`, `status of check "nic.c" is "great", and none of fail, warn, unknown, info, ok, skip`},
		{`"status": "fail"`, `"status": ""`, `status of check "tcp.a" is ""`},
		{`"severity": "fail"`, `"severity": "dire"`, `severity of check "tcp.a" is "dire", and none of fail, warn, info`},
		{`"scope": "netns"`, `"scope": "moon"`, `scope of check "tcp.a" is "moon", and none of kernel, netns, nic, process, host`},
		{`"path": "any"`, `"path": "sea"`, `path of check "tcp.a" is "sea", and none of any, loopback, nic, bridge`},
		{`"who": "root"`, `"who": "me"`, `who of check "tcp.a" is "me", and none of us, root, host, provider`},
		{`"run_on": "host"`, `"run_on": "mars"`, `run_on of check "nic.d" is "mars", and none of root, initns, host`},
		{`"id": "tcp.b"`, `"id": "tcp.a"`, `check "tcp.a" is there twice`},
		{Schema, "fishplate.doctor/2", "its schema is not " + Schema},
		{good, good + "{}", "after top-level value"},
		{good, strings.Repeat(" ", maxReport+1), "larger than 16 MiB"},
	} {
		text := strings.Replace(good, c.old, c.bad, 1)
		if text == good {
			t.Fatalf("%s is not in the report", c.old)
		}
		_, err := Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasSuffix(err.Error(), "; fishplate doctor --json writes one") {
			t.Errorf("%.60s: %v", c.bad, err)
		}
	}
	for _, later := range []string{good, strings.Replace(good, `"id": "tcp.b"`, `"id": "tcp.of-later"`, 1)} {
		if e, err := Read(strings.NewReader(later)); err != nil || len(e) != len(sample().Results) {
			t.Errorf("%v, %v", e, err)
		}
	}
}

// TestHarmless: what was read steers no terminal, and breaks no exposition.
func TestHarmless(t *testing.T) {
	r := sample()
	const evil = "a\x1b[2Jb\u202ec\x9bd\u009be"
	r.Host.Kernel = evil
	r.Host.Stack = append(r.Host.Stack, fact.Layer{Kind: fact.Container, Name: evil + "\"\\\n", Confidence: fact.High})
	for i := range r.Results {
		r.Results[i].Finding.Found = "it says " + evil
		r.Results[i].Finding.Evidence = []fact.Evidence{fact.Read("/dev/kmsg", evil, nil)}
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text": func(b *bytes.Buffer) error { return r.Text(b, Style{}) }, "prom": func(b *bytes.Buffer) error { return r.Prometheus(b) },
		"json": func(b *bytes.Buffer) error { return r.JSON(b) }, "sarif": func(b *bytes.Buffer) error { return r.SARIF(b) },
		"junit": func(b *bytes.Buffer) error { return r.JUnit(b, fact.Fail, false) }, "junit, strict": func(b *bytes.Buffer) error { return r.JUnit(b, fact.Warn, true) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(name, err)
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e\u009b") {
			t.Errorf("%s: %q", name, b.String())
		}
		if name == "prom" && !strings.Contains(b.String(), `,name="a`+"\ufffd[2Jb\ufffdc\ufffdd\ufffde"+`\"\\\n",`) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}

// TestDoer: who mends something is said, and "we do" of nothing that we leave to people.
func TestDoer(t *testing.T) {
	for _, c := range []struct {
		fix  fact.Fix
		want string
	}{
		{fact.Fix{Who: fact.Us, Auto: fact.Already}, "we do"}, {fact.Fix{Who: fact.Us, Auto: fact.Never}, "in Fishplate"},
		{fact.Fix{Who: fact.Root, Auto: fact.Freely}, "as root"}, {fact.Fix{Who: fact.ByHost}, "on the host"}, {fact.Fix{Who: fact.Provider}, "at the provider"},
	} {
		if got := doer(c.fix); got != c.want {
			t.Errorf("%+v: %s", c.fix, got)
		}
	}
}
