package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Schema names the shape of the record.
const Schema = "fishplate.doctor-changes/1"

// record is what undo goes by, the oldest change first.
type record struct {
	Schema  string    `json:"schema"`
	Changes []change  `json:"changes"`
	Undone  time.Time `json:"undone,omitzero"` // when the last one was taken back
}

// change is one write that holds, as far as we know.
type change struct {
	Check string    `json:"check"`
	File  string    `json:"file"`
	Old   string    `json:"old"`
	New   string    `json:"new"`
	Time  time.Time `json:"time"`
	// Place is the network namespace, Boot the start of the kernel that it was made
	// in: elsewhere, and after another start, the same value is not ours.
	Place string `json:"place"`
	Boot  string `json:"boot"`
	// Kept lists the files that make it last over a restart.
	Kept []string `json:"kept,omitempty"`
}

// file is where the record stands.
func (o Options) file() string { return path.Join(o.State, "doctor-changes.json") }

// load reads the record; without one it is empty.
func (o Options) load() (r record, err error) {
	data, err := o.Hand.Load(o.file())
	if errors.Is(err, fs.ErrNotExist) {
		return record{Schema: Schema}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Schema != Schema {
		err = errors.New("its schema is not " + Schema)
	}
	for _, c := range r.Changes {
		if err == nil && (!setting(c) || o.Sets != nil && !o.Sets(c.Check, c.File)) {
			err = fmt.Errorf("%q is no setting of the kernel that the check %q could have changed", c.File, c.Check)
		}
	}
	if err != nil {
		return r, fmt.Errorf("read record %s: %w", o.file(), err)
	}
	return r, nil
}

// setting says whether a change could be one of ours: the record lies where the
// service may write, and root writes what it says.
func setting(c change) bool {
	return Mendable(c.File) && !strings.ContainsFunc(c.Old+c.New, func(r rune) bool { return unicode.IsControl(r) && r != '\t' })
}

// Mendable reports whether a check may change a setting. Others are refused, since
// some of them name programs that the kernel starts.
func Mendable(file string) bool {
	if path.Clean(file) != file {
		return false
	}
	return strings.HasPrefix(file, "/proc/sys/net/") || Queue(file) || slices.ContainsFunc([]string{
		"/proc/sys/vm/swappiness", "/sys/kernel/mm/transparent_hugepage/*",
		"/sys/devices/system/clocksource/clocksource0/current_clocksource", "/sys/module/haltpoll/parameters/guest_halt_poll_ns",
	}, func(known string) bool {
		ok, _ := path.Match(known, file) // the patterns are well formed
		return ok
	})
}

// Queue reports whether a file says which processors the packets of a queue are
// handed to.
func Queue(file string) bool {
	ok, _ := path.Match("/sys/class/net/*/queues/*/rps_cpus", file) // the pattern is well formed
	return ok
}

// save writes the record, so that it stands before what it records is done.
func (o Options) save(r record) error {
	// A namespace does not outlive the kernel that it was in.
	boot := o.boot()
	r.Changes = slices.DeleteFunc(slices.Clone(r.Changes), func(c change) bool { return c.Place != initial && c.Boot != boot })
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = o.Hand.Save(o.file(), append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("write record %s: %s", o.file(), reason(err))
	}
	return nil
}

// boot names this start of the kernel, "" when it does not say.
func (o Options) boot() string {
	id, err := o.System.Text("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return id
}

// at returns the change of a setting in a place.
func (r record) at(file, place string) int {
	return slices.IndexFunc(r.Changes, func(c change) bool { return c.File == file && c.Place == place })
}

// add records a step. Where we changed the same setting before, the value from
// before that stays the old one, unless somebody changed it in between: then
// theirs is what undo owes.
func (r *record) add(s step, place, boot string, now time.Time) {
	c := change{Check: s.check, File: s.file, Old: s.old, New: s.value, Time: now, Place: place, Boot: boot}
	if i := r.at(s.file, place); i >= 0 {
		before := r.Changes[i]
		c.Kept = before.Kept
		if before.New == s.old && (before.Boot == boot || len(before.Kept) > 0) {
			c.Old = before.Old
		}
		r.Changes = slices.Delete(r.Changes, i, i+1)
	}
	r.Changes = append(r.Changes, c)
}

// drop forgets the change of a setting in a place.
func (r *record) drop(file, place string) {
	if i := r.at(file, place); i >= 0 {
		r.Changes = slices.Delete(r.Changes, i, i+1)
	}
}
