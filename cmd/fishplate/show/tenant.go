package show

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/letters"
	"fishplate/internal/tenant"
)

// Tenants writes a row for each tenant.
func Tenants(w io.Writer, list []tenant.Status) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "TENANT\tSTATE\tPROGRAM\tACTIVE\tWAITING\tREQUESTS\tSTOPS\tREFUSED\tMEMORY")
	for _, s := range list {
		stops := s.Stops.Budget + s.Stops.Time + s.Stops.Memory + s.Stops.Fault
		printf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Name, s.State, orDash(s.Hash), s.Active, s.Waiting, s.Requests, stops, s.Refused, size(s.Memory))
	}
	return t.Flush()
}

// Tenant writes all that is known of one.
func Tenant(w io.Writer, v *admin.TenantView) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		printf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("tenant", "%s, %s", v.Name, v.State)
	if v.Error != "" {
		row("trouble", "%s", v.Error)
	}
	row("program", "%s, %s", v.Program, orDash(v.Hash))
	row("image", "%s, main took %d instructions", Count(v.Pages, "page"), v.Startup)
	row("memory", "%s, %s free", size(v.Memory), Count(v.Forks, "fork"))
	row("requests", "%d, %d with an answer by forge, %d refused; now %d and %d that wait", v.Requests, v.Forges, v.Refused, v.Active, v.Waiting)
	row("instructions", "%d", v.Instructions)
	row("stopped", "%d by instructions, %d by time, %d by memory, %d by a fault", v.Stops.Budget, v.Stops.Time, v.Stops.Memory, v.Stops.Fault)
	if s := v.Store; s != nil {
		row("keys", "%s in %s of %s, %d reads, %d writes, %d refused", Count(int(s.Keys), "key"), size(s.Used), size(s.Limit), s.Reads, s.Writes, s.Refused)
	}
	if s := v.Storage; s.Calls > 0 {
		row("storage", "%d calls, %d of them waited, %v in all", s.Calls, s.Waits, s.Waited.Round(time.Microsecond))
	}
	for _, text := range v.RegexFallbacks {
		row("regex", "matched by backtracking: %s", text)
	}
	if s := v.Shadow; s != nil {
		row("shadow", "%s, %d of %d requests differ", s.Program, s.Differing, s.Requests)
	}
	if err := t.Flush(); err != nil || len(v.Versions) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return Versions(w, v.Versions)
}

// Versions writes the programs that are kept, the newest first.
func Versions(w io.Writer, list []tenant.Version) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "VERSION\t\tTIME\tPROGRAM\tSIZE\tFROM\tBY\tCOMMENT")
	for _, v := range list {
		mark := ""
		if v.Current {
			mark = "*"
		}
		printf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Number, mark, v.Time.Local().Format(time.DateTime), v.Hash, size(int64(v.Size)), v.Source, orDash(v.Author), v.Comment)
	}
	return t.Flush()
}

// Version writes what an update or a roll back made.
func Version(w io.Writer, name string, v *tenant.Version) error {
	_, err := printf(w, "tenant %s: version %d, program %s, %s\n", name, v.Number, v.Hash, size(int64(v.Size)))
	return err
}

// Shadow writes the report on a candidate.
func Shadow(w io.Writer, r *tenant.ShadowReport) error {
	printf(w, "candidate %s, %s, for %.4g%% of the requests\n", r.Program, orDash(r.Hash), 100*r.Share)
	if r.Error != "" {
		printf(w, "it does not run: %s\n", r.Error)
	}
	printf(w, "%s repeated, %d differ; %d were left out for want of room, %d for their bodies\n", Count(int(r.Requests), "request"), r.Differing, r.Dropped, r.Skipped)
	stops := r.Status.Stops
	printf(w, "it was stopped %d times by instructions, %d by time, %d by memory, %d by a fault\n", stops.Budget, stops.Time, stops.Memory, stops.Fault)
	for _, d := range r.Differences {
		printf(w, "\n%s %s %s: %s differs\n", d.Time.Local().Format(time.TimeOnly), d.Request, d.Target, d.What)
		fmt.Fprint(w, side("-", d.Real)+side("+", d.Candidate))
	}
	return nil
}

// side writes the lines of one side of a difference.
func side(mark, text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString("  " + mark + " " + letters.Row(line) + "\n")
	}
	return b.String()
}

// Line writes a line of a tenant's log.
func Line(w io.Writer, l *tenant.Line) error {
	_, err := printf(w, "%s %-5s %s\n", l.Time.Local().Format(time.StampMilli), l.Level, l.Text)
	return err
}

// Records writes what is kept of a tenant's calls.
func Records(w io.Writer, list []tenant.RecordInfo) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tTIME\tINSTRUCTIONS\tSIZE\tCAUSE\tPROGRAM\tREQUEST")
	for _, r := range list {
		printf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.ID, r.Time.Local().Format(time.TimeOnly), r.Instructions, size(int64(r.Bytes)), orDash(r.Cause), r.Program, r.Target)
	}
	return t.Flush()
}
