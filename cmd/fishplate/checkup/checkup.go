package checkup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"fishplate/internal/doctor"
)

// Usage is an error of the command line.
type Usage struct{ Text string }

func (u Usage) Error() string { return "doctor: " + u.Text }

// Flags declares the flags of the verb.
func Flags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.Bool("sarif", false, "print SARIF 2.1.0")
	f.Bool("junit", false, "print a test result of JUnit")
	f.Bool("prom", false, "print the text format of Prometheus")
	f.StringSlice("only", nil, "ids, patterns or groups to look at: tcp,nic.r*")
	f.StringSlice("skip", nil, "ids, patterns or groups to leave out")
	f.Bool("list", false, "list the checks, and look at nothing")
	f.String("explain", "", "print all about the check of this id, and look at nothing")
	f.String("fail-on", "fail", "warn or fail: the least verdict that makes the exit code other than 0")
	f.Bool("strict", false, "count what cannot be seen as a warning, whatever --fail-on says")
	f.String("root", "", "look at the machine below this folder: a mounted image, or a capture")
	f.Bool("probe", false, "measure wake-ups, system calls, clocks, connections, encryption and memory first, which takes two seconds")
	f.Duration("watch", 0, "look twice, with this time in between, and judge counters by the difference")
	f.String("capture", "", "write what was seen into this tar file, for --root elsewhere; addresses and unique ids are replaced")
	f.Bool("host-script", false, "print a script for the host of this virtual machine, and look at nothing")
	f.String("merge", "", "what that script printed there, or a report of the host as JSON: it fills in what is unknown here")
	f.String("baseline", "", "an earlier report as JSON: what it has already does not count")
}

// asked is what the flags say.
type asked struct {
	format   string
	only     []string
	skip     []string
	on       doctor.Status
	strict   bool
	probe    bool
	root     string
	watch    time.Duration
	baseline string
	merge    string
	capture  string
}

// Run is the verb. The code is the exit status; with an error it is that of the
// error, and a Usage says that the command line is wrong.
func Run(ctx context.Context, f *pflag.FlagSet, out io.Writer, color bool) (code int, err error) {
	a, err := read(f)
	if err != nil {
		return 0, err
	}
	if id, _ := f.GetString("explain"); id != "" { // the flag is declared above
		row, err := doctor.Lookup(id)
		if err != nil {
			return 0, Usage{err.Error()}
		}
		return 0, doctor.Explain(out, row)
	}
	rows, err := doctor.Select(a.only, a.skip)
	if err != nil {
		return 0, Usage{err.Error()}
	}
	if list, _ := f.GetBool("list"); list {
		return 0, doctor.List(out, rows)
	}
	if script, _ := f.GetBool("host-script"); script {
		return 0, doctor.HostScript(out)
	}
	r, err := look(ctx, a)
	if err != nil {
		return doctor.NoRun, err
	}
	if a.merge != "" {
		if err := merge(ctx, r, a.merge); err != nil {
			return doctor.NoRun, err
		}
	}
	if a.baseline != "" {
		if err := compare(r, a.baseline); err != nil {
			return doctor.NoRun, err
		}
	}
	if err := write(r, a.format, out, color); err != nil {
		return doctor.NoRun, err
	}
	return r.Exit(a.on, a.strict), nil
}

func read(f *pflag.FlagSet) (a asked, err error) {
	var errs []error
	text := func(name string) string {
		s, err := f.GetString(name)
		errs = append(errs, err)
		return s
	}
	flag := func(name string) bool {
		b, err := f.GetBool(name)
		errs = append(errs, err)
		return b
	}
	list := func(name string) []string {
		s, err := f.GetStringSlice(name)
		errs = append(errs, err)
		return s
	}
	a.only, a.skip, a.strict, a.root, a.baseline = list("only"), list("skip"), flag("strict"), text("root"), text("baseline")
	a.probe, a.merge, a.capture = flag("probe"), text("merge"), text("capture")
	a.on = doctor.Status(text("fail-on"))
	a.watch, err = f.GetDuration("watch")
	errs = append(errs, err)
	a.format = "text"
	var formats []string
	for _, name := range []string{"json", "sarif", "junit", "prom"} {
		if flag(name) {
			a.format, formats = name, append(formats, "--"+name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return a, err
	}
	switch {
	case len(formats) > 1:
		return a, Usage{"one of " + strings.Join(formats, ", ") + " at a time"}
	case a.on != doctor.Warn && a.on != doctor.Fail:
		return a, Usage{fmt.Sprintf("--fail-on is warn or fail, not %q", a.on)}
	case a.probe && a.root != "":
		return a, Usage{"--probe measures the machine that it runs on, and --root is another"}
	case a.watch < 0:
		return a, Usage{"--watch is a time"}
	}
	return a, nil
}

// look runs the doctor, twice when counters are to be judged by the difference.
func look(ctx context.Context, a asked) (*doctor.Report, error) {
	o := doctor.Options{Only: a.only, Skip: a.skip, System: doctor.Machine()}
	if a.root != "" {
		var err error
		if o.System, err = doctor.At(a.root); err != nil {
			return nil, err
		}
	}
	if a.watch > 0 {
		if _, err := doctor.Run(ctx, o); err != nil {
			return nil, err
		}
		t := time.NewTimer(a.watch)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		o.Before, o.System = o.System, o.System.Again()
	}
	o.Probe = a.probe
	if a.capture == "" {
		return doctor.Run(ctx, o)
	}
	o.System.Record()
	r, err := doctor.Run(ctx, o)
	if err != nil {
		return nil, err
	}
	return r, keep(o.System, a.capture)
}

// keep writes the capture. It is for its owner's eyes until they have looked at it.
func keep(s *doctor.System, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return errors.Join(s.Capture(f), f.Close())
}

func merge(ctx context.Context, r *doctor.Report, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	defer f.Close() // read only
	if err := doctor.Merge(ctx, r, f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func compare(r *doctor.Report, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read baseline: %w", err)
	}
	defer f.Close() // read only
	earlier, err := doctor.ReadReport(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	r.Since(earlier)
	return nil
}

func write(r *doctor.Report, format string, out io.Writer, color bool) error {
	switch format {
	case "json":
		return r.JSON(out)
	case "sarif":
		return r.SARIF(out)
	case "junit":
		return r.JUnit(out)
	case "prom":
		return r.Prometheus(out)
	}
	return r.Text(out, color)
}
