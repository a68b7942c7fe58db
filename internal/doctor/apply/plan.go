package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// step is one write.
type step struct {
	check string
	fix   fact.Fix
	file  string
	old   string
	value string
}

func (s step) String() string {
	return fmt.Sprintf("%s %s -> %s  (%s)", Name(s.file), shown(s.old), shown(s.value), s.check)
}

// shown is a value, an empty one as such.
func shown(value string) string {
	if value == "" {
		return `""`
	}
	return value
}

// left is a fix that is not done, and why.
type left struct {
	check   string
	command string
	reason  string
	// fault says that it was to be done and could not: the verb has not done its
	// work then.
	fault bool
}

// plan lists what is to be written, in the order of the findings, which is that of
// the catalogue, and in a finding in the order of its fixes; and what is left.
func (o Options) plan(results []report.Result) (steps []step, rest []left) {
	for _, x := range results {
		if s := x.Finding.Status; s != fact.Warn && s != fact.Fail {
			continue
		}
		for _, f := range x.Fixes() {
			if why, ok := o.ours(x.Check.ID, f); !ok {
				if why != "" {
					rest = append(rest, left{check: x.Check.ID, command: f.Command, reason: why})
				}
				continue
			}
			for _, s := range f.Set {
				done, why, fault := o.step(x.Check.ID, f, s)
				switch {
				case why != "":
					rest = append(rest, left{x.Check.ID, byHand(f, s), why, fault})
				case done.file != "" && !slices.ContainsFunc(steps, func(e step) bool { return e.file == s.File }):
					steps = append(steps, done)
				}
			}
		}
	}
	return steps, rest
}

// ours reports whether a fix is ours to do. The reason is empty for one that
// nobody has to do.
func (o Options) ours(id string, f fact.Fix) (reason string, ok bool) {
	switch {
	case f.Auto == fact.Already:
		return "", false
	case f.Who == fact.ByHost:
		return "for the host of this machine", false
	case f.Who == fact.Provider:
		return "for the provider of this machine", false
	case f.Auto == fact.Never || len(f.Set) == 0:
		return "by hand", false
	case f.Auto == fact.Asked && !slices.Contains(o.Named, id):
		return "others feel it, too: --fix --only " + id, false
	}
	return "", true
}

// step makes the write of a setting; no file says that there is nothing to do.
func (o Options) step(id string, f fact.Fix, s fact.Setting) (done step, why string, fault bool) {
	old, err := o.Hand.Read(s.File)
	if err == nil && s.Stands(old) {
		return step{}, "", false
	}
	if why := o.shared(s.File); why != "" {
		return step{}, why, true
	}
	if err != nil {
		return step{}, "cannot be read: " + reason(err), true
	}
	if !Mendable(s.File) || strings.ContainsAny(s.File+s.Value, "\"\\{}=#\n") {
		return step{}, "by hand: its name is none for a file of settings", true
	}
	if err := o.Hand.May(s.File); err != nil {
		return step{}, refused(err), true
	}
	return step{check: id, fix: f, file: s.File, old: old, value: s.Value}, "", false
}

// shared says why a setting is not ours alone to change, or "".
func (o Options) shared(file string) string {
	switch place := o.place(); {
	case place == initial && o.contained() != "":
		return "this container shares the network of its host, and with it this setting: set it there"
	case PerNamespace(file):
		return ""
	case o.contained() != "":
		return "it holds for the whole host of this container: set it there"
	case place != initial:
		return "it holds for the whole machine, and this is only one network namespace of it"
	}
	return ""
}

// contained names the container that we are in, "" for none. The distributions of
// WSL 2 are containers in form, but their machine has one owner.
func (o Options) contained() string {
	layer, in := o.Env.Is(fact.Container, "")
	if !in || layer.Name == "wsl2" {
		return ""
	}
	return layer.Name
}

// initial is the place of settings that the machine began with.
const initial = "initial"

// place names the network namespace that we are in. Only the first one has the
// settings that are not for each.
func (o Options) place() string {
	if there, err := o.System.Exists("/proc/sys/net/core/netdev_max_backlog"); err == nil && there {
		return initial
	}
	link, err := o.System.Link("/proc/self/ns/net")
	if err != nil {
		return "another"
	}
	return link
}

// PerNamespace reports whether each network namespace has a setting of its own.
// What is not known to be so counts as the kernel's.
func PerNamespace(file string) bool {
	name, ok := strings.CutPrefix(file, "/proc/sys/net/")
	if !ok {
		return false
	}
	dir, base := path.Split(name)
	switch dir {
	case "core/":
		return base == "somaxconn"
	case "ipv4/":
		return slices.Contains([]string{
			"ip_local_port_range", "ip_local_reserved_ports", "ip_unprivileged_port_start",
			"tcp_abort_on_overflow", "tcp_autocorking", "tcp_congestion_control", "tcp_fastopen", "tcp_fin_timeout",
			"tcp_max_syn_backlog", "tcp_max_tw_buckets", "tcp_migrate_req", "tcp_mtu_probing", "tcp_slow_start_after_idle",
			"tcp_syncookies", "tcp_timestamps", "tcp_tw_recycle", "tcp_tw_reuse",
		}, base)
	case "netfilter/":
		return strings.HasPrefix(base, "nf_conntrack_tcp_timeout_")
	case "bridge/":
		return strings.HasPrefix(base, "bridge-nf-call-")
	}
	return false
}

// byHand is the command that a person would give.
func byHand(f fact.Fix, s fact.Setting) string {
	if len(f.Set) == 1 {
		return f.Command
	}
	return fmt.Sprintf("echo '%s' > %s", s.Value, s.File)
}

// refused says why a write is not ours.
func refused(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "read-only here: whoever started this container can set it"
	case errors.Is(err, fs.ErrPermission):
		return "only root may"
	}
	return reason(err)
}

// reason is an error without the path, which stands beside it.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Options say what may be done, and where.
type Options struct {
	Hand Hand
	// System is the machine as it was looked at, and Env what it is made of.
	System *see.System
	Env    fact.Environment
	// Named are the ids of checks that were asked for one by one: fixes that
	// others feel, too, are done for these only.
	Named []string
	// DryRun says everything and does nothing.
	DryRun bool
	// Persist keeps what was changed over a restart.
	Persist bool
	// State is the folder of the record.
	State string
	// Sets reports whether a check changes a setting: the record is not believed
	// where it says another. Nil is that every check may change every one.
	Sets func(check, file string) bool
}
