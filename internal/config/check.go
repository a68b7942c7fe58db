package config

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// check looks at the whole: names that must exist, names that must differ, and
// what is legal but hardly meant.
func (l *loader) check() {
	if l.broken {
		return // what a broken file holds is unknown: every complaint here could be wrong
	}
	l.checkReferences()
	l.checkHosts()
	l.checkBinds()
	l.checkShadows()
	l.checkCaches()
	if !l.diags.HasErrors() {
		l.checkStoresUsed()
		l.checkUnused() // after an error, what is unused may only be misspelt
	}
	l.checkLoops()
	l.checkServers()
	l.checkFiles()
	l.checkCertificates()
	if len(l.cfg.Listeners) == 0 && !l.diags.HasErrors() {
		l.warnf(start(l.o.Path), "there is no listener: nothing can be reached", "", `write listener "web" with bind = [":8080"]`)
	}
}

// reference reports a name that does not exist. The place is looked for only then.
func (l *loader) reference(kind, name, user string, at func() model.Range, known []string) {
	if name == "" || slices.Contains(known, name) {
		return
	}
	suggestion := schema.DidYouMean(name, known)
	if suggestion == "" && len(known) == 0 {
		suggestion = fmt.Sprintf("write %s %q { … }", kind, name)
	} else if suggestion == "" && len(known) <= 8 {
		suggestion = "there is " + schema.List(known)
	}
	l.errorf(at(), fmt.Sprintf("%s names the %s %q, which does not exist", user, kind, name), "", suggestion)
}

func (l *loader) checkReferences() {
	var backends, tenants, certs []string
	known := make(map[string]bool, len(l.cfg.Tenants)) // there may be ten thousand
	for _, b := range l.cfg.Backends {
		backends = append(backends, b.Name)
	}
	for _, t := range l.cfg.Tenants {
		tenants, known[t.Name] = append(tenants, t.Name), true
	}
	for _, c := range l.cfg.Certificates {
		certs = append(certs, c.Name)
	}
	for _, ls := range l.cfg.Listeners {
		if ls.TLS == nil {
			continue
		}
		for _, c := range ls.TLS.Certificates {
			at := func() model.Range { return l.at("listener", ls.Name, ls.At, "tls", "certificates") }
			l.reference("certificate", c, fmt.Sprintf("listener %q", ls.Name), at, certs)
		}
		if d := ls.TLS.Default; !slices.Contains(ls.TLS.Certificates, d) && d != "" {
			l.errorf(l.at("listener", ls.Name, ls.At, "tls", "default"), fmt.Sprintf("the default certificate %q is not one of the listener's", d), "", schema.DidYouMean(d, ls.TLS.Certificates))
		}
	}
	for _, t := range l.cfg.Tenants {
		for _, b := range t.Backends {
			at := func() model.Range { return l.at("tenant", t.Name, t.At, "backends") }
			l.reference("backend", b, fmt.Sprintf("tenant %q", t.Name), at, backends)
		}
	}
	for _, v := range l.cfg.VHosts {
		for _, r := range v.Routes {
			user := fmt.Sprintf("route %q", r.Name)
			at := func(attr string) func() model.Range { return func() model.Range { return l.routeAt(v, r, attr) } }
			l.reference("backend", r.Backend, user, at("backend"), backends)
			l.reference("backend", r.Mirror, user, at("mirror"), backends)
			for _, s := range r.Split {
				l.reference("backend", s.Backend, user, at("split"), backends)
			}
			if !known[r.Tenant] {
				l.reference("tenant", r.Tenant, user, at("tenant"), tenants)
			}
		}
	}
}

// at finds the place of an attribute, for complaints that come after the model
// is built; fallback is the noun's own place.
func (l *loader) at(kind, name string, fallback model.Range, path ...string) model.Range {
	if l.root == nil {
		return fallback
	}
	for _, n := range l.root.kids[kind] {
		if n.label == name {
			return n.place(fallback, path...)
		}
	}
	return fallback
}

