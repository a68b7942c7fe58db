package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"fishplate/internal/bench"
	"fishplate/internal/letters"
)

// Comparison writes a comparison for people.
func Comparison(w io.Writer, c *bench.Comparison) error {
	var b strings.Builder
	how := "Welch's test of the repetitions"
	if c.Paired {
		how = "paired"
	}
	fmt.Fprintf(&b, "A  %s\nB  %s\n\n", letters.Line(c.A), letters.Line(c.B))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tA\tB\tB / A\t95 %%, %s\t\n", how)
	for _, f := range c.Figures {
		by, interval := change(f.Ratio)+" %", "no ratio: a measurement is 0"
		switch {
		case f.Known:
			interval = change(f.Low) + " … " + change(f.High) + " %"
		case f.N == 1:
			interval = "one measurement each"
		default:
			by = "?"
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s %s\t%s\t%s\t  %s\n", f.Name, plain(f.A), f.Unit, plain(f.B), f.Unit, by, interval, verdict(f))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		list  []bench.Difference
	}{{"What was asked for differs in", c.Options}, {"The machines differ in", c.Host}} {
		if len(part.list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		for _, d := range part.list {
			fmt.Fprintf(&b, "  %s: %s, %s\n", letters.Line(d.Name), or(d.A), or(d.B))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// change writes a ratio as percent more or less.
func change(ratio float64) string {
	const most = 100 // a hundredfold and more: the digits mean nothing any more
	if ratio > most {
		return fmt.Sprintf("> %+d", (most-1)*100)
	}
	return fmt.Sprintf("%+.1f", (ratio-1)*100)
}

// or is a fact of a file that anybody may have written.
func or(s string) string {
	if s == "" {
		return "(none)"
	}
	return letters.Line(s)
}

func plain(v float64) string {
	if v >= 1000 {
		return Thousands(v)
	}
	return fmt.Sprintf("%.3g", v)
}

// verdict is a word for a figure.
func verdict(f bench.Figure) string {
	switch {
	case !f.Known:
		return ""
	case !f.Sure && f.N == 2:
		return "two are too few to see a difference"
	case !f.Sure:
		return "no difference seen"
	case (f.Ratio < 1) == f.Less:
		return "B is better"
	}
	return "A is better"
}
