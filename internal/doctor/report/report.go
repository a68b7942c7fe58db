package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/letters"
)

// Schema names the shape of the JSON.
const Schema = "fishplate.doctor/1"

// Report is what one run found.
type Report struct {
	Host    Host
	Results []Result // in the order of the catalogue
	// Seconds is how long the run took.
	Seconds float64
	// Known are ids that an earlier report had at the same status or a worse one:
	// they do not count for the exit status.
	Known map[string]bool
	// Gone are ids that the earlier report had as a warning or failure, and this
	// one has not.
	Gone []string
}

// Host is the machine.
type Host struct {
	Stack  []fact.Layer `json:"stack"`
	Kernel string       `json:"kernel"`
	CPUs   int          `json:"cpus"`
}

// Result is a check and what it found.
type Result struct {
	Check   fact.Check
	Finding fact.Finding
}

// Why is why the check matters, joined with what was found.
func (r Result) Why() string {
	switch r.Finding.Status {
	case fact.Warn, fact.Fail:
		return Sentence(r.Finding.Found) + " " + Sentence(r.Check.Why)
	}
	return r.Finding.Found
}

// Sentence gives a text its capital and its full stop.
func Sentence(s string) string {
	s = strings.TrimSuffix(s, ".")
	if s == "" {
		return ""
	}
	b := []byte(s)
	// Names of interfaces, files and settings keep their letters.
	first, _, _ := strings.Cut(s, " ")
	if b[0] >= 'a' && b[0] <= 'z' && !strings.ContainsAny(first, ":._/-0123456789") {
		b[0] -= 'a' - 'A'
	}
	return string(b) + "."
}

// Fixes are those of the finding, or those of the check when it has a loss.
func (r Result) Fixes() []fact.Fix {
	if r.Finding.Fix != nil {
		return r.Finding.Fix
	}
	if r.Finding.Status == fact.Warn || r.Finding.Status == fact.Fail {
		return r.Check.Fix
	}
	return nil
}

// Count says how many results have a status.
func (r *Report) Count(s fact.Status) (n int) {
	for _, x := range r.Results {
		if x.Finding.Status == s {
			n++
		}
	}
	return n
}

// With lists the results of a status.
func (r *Report) With(s fact.Status) (list []Result) {
	for _, x := range r.Results {
		if x.Finding.Status == s {
			list = append(list, x)
		}
	}
	return list
}

// Exit statuses of the verb.
const (
	Fine     = 0
	Warnings = 1 // and warnings are asked for
	Failures = 2
	NoRun    = 3 // the doctor itself could not run
)

// Exit is the exit status. On is the least status that counts: fact.Warn or
// fact.Fail. Strict counts what cannot be seen as a warning.
func (r *Report) Exit(on fact.Status, strict bool) int {
	worst := Fine
	for _, x := range r.Results {
		worst = max(worst, r.counts(x, on, strict))
	}
	return worst
}

// counts is the exit status that a result makes on its own.
func (r *Report) counts(x Result, on fact.Status, strict bool) int {
	switch s := x.Finding.Status; {
	case r.Known[x.Check.ID]:
	case s == fact.Fail:
		return Failures
	case s == fact.Warn && on == fact.Warn, s == fact.Unknown && strict:
		return Warnings
	}
	return Fine
}

// document is the JSON of a report.
type document struct {
	Schema  string         `json:"schema"`
	Host    Host           `json:"host"`
	Checks  []check        `json:"checks"`
	Summary map[string]int `json:"summary"`
}

type check struct {
	ID       string          `json:"id"`
	Status   fact.Status     `json:"status"`
	Severity fact.Severity   `json:"severity"`
	Scope    fact.Scope      `json:"scope"`
	Path     fact.Path       `json:"path"`
	Title    string          `json:"title"`
	Why      string          `json:"why"`
	Evidence []fact.Evidence `json:"evidence"`
	Fix      []fact.Fix      `json:"fix"`
	RunOn    string          `json:"run_on"`
	Seconds  float64         `json:"seconds"`
}

