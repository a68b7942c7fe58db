package checkup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/pflag"

	"fishplate/internal/doctor"
)

// The help of the verb.
const (
	Form = "[--json|--sarif|--junit|--prom] [--probe] [--watch D] [--root DIR] [--only G] [--skip G] [--list] [--fail-on warn|fail] [--strict] [--fix [--dry-run] [--persist]] [--undo] [--explain ID] [--host-script] [--merge F] [--capture F] [--baseline F]"
	Long = "Looks at the hypervisor, the container, processors, clocks, the listen path, network cards, packet filters and limits, all at\n" +
		"once and without changing anything. Each finding has what was seen, why it matters, and how to mend it by whom. What cannot\n" +
		"be seen from here is unknown, never ok. It needs no root; root sees more. docs/reference/doctor.md lists the checks.\n\n" +
		"--fix changes settings of the kernel for the findings that a program may mend, and says each before; --undo takes that back.\n" +
		"--watch repeats until it is interrupted, and then says only what became different; for machines it writes one report and ends."

	Example = "fishplate doctor --probe\nfishplate doctor --only tcp,cpu.steal --watch 10s\nfishplate doctor --fix --dry-run\nfishplate doctor --fix --persist --only tcp\nfishplate doctor --undo\nfishplate doctor --explain tcp.somaxconn\nfishplate doctor --json > before.json\nfishplate doctor --host-script > check.sh\nfishplate doctor --merge host.json"
	Exits   = "0 nothing at --fail-on or above, 1 warnings with --fail-on warn, or unknowns with --strict, 2 failures, 3 it could not run, or not change what --fix and --undo should. After --fix they are those of the look behind it, after --watch of the last."
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
	f.Duration("watch", 0, "judge counters by the difference over this time; as text, again and again, saying what became different, until interrupted")
	f.Bool("fix", false, "change the settings that a program may change for what was found; what others feel, too, for ids that --only names alone")
	f.Bool("dry-run", false, "with --fix or --undo: say what would be done, and do nothing")
	f.Bool("persist", false, "with --fix: keep it over a restart, in files of our own below /etc")
	f.Bool("undo", false, "take back what --fix did, where it still stands")
	f.String("capture", "", "write what was seen into this tar file, for --root elsewhere; addresses and unique ids are replaced")
	f.Bool("host-script", false, "print a script for the host of this virtual machine, and look at nothing")
	f.String("merge", "", "what that script printed there, or a report of the host as JSON: it fills in what is unknown here")
	f.String("baseline", "", "an earlier report as JSON: what it has already does not count")
	whoseFlags(f)
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
	explain  string
	list     bool
	script   bool
	whose    whose
	fix      bool
	undo     bool
	dryRun   bool
	persist  bool
}

// Output is where the verb writes: reports, and beside them what it does.
type Output struct {
	Out, Err io.Writer
	Color    bool // a person looks at Out
}

// Run is the verb. The code is the exit status; with an error it is that of the
// error, and a Usage says that the command line is wrong.
func Run(ctx context.Context, f *pflag.FlagSet, to Output) (code int, err error) {
	a, err := read(f)
	if err != nil {
		return doctor.NoRun, err
	}
	if a.explain != "" {
		return paged(explain(a, to))
	}
	rows, err := doctor.Select(a.only, a.skip)
	if err != nil {
		return doctor.NoRun, Usage{err.Error()}
	}
	switch {
	case a.list && a.format == "json":
		return paged(doctor.ListJSON(to.Out, rows))
	case a.list:
		return paged(doctor.List(to.Out, rows))
	case a.script:
		return paged(doctor.HostScript(to.Out))
	case a.undo:
		return undo(a, to)
	case a.fix:
		return fix(ctx, a, to)
	case a.watch > 0:
		return watch(ctx, a, to)
	}
	o, err := a.options(ctx)
	if err != nil {
		return doctor.NoRun, err
	}
	r, err := look(ctx, a, o)
	if err != nil {
		return doctor.NoRun, err
	}
	return finish(r, a, to)
}

// paged is the exit status of a page that was written, or could not be.
func paged(err error) (code int, _ error) {
	if err != nil {
		return doctor.NoRun, err
	}
	return 0, nil
}

// explain writes the page of one check.
func explain(a asked, to Output) error {
	row, err := doctor.Lookup(a.explain)
	switch {
	case err != nil:
		return Usage{err.Error()}
	case a.format == "json":
		return doctor.ExplainJSON(to.Out, row)
	}
	return doctor.Explain(to.Out, row)
}

