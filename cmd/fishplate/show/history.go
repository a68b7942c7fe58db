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
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", e.ID, e.Time.Local().Format(time.DateTime), orDash(e.Author), e.Source, state, len(e.Changes)+e.More, printable(e.Comment))
	}
	return t.Flush()
}
