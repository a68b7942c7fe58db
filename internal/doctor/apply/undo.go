package apply

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Undo takes back what Fix did, the last change first: where our value still
// stands the old one comes back, and what others changed since is left to them.
// With wanted it goes by the ids of checks for which that is true.
func (o Options) Undo(wanted func(check string) bool, out io.Writer) (done Outcome, err error) {
	w := &lines{w: out}
	if !o.DryRun {
		free, err := o.hold()
		if err != nil {
			return done, err
		}
		defer free()
	}
	r, err := o.load()
	if err != nil {
		return done, err
	}
	list := slices.Clone(r.Changes)
	slices.Reverse(list)
	seen := false
	for _, c := range list {
		if !wanted(c.Check) {
			continue
		}
		seen = true
		if err := o.back(&r, c, w, &done); err != nil {
			return done, err
		}
	}
	switch {
	case o.DryRun && seen:
		w.printf("Nothing was changed: --dry-run.\n")
	case done.Changed > 0:
		w.printf("%s taken back.\n", count(done.Changed, "setting"))
	case !seen && len(list) > 0:
		w.printf("Nothing to undo: no change was made for these checks.\n")
	case !seen && !r.Undone.IsZero():
		w.printf("Nothing to undo: the last change was taken back at %s.\n", r.Undone.Format("2006-01-02 15:04:05 MST"))
	case !seen:
		w.printf("Nothing to undo: %s records no change.\n", o.file())
	}
	return done, w.err
}

// back takes one change back, and forgets it when nothing of it is left.
func (o Options) back(r *record, c change, w *lines, done *Outcome) error {
	if c.Place != o.place() {
		w.printf("%s: changed in another network namespace (%s); undo it from there\n", Name(c.File), c.Place)
		return nil
	}
	fault := o.restore(c, w, done)
	if fault == "" {
		fault = o.forget(c, w)
	}
	if fault != "" {
		w.printf("  %s\n", fault)
		done.Faults++
		return nil
	}
	if o.DryRun {
		return nil
	}
	r.drop(c.File, c.Place)
	r.Undone = time.Now().UTC().Truncate(time.Second)
	return o.save(*r)
}

// restore writes the old value where ours still stands.
func (o Options) restore(c change, w *lines, done *Outcome) (fault string) {
	now, err := o.Hand.Read(c.File)
	switch {
	case err != nil:
		w.printf("%s is not there any more: %s\n", Name(c.File), reason(err))
		return ""
	case c.Boot != o.boot() && len(c.Kept) == 0:
		w.printf("%s: the change ended with a restart; it is %s\n", Name(c.File), shown(now))
		return ""
	case now == c.Old:
		w.printf("%s is %s again already\n", Name(c.File), shown(now))
		return ""
	case now != c.New:
		w.printf("%s is %s, and not %s as we left it: somebody changed it since, and it stays\n", Name(c.File), shown(now), shown(c.New))
		return ""
	}
	w.printf("%s\n", step{check: c.Check, file: c.File, old: c.New, value: c.Old})
	if o.DryRun {
		return ""
	}
	if w.err != nil {
		return w.err.Error()
	}
	if err := o.Hand.Write(c.File, c.Old); err != nil {
		return "not changed: " + refused(err)
	}
	if now, err := o.Hand.Read(c.File); err != nil || now != c.Old {
		return fmt.Sprintf("it reads %s: the kernel did not take the value", shown(now))
	}
	done.Changed++
	return ""
}

// forget takes the lines of a change out of our files. One that somebody edited
// stays.
func (o Options) forget(c change, w *lines) (fault string) {
	for _, e := range kept(c.File, c.New) {
		if !slices.Contains(c.Kept, e.file) {
			continue
		}
		text, err := o.ourFile(e.file)
		if err != nil {
			return "still kept: " + refused(err)
		}
		if !has(text, e.line) {
			if strings.Contains(text, "\n"+e.prefix) {
				w.printf("%s: the line of %s was edited, and stays\n", e.file, Name(c.File))
			}
			continue
		}
		if e.file == udevFile && e.line == e.prefix && o.neededStill(c) {
			continue
		}
		w.printf("%s: without %s\n", e.file, e.line)
		if o.DryRun {
			continue
		}
		if w.err != nil {
			return w.err.Error()
		}
		data := []byte(without(text, e.prefix))
		if string(data) == mark {
			data = nil
		}
		if err := o.Hand.Save(e.file, data, 0o644); err != nil {
			return "still kept: " + refused(err)
		}
	}
	return ""
}

// neededStill reports whether another setting of the same module is kept.
func (o Options) neededStill(c change) bool {
	text, err := o.ourFile(sysctlFile)
	if err != nil {
		return true
	}
	ours := kept(c.File, c.New)[0].line
	module := ours[:strings.LastIndexByte(Name(c.File), '.')+1]
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != ours && strings.HasPrefix(line, module) {
			return true
		}
	}
	return false
}