func (n *node) place(fallback model.Range, path ...string) model.Range {
	for _, p := range path {
		if a, ok := n.attrs[p]; ok {
			return a.at
		}
		if n = n.find(p); n == nil {
			break
		}
	}
	return fallback
}

// routeAt is the place of a route's attribute, or of the vhost's that it came from.
func (l *loader) routeAt(v *model.VHost, r *model.Route, attr string) model.Range {
	if l.root == nil {
		return r.At
	}
	for _, n := range l.root.kids["vhost"] {
		if n.label != v.Name {
			continue
		}
		for _, k := range n.kids["route"] {
			if k.label == r.Name && k.has(attr) {
				return k.rangeOf(attr)
			}
		}
		return n.place(r.At, attr)
	}
	return r.At
}

// checkHosts refuses two vhosts that answer to one name.
func (l *loader) checkHosts() {
	owner := map[string]*model.VHost{}
	claim := func(v *model.VHost, key, what string, at model.Range) {
		if old, ok := owner[key]; ok {
			if old == v {
				l.warnf(at, fmt.Sprintf("%s is written twice in vhost %q", what, v.Name), "", "")
				return
			}
			l.errorf(at, fmt.Sprintf("%s belongs to vhost %q and to vhost %q", what, old.Name, v.Name), fmt.Sprintf("The first is at %s.", l.place(old.At)), "")
			return
		}
		owner[key] = v
	}
	for _, v := range l.cfg.VHosts {
		for _, h := range v.Hosts {
			claim(v, "host "+h, fmt.Sprintf("host %q", h), l.at("vhost", v.Name, v.At, "hosts"))
		}
		for _, s := range v.SNI {
			claim(v, "sni "+strings.ToLower(s), fmt.Sprintf("server name %q", s), l.at("vhost", v.Name, v.At, "sni"))
		}
		if len(v.Hosts) == 0 && len(v.SNI) == 0 {
			claim(v, "", "any other host", v.At)
		}
	}
}

// checkBinds refuses two listeners on one address.
func (l *loader) checkBinds() {
	owner := map[string]*model.Listener{}
	for _, ls := range l.cfg.Listeners {
		for _, b := range ls.Bind {
			key := b
			if host, port, err := net.SplitHostPort(b); err == nil && (host == "0.0.0.0" || host == "") && port != "0" {
				key = "*:" + port
			} else if err == nil && port == "0" {
				continue // a port of the kernel's choice is never taken
			}
			if old, ok := owner[key]; ok {
				l.errorf(l.at("listener", ls.Name, ls.At, "bind"), fmt.Sprintf("address %q is already bound by listener %q", b, old.Name), "", "")
			}
			owner[key] = ls
		}
	}
}

// checkFiles reports files that are named and not there. A program that is
// missing refuses the configuration unless it came from a tenants file.
func (l *loader) checkFiles() {
	for _, t := range l.cfg.Tenants {
		if t.Program == "" {
			continue
		}
		if why := l.unreadable(t.Program); why != "" {
			at := l.at("tenant", t.Name, t.At, "program")
			text := fmt.Sprintf("tenant %q: read %s: %s", t.Name, l.show(t.Program), why)
			if t.FromFile {
				l.warnf(at, text, "The others run; this one answers 503.", "")
			} else {
				l.errorf(at, text, "", "")
			}
		}
	}
	for _, ls := range l.cfg.Listeners {
		if ls.TLS != nil && ls.TLS.ClientCA != "" {
			l.needs(ls.TLS.ClientCA, l.at("listener", ls.Name, ls.At, "tls", "client_ca"))
		}
	}
	for _, b := range l.cfg.Backends {
		if b.TLS == nil {
			continue
		}
		for _, p := range [][2]string{{"ca", b.TLS.CA}, {"cert", b.TLS.Cert}, {"key", b.TLS.Key}} {
			if p[1] != "" {
				l.needs(p[1], l.at("backend", b.Name, b.At, "tls", p[0]))
			}
		}
	}
}

func (l *loader) needs(name string, at model.Range) {
	if why := l.unreadable(name); why != "" {
		l.errorf(at, fmt.Sprintf("read %s: %s", l.show(name), why), "", "paths are relative to the file that names them")
	}
}
