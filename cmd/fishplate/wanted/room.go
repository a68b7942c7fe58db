package wanted

import (
	"fmt"
	"math"
	"strings"
	"syscall"

	"fishplate/cmd/fishplate/machine"
	"fishplate/internal/config"
	"fishplate/internal/control"
	"fishplate/internal/model"
)

// room is what this process may use at most; 0 is not known.
type room struct {
	descriptors int64
	memory      int64  // bytes
	memoryOf    string // who says so
}

// Some descriptors that are always open: the runtime's, the admin API's with a
// few callers, the journal's, compilers' pipes.
const otherDescriptors = 64

// roomHere asks the machine. The limit of descriptors is the one that the
// runtime has raised to the hard limit.
func roomHere() (r room) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil && uint64(l.Cur) < math.MaxInt64 {
		r.descriptors = int64(l.Cur)
	}
	r.memory, r.memoryOf = machine.Memory("/")
	return r
}

// need is what a configuration asks for.
type need struct {
	open        int64 // descriptors, as soon as it runs
	connections int64 // of clients at once, where the limit was written
	caches      int64 // bytes, which stores fill
	storage     int64 // bytes, which tenants may fill
}

func needOf(cfg *model.Config) (n need) {
	if cfg == nil {
		return n
	}
	n.open = otherDescriptors
	for _, l := range cfg.Listeners {
		for _, bind := range l.Bind {
			n.open += sockets(bind, l.Accept) + 1 // and one in reserve
		}
		if l.Limits.Connections != UsualConnections {
			n.connections += int64(l.Limits.Connections)
		}
	}
	for _, l := range cfg.Logs {
		if strings.HasPrefix(l.Path, "/") {
			n.open++
		}
	}
	for _, c := range cfg.Caches {
		n.caches += c.Memory
	}
	for _, t := range cfg.Tenants {
		n.storage += t.Storage
	}
	return n
}

// sockets is how many listen at an address: one in the file system, or that was
// passed, is never shared.
func sockets(bind string, a model.Accept) int64 {
	if host, _ := Split(bind); host == bind {
		return 1
	}
	return int64(Shards(a))
}

// fit judges whether the next configuration has room. What is certain to end
// badly is refused: descriptors that are needed before the first client comes,
// and stores that together outgrow the memory, since they are made to be filled
// and the system kills whoever does it. What is a ceiling that may never be
// reached is a warning, told when it changes: a connection that finds no
// descriptor is closed and counted, and a tenant is refused what it has no room
// for, while everybody else is served.
func (r room) fit(t *control.Transaction) (errs control.Refusal, warnings []control.Problem) {
	n, was := needOf(t.Next), needOf(t.Running)
	size := config.FormatSize
	if r.descriptors > 0 && n.open > r.descriptors {
		errs = append(errs, control.Problem{
			Summary:    fmt.Sprintf("the listeners and logs need %d descriptors before the first client comes, and the process may open %d", n.open, r.descriptors),
			Suggestion: "raise the limit (ulimit -n, LimitNOFILE=), or lower accept.shards",
		})
	} else if most := n.open + 2*n.connections; r.descriptors > 0 && n.connections > 0 && most > r.descriptors && n != was {
		warnings = append(warnings, control.Problem{
			Summary:    fmt.Sprintf("limits.connections admits %d clients, which with a server's connection each need %d descriptors, and the process may open %d", n.connections, most, r.descriptors),
			Detail:     "connections beyond that are closed and counted",
			Suggestion: "raise the limit (ulimit -n, LimitNOFILE=), or lower limits.connections",
		})
	}
	if r.memory <= 0 {
		return errs, warnings
	}
	if n.caches > r.memory {
		errs = append(errs, control.Problem{
			Summary:    fmt.Sprintf("the caches are to fill %s of memory, and %s %s", size(n.caches), r.memoryOf, size(r.memory)),
			Suggestion: "lower memory of a cache block, and give it a disk",
		})
	} else if n.caches+n.storage > r.memory && n != was {
		warnings = append(warnings, control.Problem{
			Summary:    fmt.Sprintf("caches and the tenants' storage may together fill %s of memory, and %s %s", size(n.caches+n.storage), r.memoryOf, size(r.memory)),
			Suggestion: "lower memory of a cache block, or of the tenants' storage",
		})
	}
	return errs, append(warnings, r.tooLarge(t)...)
}

// tooLarge warns of tenants of which one request may need more than there is.
func (r room) tooLarge(t *control.Transaction) (warnings []control.Problem) {
	known := map[string]int64{}
	if t.Running != nil {
		for _, m := range t.Running.Tenants {
			known[m.Name] = m.Memory
		}
	}
	for _, m := range t.Next.Tenants {
		if m.Memory > r.memory && known[m.Name] != m.Memory {
			at := t.Next.Places.Range(m.At)
			warnings = append(warnings, control.Problem{
				File: at.Filename, Line: at.Start.Line, Column: at.Start.Column,
				Summary: fmt.Sprintf("tenant %q: one request may hold %s of memory, and %s %s", m.Name, config.FormatSize(m.Memory), r.memoryOf, config.FormatSize(r.memory)),
			})
		}
	}
	return warnings
}

// Fit refuses what will not fit, and warns of what may not.
func Fit(t *control.Transaction) error {
	errs, warnings := roomHere().fit(t)
	for _, w := range warnings {
		t.Warn(w)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}