// JSON writes the report with all keys, lists being [] when there is nothing.
func (r *Report) JSON(w io.Writer) error {
	d := document{Schema: Schema, Host: r.Host, Checks: []check{}, Summary: map[string]int{}}
	d.Host.Stack = filled(d.Host.Stack)
	for i := range d.Host.Stack {
		d.Host.Stack[i].Evidence = filled(d.Host.Stack[i].Evidence)
	}
	for _, s := range fact.Statuses() {
		d.Summary[string(s)] = r.Count(s)
	}
	for _, x := range r.Results {
		d.Checks = append(d.Checks, check{
			ID: x.Check.ID, Status: x.Finding.Status, Severity: x.Check.Severity, Scope: x.Check.Scope, Path: x.Check.Path,
			Title: x.Check.Title, Why: x.Why(), Evidence: filled(x.Finding.Evidence), Fix: filled(x.Fixes()),
			RunOn: x.Finding.RunOn, Seconds: x.Finding.Seconds,
		})
	}
	return asJSON(w, d)
}

// asJSON writes a document in which nothing steers a terminal.
func asJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if _, err := w.Write(letters.JSON(b.Bytes())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// filled is a copy of list that is not nil.
func filled[T any](list []T) []T { return append([]T{}, list...) }

// Earlier is what a report written as JSON says of each check, but for how to mend
// it: commands are our own, whoever wrote the file.
type Earlier map[string]fact.Finding

// maxReport bounds a report that is read, in bytes.
const maxReport = 16 << 20

// again says how a report that is not believed is replaced.
const again = "; fishplate doctor --json writes one"

// Read reads a report that was written as JSON. Checks that this version does not
// have may be in it, words that no version has may not: they would be judged by.
func Read(in io.Reader) (Earlier, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("read report: it is larger than %d MiB%s", maxReport>>20, again)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("read report: %w%s", err, again)
	}
	if d.Schema != Schema {
		return nil, errors.New("read report: its schema is not " + Schema + again)
	}
	e := Earlier{}
	for _, c := range d.Checks {
		if err := c.known(); err != nil {
			return nil, fmt.Errorf("read report: %w%s", err, again)
		}
		if _, twice := e[c.ID]; twice {
			return nil, fmt.Errorf("read report: check %q is there twice%s", c.ID, again)
		}
		e[c.ID] = fact.Finding{Status: c.Status, Found: c.Why, Evidence: c.Evidence, RunOn: c.RunOn, Seconds: c.Seconds}
	}
	return e, nil
}

// known says which word of a check is none of those that a report has, or nil.
func (c check) known() error {
	type word struct {
		key, word string
		known     []string
	}
	words := []word{
		{"status", string(c.Status), texts(fact.Statuses())},
		{"severity", string(c.Severity), texts(fact.Severities())},
		{"scope", string(c.Scope), texts(fact.Scopes())},
		{"path", string(c.Path), texts(fact.Paths())},
		{"run_on", c.RunOn, []string{"", "root", "initns", "host"}},
	}
	for _, f := range c.Fix {
		words = append(words, word{"who", string(f.Who), texts(fact.Everybody())})
	}
	for _, w := range words {
		if !slices.Contains(w.known, w.word) {
			return fmt.Errorf("%s of check %q is %q, and none of %s", w.key, c.ID, w.word, strings.TrimPrefix(strings.Join(w.known, ", "), ", "))
		}
	}
	return nil
}

func texts[T ~string](words []T) (list []string) {
	for _, w := range words {
		list = append(list, string(w))
	}
	return list
}

// Since marks what an earlier report had already.
func (r *Report) Since(e Earlier) {
	r.Known = map[string]bool{}
	now := map[string]int{}
	for _, x := range r.Results {
		now[x.Check.ID] = rank(x.Finding.Status)
		if old, ok := e[x.Check.ID]; ok && rank(old.Status) >= rank(x.Finding.Status) && rank(x.Finding.Status) > 0 {
			r.Known[x.Check.ID] = true
		}
	}
	for id, old := range e {
		if at, ok := now[id]; ok && rank(old.Status) >= 2 && at < 2 {
			r.Gone = append(r.Gone, id)
		}
	}
	slices.Sort(r.Gone)
}

// rank orders statuses by how much they matter: 0 not at all.
func rank(s fact.Status) int {
	switch s {
	case fact.Fail:
		return 3
	case fact.Warn:
		return 2
	case fact.Unknown:
		return 1
	}
	return 0
}
