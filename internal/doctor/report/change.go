package report

import (
	"fmt"
	"io"
	"time"

	"fishplate/internal/doctor/fact"
)

// Changes writes a line for each check whose status is another than in the report
// before, and its remedies when it became worse. It writes nothing when none is.
func (r *Report) Changes(w io.Writer, before *Report, at time.Time, s Style) error {
	was := map[string]fact.Status{}
	for _, x := range before.Results {
		was[x.Check.ID] = x.Finding.Status
	}
	p := newPrinter(w, s)
	for _, x := range r.Results {
		old, now := was[x.Check.ID], x.Finding.Status
		if old == now {
			continue
		}
		p.printf("%s %s %s -> %s\n", at.Format(time.TimeOnly), x.Check.ID, p.paint(old, string(old)), p.paint(now, string(now)))
		p.wrap("     ", Sentence(x.Finding.Found))
		if rank(now) < 2 || rank(now) < rank(old) {
			continue
		}
		for _, f := range x.Fixes() {
			p.wrap(fmt.Sprintf("     %s: ", doer(f)), f.Command)
		}
	}
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write changes: %w", err)
	}
	return nil
}