// finish writes a report and says which exit status it makes.
func finish(r *doctor.Report, a asked, to Output) (code int, err error) {
	if err := write(r, a, to); err != nil {
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
	a.fix, a.undo, a.dryRun, a.persist = flag("fix"), flag("undo"), flag("dry-run"), flag("persist")
	a.explain, a.list, a.script = text("explain"), flag("list"), flag("host-script")
	a.on = doctor.Status(text("fail-on"))
	a.watch, err = f.GetDuration("watch")
	errs = append(errs, err, a.whose.read(f))
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
	if len(formats) > 1 {
		return a, Usage{"one of " + strings.Join(formats, ", ") + " at a time"}
	}
	return a, a.fits(f.Changed("watch"))
}

// fits says what is wrong with flags that do not go together.
func (a asked) fits(watch bool) error {
	pages := 0
	for _, page := range []bool{a.explain != "", a.list, a.script} {
		if page {
			pages++
		}
	}
	switch {
	case pages > 1:
		return Usage{"one of --list, --explain, --host-script at a time"}
	case pages > 0 && (a.fix || a.undo || a.probe || watch || a.root != "" || a.merge != "" || a.baseline != "" || a.capture != ""):
		return Usage{"--list, --explain and --host-script look at nothing: not with --fix, --undo, --probe, --watch, --root, --merge, --baseline or --capture"}
	case a.script && a.format != "text":
		return Usage{"--host-script prints a script, and nothing in another form"}
	case pages > 0 && a.format != "text" && a.format != "json":
		return Usage{"--list and --explain print text, or JSON with --json: not --" + a.format}
	case a.on != doctor.Warn && a.on != doctor.Fail:
		return Usage{fmt.Sprintf("--fail-on is warn or fail, not %q", a.on)}
	case a.probe && a.root != "":
		return Usage{"--probe measures the machine that it runs on, and --root is another"}
	case watch && a.watch < doctor.Interval:
		return Usage{fmt.Sprintf("--watch is a time of at least %v", doctor.Interval)}
	case watch && a.capture != "":
		return Usage{"--capture keeps one look, and --watch takes more"}
	case a.fix && a.undo:
		return Usage{"one of --fix, --undo at a time"}
	case a.dryRun && !a.fix && !a.undo:
		return Usage{"--dry-run goes with --fix or --undo"}
	case a.persist && !a.fix:
		return Usage{"--persist goes with --fix"}
	case (a.fix || a.undo) && (a.root != "" || a.merge != "" || a.capture != "" || watch):
		return Usage{"--fix and --undo change the machine that they run on: not with --root, --merge, --capture or --watch"}
	case a.undo && (a.probe || a.baseline != "" || a.format != "text"):
		return Usage{"--undo makes no report: not with --probe, --baseline, --json, --sarif, --junit or --prom"}
	}
	return nil
}

// options are those of the doctor.
func (a asked) options(ctx context.Context) (o doctor.Options, err error) {
	o = doctor.Options{Only: a.only, Skip: a.skip, Probe: a.probe, System: doctor.Machine()}
	if a.root != "" {
		if o.System, err = doctor.At(a.root); err != nil {
			return o, err
		}
	}
	o.Ours, err = a.whose.ours(ctx, a.root == "")
	return o, err
}

// look runs the doctor once, and brings in what other files say.
func look(ctx context.Context, a asked, o doctor.Options) (*doctor.Report, error) {
	if a.capture != "" {
		o.System.Record()
	}
	r, err := doctor.Run(ctx, o)
	if err == nil && a.capture != "" {
		err = keep(o.System, a.capture)
	}
	if err == nil && a.merge != "" {
		err = merge(ctx, r, a.merge)
	}
	if err == nil && a.baseline != "" {
		err = compare(r, a.baseline)
	}
	return r, err
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

func write(r *doctor.Report, a asked, to Output) error {
	switch a.format {
	case "json":
		return r.JSON(to.Out)
	case "sarif":
		return r.SARIF(to.Out)
	case "junit":
		return r.JUnit(to.Out, a.on, a.strict)
	case "prom":
		return r.Prometheus(to.Out)
	}
	return r.Text(to.Out, to.style())
}

// style is how text looks where it goes: as wide as COLUMNS says, else as the
// terminal.
func (o Output) style() doctor.Style {
	s := doctor.Style{Color: o.Color}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		s.Width = n
	} else if f, ok := o.Out.(*os.File); ok {
		s.Width, _, _ = term.GetSize(f.Fd()) // 0 where it is none
	}
	return s
}
