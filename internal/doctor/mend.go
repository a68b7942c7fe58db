package doctor

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"fishplate/internal/doctor/apply"
	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/see"
)

// Mending says how findings are mended, or how that is taken back.
type Mending struct {
	// Out gets a line for each thing before it is done.
	Out     io.Writer
	DryRun  bool // say everything, do nothing
	Persist bool // keep it over a restart
	// State is the folder of the record of old values; "" is the usual place.
	State string
	// Hand does it; nil is the one for the machine that we run on.
	Hand apply.Hand
}

// Mend looks at the machine, does what findings ask for as far as their rows let a
// program do it, and looks again. The report is of the last look; faults counts
// what was to be done and could not be.
func Mend(ctx context.Context, o Options, m Mending) (r *Report, faults int, err error) {
	if o.System == nil {
		o.System = see.Machine()
	}
	before, err := Run(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	how, err := m.options(o.System, before.Host.Stack)
	if err != nil {
		return nil, 0, err
	}
	how.Named = o.Only
	done, err := how.Fix(before.Results, m.Out)
	if err != nil || done.Changed == 0 {
		return before, done.Faults, err
	}
	o.System = o.System.Again()
	after, err := Run(ctx, o)
	if err != nil {
		return nil, done.Faults, err
	}
	return after, done.Faults, apply.Compare(before.Results, after.Results, done.Checks, m.Out)
}

// Unmend takes back what Mend did, for the checks that only names without those
// that skip names; all when they name none.
func Unmend(only, skip []string, m Mending) (faults int, err error) {
	return unmend(see.Machine(), only, skip, m)
}

func unmend(s *System, only, skip []string, m Mending) (faults int, err error) {
	rows, err := Select(only, skip)
	if err != nil {
		return 0, err
	}
	how, err := m.options(s, nil)
	if err != nil {
		return 0, err
	}
	done, err := how.Undo(func(check string) bool {
		// A check that an older version had belongs to all of them.
		return len(only)+len(skip) == 0 || slices.ContainsFunc(rows, func(r see.Row) bool { return r.ID == check })
	}, m.Out)
	return done.Faults, err
}

func (m Mending) options(s *System, stack []fact.Layer) (apply.Options, error) {
	o := apply.Options{Sets: sets, Hand: m.Hand, System: s, Env: fact.Environment{Stack: stack}, DryRun: m.DryRun, Persist: m.Persist, State: m.State}
	if o.Hand == nil {
		if !s.Live {
			return o, errors.New("mend: only the machine that the doctor runs on can be mended")
		}
		o.Hand = apply.Below("/")
	}
	if o.State == "" {
		dir, err := stateDir()
		if err != nil {
			return o, err
		}
		o.State = dir
	}
	return o, nil
}

// sets reports whether a check changes a setting. One that this version does not
// have changed what some check does.
func sets(check, file string) bool {
	known, own, others := false, false, false
	for _, row := range Catalogue() {
		it := row.ID == "nic.rps" && apply.Queue(file) // whose files are those of the machine's queues
		for _, f := range row.Fix {
			it = it || slices.ContainsFunc(f.Set, func(s fact.Setting) bool { return s.File == file })
		}
		others = others || it
		if row.ID == check {
			known, own = true, it
		}
	}
	return own || others && !known
}

// stateDir is where the record stands when nobody says: where the environment has
// such things, else root's place, or the user's. Who is root in a user namespace
// alone is a user.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return path.Join(dir, "fishplate"), nil
	}
	if os.Geteuid() == 0 && unix.Access("/var/lib", unix.W_OK) == nil {
		return "/var/lib/fishplate", nil
	}
	home, err := os.UserHomeDir()
	return path.Join(cmp.Or(home, "/"), ".local/state/fishplate"), err
}
