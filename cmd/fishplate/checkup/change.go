package checkup

import (
	"context"
	"fmt"
	"io"
	"strings"

	"fishplate/internal/doctor"
)

// fix mends what may be mended. What it does is said on the output, or beside it
// when that is for a machine, which gets the report of the look afterwards.
func fix(ctx context.Context, a asked, to Output) (code int, err error) {
	o, err := a.options(ctx)
	if err != nil {
		return doctor.NoRun, err
	}
	m := doctor.Mending{Out: to.Out, DryRun: a.dryRun, Persist: a.persist}
	if a.format != "text" {
		m.Out = to.Err
	}
	r, faults, err := doctor.Mend(ctx, o, m)
	if err == nil && a.baseline != "" {
		err = compare(r, a.baseline)
	}
	if err != nil {
		return doctor.NoRun, err
	}
	if a.format != "text" {
		err = write(r, a, to)
	} else {
		err = remaining(r, to.Out)
	}
	if err != nil || faults > 0 {
		return doctor.NoRun, err
	}
	return r.Exit(a.on, a.strict), nil
}

// remaining says what is still wrong.
func remaining(r *doctor.Report, out io.Writer) error {
	for _, s := range []doctor.Status{doctor.Fail, doctor.Warn} {
		var ids []string
		for _, x := range r.With(s) {
			ids = append(ids, x.Check.ID)
		}
		if len(ids) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(out, "Still %s: %s\n", s, strings.Join(ids, " ")); err != nil {
			return err
		}
	}
	return nil
}

// undo takes back what fix did.
func undo(a asked, to Output) (code int, err error) {
	faults, err := doctor.Unmend(a.only, a.skip, doctor.Mending{Out: to.Out, DryRun: a.dryRun})
	if err != nil || faults > 0 {
		return doctor.NoRun, err
	}
	return 0, nil
}
