package whole

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

func (l *Look) unreadable(name string) string {
	info, err := fs.Stat(l.FS, syntax.FSName(name))
	if err != nil {
		return syntax.Reason(err)
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return "it is neither a file nor a folder"
	}
	return ""
}

// checkShadows warns of routes that can never match.
func (l *Look) checkShadows() {
	for _, v := range l.Config.VHosts {
		clean := l.Clean(v)
		if *clean {
			continue
		}
		*clean = true
		model.Shadowed(v.Routes, func(r, by *model.Route) {
			*clean = false
			l.Warnf(r.At, fmt.Sprintf("route %q can never match", r.Name),
				fmt.Sprintf("Route %q at %s matches everything that it could, and stands before it.", by.Name, l.Place(by.At)), "move it up, or drop it")
		})
	}
}

// checkUnused warns of backends, certificates and tenants that nothing names.
func (l *Look) checkUnused() {
	type noun struct{ kind, name string }
	used := map[noun]bool{}
	for _, v := range l.Config.VHosts {
		used[noun{"tenant", v.Tenant}] = true
		for _, r := range v.Routes {
			used[noun{"backend", r.Backend}], used[noun{"backend", r.Mirror}], used[noun{"tenant", r.Tenant}] = true, true, true
			for _, s := range r.Split {
				used[noun{"backend", s.Backend}] = true
			}
		}
	}
	l.checkFollow(func(backend string) bool { return used[noun{"backend", backend}] })
	for _, t := range l.Config.Tenants {
		for _, b := range t.Backends {
			used[noun{"backend", b}] = true
		}
	}
	for _, ls := range l.Config.Listeners {
		if ls.TLS != nil {
			for _, c := range ls.TLS.Certificates {
				used[noun{"certificate", c}] = true
			}
		}
	}
	unused := func(kind, name string, at model.Range) {
		if !used[noun{kind, name}] {
			l.Warnf(at, fmt.Sprintf("%s %q is not used", kind, name), "", "")
		}
	}
	for _, b := range l.Config.Backends {
		unused("backend", b.Name, b.At)
	}
	for _, c := range l.Config.Certificates {
		unused("certificate", c.Name, c.At)
	}
	for _, t := range l.Config.Tenants {
		if !t.FromFile {
			unused("tenant", t.Name, t.At)
		}
	}
}

// checkLoops warns of a server that is one of our own listeners.
func (l *Look) checkLoops() {
	// Addresses that are one end in the same port, or are one socket.
	tail := func(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
	near := map[string][]*model.Listener{}
	for _, ls := range l.Config.Listeners {
		for _, bind := range ls.Bind {
			if list := near[tail(bind)]; !slices.Contains(list, ls) {
				near[tail(bind)] = append(list, ls)
			}
		}
	}
	for _, b := range l.Config.Backends {
		for _, s := range b.Servers {
			for _, ls := range near[tail(s.Address)] {
				if slices.ContainsFunc(ls.Bind, func(bind string) bool { return advice.Reaches(s.Address, bind) }) {
					l.Warnf(l.ServerAt(b, s, "address"), fmt.Sprintf("server %q is our own listener %q", s.Name, ls.Name), "A request would come back until a limit stops it.", "")
				}
			}
		}
	}
}

// checkServers warns of backends that can take nothing.
func (l *Look) checkServers() {
	addresses := map[string]bool{}
	for _, b := range l.Config.Backends {
		weight, primaries := 0, 0
		clear(addresses)
		for _, s := range b.Servers {
			if addresses[s.Address] {
				l.Warnf(s.At, fmt.Sprintf("backend %q has the address %q twice", b.Name, s.Address), "It gets a double share.", "")
			}
			addresses[s.Address] = true
			if s.State == "" {
				weight += s.Weight
			}
			if !s.Backup {
				primaries++
			}
		}
		switch {
		case b.Discover != nil || len(b.Servers) == 0:
		case weight == 0:
			l.Warnf(b.At, fmt.Sprintf("no server of backend %q takes new requests", b.Name), "All have weight 0, or drain, or are in maintenance.", "")
		case primaries == 0:
			l.Warnf(b.At, fmt.Sprintf("every server of backend %q is a backup", b.Name), "", "")
		}
		if b.Check != nil && b.Check.Timeout > b.Check.Interval {
			l.Warnf(l.At("backend", b.Name, b.At, "check", "timeout"), "the check's timeout is longer than its interval", "", "")
		}
		if b.Queue != nil && b.Discover == nil && !slices.ContainsFunc(b.Servers, func(s *model.Server) bool { return s.MaxConnections > 0 }) {
			l.Warnf(l.At("backend", b.Name, b.At, "queue", "limit"), fmt.Sprintf("the queue of backend %q is never used", b.Name), "No server has max_connections.", "")
		}
	}
}

// checkFollow warns of sessions that are to stay where no route leads.
func (l *Look) checkFollow(routed func(backend string) bool) {
	for _, b := range l.Config.Backends {
		if b.Persist != nil && b.Persist.Follow == "session" && !routed(b.Name) {
			l.Warnf(b.At, fmt.Sprintf("backend %q: follow = \"session\" does nothing", b.Name),
				"It is for routes that come to name another backend. What a program decides for a request stands.", "")
		}
	}
}
