package show

import (
	"fmt"
	"io"
	"strings"
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
		if e.Owed != "" {
			state += ", not on disk yet"
		}
		printf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", e.ID, e.Time.Local().Format(time.DateTime), orDash(e.Author), e.Source, state, len(e.Changes)+e.More, e.Comment+ended(e)+trial(e.Canary)+unmet(e))
	}
	return t.Flush()
}

func ended(e control.Entry) string {
	if e.Why == "" {
		return ""
	}
	return " [" + e.Why + "]"
}

// unmet tells what did not hold at once.
func unmet(e control.Entry) (text string) {
	for _, p := range e.Unmet {
		text += " [" + p.Summary + "]"
	}
	return text
}

// trial tells the figures by which a change was decided.
func trial(t *control.Trial) string {
	if t == nil {
		return ""
	}
	text := fmt.Sprintf(" [%.6g%% until %s", t.Share*100, t.Until)
	if t.Why != "" {
		text += fmt.Sprintf(": %s; it had %s, and beside it %s", t.Why, outcomes(t.Next), outcomes(t.Running))
	}
	return text + "]"
}

// outcomes tells the figures of one side of a trial.
func outcomes(o control.Outcomes) string {
	return fmt.Sprintf("%s, %s, p99 up to %g ms", Count(int(o.Requests), "request"), Count(int(o.Errors), "error"), o.P99)
}

// canary writes what is being tried, and how it stands.
func canary(w io.Writer, o *control.Ongoing) error {
	if o == nil {
		return nil
	}
	words := make([]string, len(o.Conditions))
	for i, c := range o.Conditions {
		words[i] = fmt.Sprintf("%s (now %s)", c.Text, c.Now)
	}
	_, err := printf(w, "\nchange %d is tried with %.6g%% of the clients for another %s; then all, if %s, or none\nit had %s, and beside it %s\n",
		o.Change, o.Share*100, max(0, time.Until(o.Deadline)).Round(time.Second), strings.Join(words, " && "), outcomes(o.Next), outcomes(o.Running))
	return err
}
