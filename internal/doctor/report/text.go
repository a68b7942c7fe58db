package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/letters"
)

// Style is how text looks.
type Style struct {
	Color bool
	Width int // of lines, in characters; 0 is 110
}

// Bounds of the width of lines: where nobody says it, and so that columns remain.
const (
	usual  = 110
	narrow = 60
)

// Text writes the report for people: what fails and warns at length, then what
// cannot be seen and what is worth knowing in a line each, then what is fine.
func (r *Report) Text(w io.Writer, s Style) error {
	p := newPrinter(w, s)
	p.machine(r.Host)
	for _, s := range []fact.Status{fact.Fail, fact.Warn} {
		for _, x := range r.With(s) {
			p.loss(x, r.Known[x.Check.ID])
		}
	}
	p.unknown(r.With(fact.Unknown))
	p.lines("Worth knowing", r.With(fact.Info))
	p.ids("Fine", r.With(fact.OK))
	p.ids("Not asked here", r.With(fact.Skip))
	if len(r.Gone) > 0 {
		p.printf("\n")
		p.wrap("Mended since the baseline: ", strings.Join(r.Gone, ", "))
	}
	p.sum(r)
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// printer writes lines; the buffer keeps the first error for Flush.
type printer struct {
	w     *bufio.Writer
	color bool
	width int
}

func newPrinter(w io.Writer, s Style) printer {
	if s.Width == 0 {
		s.Width = usual
	}
	return printer{bufio.NewWriter(w), s.Color, max(s.Width, narrow)}
}

func (p printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

// paint colours a word by its status.
func (p printer) paint(s fact.Status, word string) string {
	codes := map[fact.Status]string{fact.Fail: "31;1", fact.Warn: "33;1", fact.Unknown: "36", fact.OK: "32", fact.Info: "1", fact.Skip: "2"}
	if !p.color {
		return word
	}
	return "\x1b[" + codes[s] + "m" + word + "\x1b[0m"
}

func (p printer) machine(h Host) {
	env := fact.Environment{Stack: h.Stack}
	text := env.String()
	for _, l := range h.Stack {
		if l.Confidence == fact.Low && l.Kind == fact.Hypervisor {
			text += ", maybe " + l.Name
		}
	}
	if text == "" {
		text = "unknown"
	}
	parts := []string{text}
	if h.Kernel != "" {
		parts = append(parts, "Linux "+h.Kernel)
	}
	switch h.CPUs {
	case 0:
	case 1:
		parts = append(parts, "1 CPU")
	default:
		parts = append(parts, fmt.Sprint(h.CPUs, " CPUs"))
	}
	p.wrap("", strings.Join(parts, ", "))
}

// loss writes a warning or failure with its evidence and its remedies.
func (p printer) loss(x Result, known bool) {
	mark := " "
	if known {
		mark = " (as in the baseline) "
	}
	verdict := fmt.Sprintf("%-4s", x.Finding.Status)
	title := p.fold("     ", x.Check.ID+mark+"- "+x.Check.Title)
	p.printf("\n%s%s\n", p.paint(x.Finding.Status, verdict), strings.TrimPrefix(strings.Join(title, "\n"), "    "))
	p.wrap("     ", Sentence(x.Finding.Found)+" "+Sentence(x.Check.Why))
	for _, e := range x.Finding.Evidence {
		p.printf("     seen: %s\n", oneLine(e.Source+": "+e.Raw, p.width-11))
	}
	for _, f := range x.Fixes() {
		p.wrap(fmt.Sprintf("     %s: ", doer(f)), f.Command)
		if f.Persist != "" {
			p.wrap("       to stay: ", f.Persist)
		}
		if f.Risk != "" {
			p.wrap("       risk: ", f.Risk)
		}
	}
}

func doer(f fact.Fix) string {
	switch {
	case f.Who == fact.Us && f.Auto == fact.Already:
		return "we do"
	case f.Who == fact.Us:
		return "in Fishplate"
	case f.Who == fact.ByHost:
		return "on the host"
	case f.Who == fact.Provider:
		return "at the provider"
	}
	return "as root"
}

// unknown lists what cannot be seen by where it can.
func (p printer) unknown(list []Result) {
	for _, place := range []struct{ on, head string }{
		{"host", "Not visible in this guest: run there what fishplate doctor --host-script prints, and give its output to --merge"},
		{"initns", "Not visible in this container, but on its host"},
		{"root", "Visible to root"},
		{"", "Unknown"},
	} {
		var here []Result
		for _, x := range list {
			if x.Finding.RunOn == place.on {
				here = append(here, x)
			}
		}
		p.lines(place.head, here)
	}
}

func (p printer) lines(head string, list []Result) {
	if len(list) == 0 {
		return
	}
	p.printf("\n")
	for _, line := range p.fold("", head+":") {
		p.printf("%s\n", p.paint(list[0].Finding.Status, line))
	}
	for _, x := range list {
		p.wrap(fmt.Sprintf("  %-20s  ", x.Check.ID), x.Finding.Found)
	}
}

func (p printer) ids(head string, list []Result) {
	if len(list) == 0 {
		return
	}
	var ids []string
	for _, x := range list {
		ids = append(ids, x.Check.ID)
	}
	p.printf("\n%s (%d):\n", head, len(list))
	p.wrap("  ", strings.Join(ids, " "))
}

func (p printer) sum(r *Report) {
	parts := []string{}
	for _, s := range fact.Statuses() {
		if n := r.Count(s); n > 0 {
			parts = append(parts, p.paint(s, fmt.Sprintf("%d %s", n, s)))
		}
	}
	if len(r.Known) > 0 {
		parts = append(parts, fmt.Sprintf("%d as in the baseline", len(r.Known)))
	}
	p.printf("\n%s, in %.2f s\n", strings.Join(parts, ", "), r.Seconds)
}

// wrap writes words in lines, the first behind head, the others below it.
func (p printer) wrap(head, text string) {
	for _, line := range p.fold(head, text) {
		p.printf("%s\n", line)
	}
}

// fold makes lines of words.
func (p printer) fold(head, text string) (lines []string) {
	indent := strings.Repeat(" ", len(head))
	line := head
	empty := true
	for _, word := range strings.Fields(letters.Only(text)) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > p.width {
			lines = append(lines, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return append(lines, line)
}

// oneLine makes a line of a text, and cuts it at n characters.
func oneLine(s string, n int) string {
	s = letters.Line(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
