package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/letters"
)

// SARIF writes the report as a log of the static analysis results interchange
// format, 2.1.0 (OASIS). Its fixes are edits of texts, so that ours are in the
// message and the properties.
func (r *Report) SARIF(w io.Writer) error {
	type text struct {
		Text string `json:"text"`
	}
	type rule struct {
		ID    string         `json:"id"`
		Name  string         `json:"name"`
		Short text           `json:"shortDescription"`
		Full  text           `json:"fullDescription"`
		Help  text           `json:"help"`
		Conf  map[string]any `json:"defaultConfiguration"`
	}
	type result struct {
		RuleID     string         `json:"ruleId"`
		RuleIndex  int            `json:"ruleIndex"`
		Kind       string         `json:"kind"`
		Level      string         `json:"level"`
		Message    text           `json:"message"`
		Locations  []any          `json:"locations,omitempty"`
		Baseline   string         `json:"baselineState,omitempty"`
		Properties map[string]any `json:"properties"`
	}
	rules, results := []rule{}, []result{}
	for i, x := range r.Results {
		kind, level := sarif(x.Finding.Status)
		_, usual := sarif(fact.Status(x.Check.Severity))
		rules = append(rules, rule{
			ID: x.Check.ID, Name: x.Check.Title, Short: text{x.Check.Title}, Full: text{Sentence(x.Check.Why)}, Help: text{Sentence(x.Check.Rule)},
			Conf: map[string]any{"level": usual},
		})
		res := result{
			RuleID: x.Check.ID, RuleIndex: i, Kind: kind, Level: level, Message: text{x.Why()},
			Properties: map[string]any{"status": x.Finding.Status, "fix": filled(x.Fixes()), "evidence": filled(x.Finding.Evidence)},
		}
		if r.Known != nil {
			res.Baseline = "new"
			if r.Known[x.Check.ID] {
				res.Baseline = "unchanged"
			}
		}
		for _, e := range x.Finding.Evidence {
			if strings.HasPrefix(e.Source, "/") && !strings.ContainsAny(e.Source, " ,") {
				res.Locations = append(res.Locations, map[string]any{"physicalLocation": map[string]any{"artifactLocation": map[string]any{"uri": "file://" + e.Source}}})
			}
		}
		results = append(results, res)
	}
	return asJSON(w, map[string]any{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "fishplate doctor", "rules": rules}},
			"results": results,
		}},
	})
}

// sarif are the kind and level of a status. A level other than none is for kind
// fail alone (2.1.0 §3.27.9).
func sarif(s fact.Status) (kind, level string) {
	switch s {
	case fact.Fail:
		return "fail", "error"
	case fact.Warn:
		return "fail", "warning"
	case fact.Info:
		return "informational", "none"
	case fact.Unknown:
		return "open", "none"
	case fact.Skip:
		return "notApplicable", "none"
	}
	return "pass", "none"
}

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Seconds string   `xml:"time,attr"`
	Failure *outcome `xml:"failure,omitempty"`
	Skipped *outcome `xml:"skipped,omitempty"`
	Out     string   `xml:"system-out,omitempty"`
}

type outcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report as a test result: a group is a suite, a check a case.
// What makes the exit status other than 0 fails; what cannot be seen or is not asked
// is skipped. A warning that does not count, or is known, is in the output of its case.
func (r *Report) JUnit(w io.Writer, on fact.Status, strict bool) error {
	all := suites{Name: "fishplate doctor"}
	for _, x := range r.Results {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != x.Check.Group() {
			all.Suites = append(all.Suites, suite{Name: x.Check.Group()})
		}
		s := &all.Suites[len(all.Suites)-1]
		c := testcase{Class: "doctor." + x.Check.Group(), Name: x.Check.ID, Seconds: fmt.Sprintf("%.6f", x.Finding.Seconds)}
		s.Tests++
		all.Tests++
		found, status := letters.Only(x.Finding.Found), x.Finding.Status
		switch {
		case r.counts(x, on, strict) != Fine:
			c.Failure = &outcome{Message: found, Type: string(status), Text: letters.Only(plain(x))}
			s.Failures++
			all.Failures++
		case status == fact.Unknown || status == fact.Skip:
			c.Skipped = &outcome{Message: string(status) + ": " + found}
			s.Skipped++
			all.Skipped++
		case status == fact.Warn || status == fact.Fail:
			c.Out = string(status) + ": " + letters.Only(plain(x))
		default:
			c.Out = found
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// plain is a finding with its evidence and remedies in lines.
func plain(x Result) string {
	var b strings.Builder
	fmt.Fprintln(&b, x.Why())
	for _, e := range x.Finding.Evidence {
		fmt.Fprintf(&b, "seen: %s: %s\n", e.Source, oneLine(e.Raw, usual))
	}
	for _, f := range x.Fixes() {
		fmt.Fprintf(&b, "%s: %s\n", doer(f), f.Command)
	}
	return b.String()
}

// Prometheus writes the report in the text format 0.0.4: for node_exporter's
// folder of texts, for example.
func (r *Report) Prometheus(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "# HELP fishplate_doctor_check Verdict of a check: 1 at the status that it has.\n# TYPE fishplate_doctor_check gauge\n")
	for _, x := range r.Results {
		for _, s := range fact.Statuses() {
			n := 0
			if s == x.Finding.Status {
				n = 1
			}
			fmt.Fprintf(b, "fishplate_doctor_check{id=%q,scope=%q,status=%q} %d\n", x.Check.ID, x.Check.Scope, s, n)
		}
	}
	fmt.Fprint(b, "# HELP fishplate_doctor_checks Checks by verdict.\n# TYPE fishplate_doctor_checks gauge\n")
	for _, s := range fact.Statuses() {
		fmt.Fprintf(b, "fishplate_doctor_checks{status=%q} %d\n", s, r.Count(s))
	}
	fmt.Fprint(b, "# HELP fishplate_doctor_layer What the machine is made of.\n# TYPE fishplate_doctor_layer gauge\n")
	for _, l := range r.Host.Stack {
		fmt.Fprintf(b, "fishplate_doctor_layer{kind=%q,name=\"%s\",confidence=%q} 1\n", l.Kind, label(l.Name), l.Confidence)
	}
	fmt.Fprint(b, "# HELP fishplate_doctor_seconds How long the run took.\n# TYPE fishplate_doctor_seconds gauge\n")
	fmt.Fprintf(b, "fishplate_doctor_seconds %g\n", r.Seconds)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// label is a text as a value between the quotes of a label, where Prometheus knows
// three escapes and no others. The names of containers are read from files.
func label(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(letters.Only(s))
}
