package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"fishplate/internal/doctor/fact"
)

// Files of ours, which a start of the machine reads. Each begins with mark, and
// what does not is never touched.
const (
	sysctlFile   = "/etc/sysctl.d/60-fishplate.conf"
	tmpfilesFile = "/etc/tmpfiles.d/60-fishplate.conf"
	udevFile     = "/etc/udev/rules.d/60-fishplate.rules"

	mark = "# Written by fishplate doctor --fix --persist; fishplate doctor --undo takes it back.\n"
)

// entry is a line of one of our files.
type entry struct {
	file   string
	prefix string // what tells it from others of its file
	line   string
}

// kept returns the lines that make a setting last. Settings of a module that is
// loaded later would be lost without the rule that sets them then.
func kept(file, value string) []entry {
	if name, ok := strings.CutPrefix(file, "/proc/sys/"); ok {
		key := strings.ReplaceAll(name, "/", ".")
		if strings.Contains(name, ".") {
			key = name
		}
		list := []entry{{sysctlFile, key + " = ", key + " = " + value}}
		for dir, module := range map[string]string{"net/netfilter/": "nf_conntrack", "net/bridge/": "br_netfilter"} {
			if strings.HasPrefix(name, dir) {
				rule := fmt.Sprintf(`ACTION=="add", SUBSYSTEM=="module", KERNEL=="%s", RUN+="/lib/systemd/systemd-sysctl --prefix=/%s"`, module, strings.TrimSuffix(dir, "/"))
				list = append(list, entry{udevFile, rule, rule})
			}
		}
		return list
	}
	if rest, ok := strings.CutPrefix(file, "/sys/class/net/"); ok {
		if card, attr, ok := strings.Cut(rest, "/"); ok {
			prefix := fmt.Sprintf(`ACTION=="add", SUBSYSTEM=="net", KERNEL=="%s", ATTR{%s}=`, card, attr)
			return []entry{{udevFile, prefix, fmt.Sprintf("%s%q", prefix, value)}}
		}
	}
	prefix := "w " + file + " - - - - "
	return []entry{{tmpfilesFile, prefix, prefix + value}}
}

// mayPersist says why settings are not kept here, or "".
func (o Options) mayPersist() string {
	switch o.contained() {
	case "":
		if o.place() != initial {
			return "this network namespace ends with its last process: whoever makes it must set it"
		}
	case "lxc", "lxd", "incus", "nspawn", "openvz": // they start like a machine, and read their own files
	default:
		return "a container begins anew: give its settings to whoever starts it, such as docker run --sysctl or securityContext.sysctls"
	}
	return ""
}

// persist keeps all that we changed here and that holds, also of earlier runs. When
// that was not asked for, it is what was kept before, as it is now.
func (o Options) persist(r *record, steps []step, w *lines) (faults int) {
	var list []change
	for _, c := range r.Changes {
		if c.Place != o.place() || !o.Persist && len(c.Kept) == 0 {
			continue
		}
		if now, err := o.Hand.Read(c.File); err == nil && now == c.New {
			list = append(list, c)
		}
	}
	if o.DryRun {
		for _, s := range steps {
			was := len(list)
			list = slices.DeleteFunc(list, func(c change) bool { return c.File == s.file })
			if o.Persist || len(list) < was {
				list = append(list, change{Check: s.check, File: s.file, Old: s.old, New: s.value})
			}
		}
	}
	byFile := map[string][]change{}
	for _, c := range list {
		for _, e := range kept(c.File, c.New) {
			byFile[e.file] = append(byFile[e.file], c)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		if err := o.extend(file, byFile[file], w); err != nil {
			w.printf("  not kept: %s\n", refused(err))
			faults++
			continue
		}
		for _, c := range byFile[file] {
			if i := r.at(c.File, o.place()); i >= 0 && !slices.Contains(r.Changes[i].Kept, file) {
				r.Changes[i].Kept = append(r.Changes[i].Kept, file)
			}
		}
	}
	if o.DryRun || len(byFile) == 0 {
		return faults
	}
	if err := o.save(*r); err != nil {
		w.printf("  %v\n", err)
		faults++
	}
	return faults
}

// extend puts the lines of changes into a file of ours.
func (o Options) extend(file string, changes []change, w *lines) error {
	text, err := o.ourFile(file)
	if err != nil {
		return err
	}
	after := text
	var said []string
	for _, c := range changes {
		for _, e := range kept(c.File, c.New) {
			if e.file != file || has(after, e.line) {
				continue
			}
			comment := fmt.Sprintf("# %s, %s: before %s\n", c.Check, c.Time.Format(time.DateOnly), shown(c.Old))
			if c.Time.IsZero() {
				comment = fmt.Sprintf("# %s\n", c.Check)
			}
			after = without(after, e.prefix) + comment + e.line + "\n"
			said = append(said, e.line)
		}
	}
	if after == text {
		return nil
	}
	w.printf("%s:\n", file)
	for _, line := range said {
		w.printf("  %s\n", line)
	}
	for _, c := range changes {
		if file == sysctlFile {
			o.overruled(c, w)
		}
	}
	if o.DryRun || w.err != nil {
		return w.err
	}
	return o.Hand.Save(file, []byte(after), 0o644)
}

// ourFile returns a file of ours, or the beginning of one.
func (o Options) ourFile(file string) (string, error) {
	data, err := o.Hand.Load(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mark, nil
	case err != nil:
		return "", err
	case !bytes.HasPrefix(data, []byte(mark)):
		return "", fmt.Errorf("%s was not written by us, and is left alone", file)
	}
	text := string(data)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text, nil
}

func has(text, line string) bool {
	return slices.Contains(strings.Split(text, "\n"), line)
}

// without is text less the line that begins so, and the comment of ours above it.
func without(text, prefix string) string {
	var keep []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			if n := len(keep); n > 1 && strings.HasPrefix(keep[n-1], "# ") {
				keep = keep[:n-1]
			}
			continue
		}
		keep = append(keep, line)
	}
	return strings.Join(keep, "")
}

// overruled tells of a file that is read later and sets the same.
func (o Options) overruled(c change, w *lines) {
	key := strings.ReplaceAll(strings.TrimPrefix(c.File, "/proc/sys/"), "/", ".")
	var files []string
	for _, dir := range []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"} {
		names, _ := o.System.List(dir) // a folder that is not there has no files
		for _, name := range names {
			if strings.HasSuffix(name, ".conf") && name > path.Base(sysctlFile) {
				files = append(files, path.Join(dir, name))
			}
		}
	}
	if !slices.Contains(files, "/etc/sysctl.d/99-sysctl.conf") { // which is a link to it
		files = append(files, "/etc/sysctl.conf")
	}
	for _, file := range files {
		text, _ := o.System.Text(file) // what cannot be read cannot be warned of
		for line := range strings.Lines(text) {
			name, value, ok := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "-"), "=")
			if ok && strings.ReplaceAll(strings.TrimSpace(name), "/", ".") == key && fact.Plain(value) != c.New {
				w.printf("  but %s is read later, and sets %s\n", file, fact.Plain(value))
			}
		}
	}
}
