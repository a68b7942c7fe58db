package apply

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
)

// Outcome counts what was done.
type Outcome struct {
	Changed int
	// Checks are the ids of the findings that something was done for, in order.
	Checks []string
	// Faults counts what was to be done and could not be.
	Faults int
}

// Fix does what the findings ask for, as far as it may, and says each thing before
// it does it. It returns an error when it could not begin, or not record.
func (o Options) Fix(results []report.Result, out io.Writer) (done Outcome, err error) {
	w := &lines{w: out}
	steps, rest := o.plan(results)
	keep := (o.Persist || len(steps) > 0) && o.mayPersist() == ""
	if o.Persist && !keep {
		w.printf("--persist: %s\n", o.mayPersist())
		done.Faults++
	}
	r := record{Schema: Schema}
	if !o.DryRun && (len(steps) > 0 || keep) {
		free, err := o.hold()
		if err != nil {
			return done, err
		}
		defer free()
	}
	if len(steps) > 0 || keep {
		// Somebody who may not write the record may not read it either, and then
		// there are no steps.
		if r, err = o.load(); err != nil {
			return done, err
		}
	}
	for _, s := range steps {
		w.printf("%s\n", s)
		if w.err != nil {
			return done, w.err
		}
		if o.DryRun {
			continue
		}
		fault, err := o.write(&r, s)
		if err != nil {
			return done, err
		}
		if fault != "" {
			w.printf("  %s\n", fault)
			done.Faults++
			continue
		}
		done.Changed++
		if n := len(done.Checks); n == 0 || done.Checks[n-1] != s.check {
			done.Checks = append(done.Checks, s.check)
		}
	}
	if keep {
		done.Faults += o.persist(&r, steps, w)
	}
	done.Faults += tell(rest, w)
	switch {
	case o.DryRun:
		w.printf("Nothing was changed: --dry-run.\n")
	case done.Changed > 0:
		w.printf("%s changed; fishplate doctor --undo takes it back.\n", count(done.Changed, "setting"))
	case len(rest) > 0 || done.Faults > 0:
		w.printf("Nothing was changed.\n")
	case len(steps) == 0:
		w.printf("Nothing to change.\n")
	}
	return done, w.err
}

// write does one step. The record comes first: whatever ends us between the two,
// undo knows the old value. A fault says what went wrong with this step alone.
func (o Options) write(r *record, s step) (fault string, err error) {
	before := *r
	before.Changes = append([]change(nil), r.Changes...)
	r.add(s, o.place(), o.boot(), time.Now().UTC().Truncate(time.Second))
	if err := o.save(*r); err != nil {
		return "", err
	}
	if err := o.Hand.Write(s.file, s.value); err != nil {
		fault = "not changed: " + refused(err)
	}
	now, err := o.Hand.Read(s.file)
	switch {
	case err != nil:
		return "it cannot be read again: " + reason(err), nil
	case now == s.value && fault == "":
		return "", nil
	case fault == "":
		fault = fmt.Sprintf("it reads %s: the kernel did not take the value", shown(now))
	}
	if now == s.old {
		*r = before
		return fault, o.save(*r)
	}
	// It is neither the old value nor the new one: what stands there is still
	// owed to whoever undoes.
	if i := r.at(s.file, o.place()); i >= 0 {
		r.Changes[i].New = now
	}
	return fault, o.save(*r)
}

// tell writes what is left to others, each reason once, and counts what should
// have been done.
func tell(rest []left, w *lines) (faults int) {
	var reasons []string
	by := map[string][]left{}
	for _, l := range rest {
		if by[l.reason] == nil {
			reasons = append(reasons, l.reason)
		}
		by[l.reason] = append(by[l.reason], l)
	}
	for _, reason := range reasons {
		w.printf("Not done, %s:\n", reason)
		said := map[string]bool{}
		for _, l := range by[reason] {
			if l.fault {
				faults++
			}
			if !said[l.command] {
				w.printf("  %s  (%s)\n", l.command, l.check)
			}
			said[l.command] = true
		}
	}
	return faults
}

// Compare says which findings are others after the fix.
func Compare(before, after []report.Result, ids []string, out io.Writer) error {
	w := &lines{w: out}
	was := map[string]fact.Status{}
	for _, x := range before {
		was[x.Check.ID] = x.Finding.Status
	}
	for _, x := range after {
		for _, id := range ids {
			if id == x.Check.ID {
				w.printf("%s: %s -> %s, %s\n", id, was[id], x.Finding.Status, x.Finding.Found)
			}
		}
	}
	return w.err
}

// lines writes and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		// What was read may not steer the terminal.
		text := strings.Map(func(r rune) rune {
			if r != '\n' && !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, fmt.Sprintf(format, args...))
		_, l.err = io.WriteString(l.w, text)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
