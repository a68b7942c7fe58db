package show

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fishplate/internal/control"
)

// History writes a line for each commit.
func History(w io.Writer, list []control.Entry) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tTIME\tBY\tFROM\tSTATE\tCHANGES\tCOMMENT")
	for _, e := range list {
		state := e.State
		if e.Deadline != nil {
			state += " until " + e.Deadline.Local().Format(time.TimeOnly)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", e.ID, e.Time.Local().Format(time.DateTime), orDash(e.Author), e.Source, state, len(e.Changes)+e.More, printable(e.Comment)+trial(e.Canary))
	}
	return t.Flush()
}

// trial tells the figures by which a change was decided.
func trial(t *control.Trial) string {
	if t == nil {
		return ""
	}
	side := func(o control.Outcomes) string {
		return fmt.Sprintf("%s, %s, p99 up to %g ms", Count(int(o.Requests), "request"), Count(int(o.Errors), "error"), o.P99)
	}
	text := fmt.Sprintf(" [%g%% until %s", t.Share*100, t.Until)
	if t.Why != "" {
		text += fmt.Sprintf(": %s; it had %s, and beside it %s", t.Why, side(t.Next), side(t.Running))
	}
	return text + "]"
}
