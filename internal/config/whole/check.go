package whole

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// Check complains about everything.
func (l *Look) Check() {
	l.checkReferences()
	l.checkHosts()
	l.checkBinds()
	l.checkTunnels()
	l.checkShadows()
	l.checkCaches()
	if !l.HasErrors() {
		l.checkStoresUsed()
		l.checkUnused() // after an error, what is unused may only be misspelt
	}
	l.checkLoops()
	l.checkServers()
	l.checkFiles()
	l.checkLogs()
	l.checkCertificates()
	if len(l.Config.Listeners) == 0 && !l.HasErrors() {
		l.Warnf(l.Start, "there is no listener: nothing can be reached", "", `write listener "web" with bind = [":8080"]`)
	}
}

// reference reports a name that does not exist. The place is looked for only then.
func (l *Look) reference(kind, name, user string, at func() model.Range, names map[string]bool) {
	if name == "" || names[name] {
		return
	}
	if l.guesses++; l.guesses > mostGuesses { // each compares the name with all that exist
		l.Errorf(at(), fmt.Sprintf("%s names the %s %q, which does not exist", user, kind, name), "", "")
		return
	}
	known := slices.Sorted(maps.Keys(names))
	suggestion := schema.DidYouMean(name, known)
	if suggestion == "" && len(known) == 0 {
		suggestion = fmt.Sprintf("write %s %q { … }", kind, name)
	} else if suggestion == "" && len(known) <= 8 {
		suggestion = "there is " + schema.List(known)
	}
	l.Errorf(at(), fmt.Sprintf("%s names the %s %q, which does not exist", user, kind, name), "", suggestion)
}

func (l *Look) checkReferences() {
	backends, tenants, certs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, b := range l.Config.Backends {
		backends[b.Name] = true
	}
	for _, t := range l.Config.Tenants {
		tenants[t.Name] = true
	}
	for _, c := range l.Config.Certificates {
		certs[c.Name] = true
	}
	for _, ls := range l.Config.Listeners {
		if ls.TLS == nil {
			continue
		}
		for _, c := range ls.TLS.Certificates {
			at := func() model.Range { return l.At("listener", ls.Name, ls.At, "tls", "certificates") }
			l.reference("certificate", c, fmt.Sprintf("listener %q", ls.Name), at, certs)
		}
		if d := ls.TLS.Default; !slices.Contains(ls.TLS.Certificates, d) && d != "" {
			l.Errorf(l.At("listener", ls.Name, ls.At, "tls", "default"), fmt.Sprintf("the default certificate %q is not one of the listener's", d), "", schema.DidYouMean(d, ls.TLS.Certificates))
		}
	}
	for _, t := range l.Config.Tenants {
		for _, b := range t.Backends {
			at := func() model.Range { return l.At("tenant", t.Name, t.At, "backends") }
			l.reference("backend", b, fmt.Sprintf("tenant %q", t.Name), at, backends)
		}
	}
	for _, v := range l.Config.VHosts {
		for _, r := range v.Routes {
			l.routeReference(v, r, "backend", "backend", r.Backend, backends)
			l.routeReference(v, r, "backend", "mirror", r.Mirror, backends)
			for _, s := range r.Split {
				l.routeReference(v, r, "backend", "split", s.Backend, backends)
			}
			l.routeReference(v, r, "tenant", "tenant", r.Tenant, tenants)
		}
	}
}

// routeReference is reference for routes, of which there may be a hundred
// thousand: nothing is made for a name that exists.
func (l *Look) routeReference(v *model.VHost, r *model.Route, kind, attr, name string, names map[string]bool) {
	if name != "" && !names[name] {
		l.reference(kind, name, "route "+strconv.Quote(r.Name), func() model.Range { return l.RouteAt(v, r, attr) }, names)
	}
}

// checkHosts refuses two vhosts that answer to one name.
func (l *Look) checkHosts() {
	type claim struct{ attr, name string }
	owner := make(map[claim]*model.VHost, len(l.Config.VHosts))
	claims := func(v *model.VHost, attr, name, what string) {
		old := owner[claim{attr, name}]
		if old == nil {
			owner[claim{attr, name}] = v
			return
		}
		at := l.At("vhost", v.Name, v.At, attr)
		if what += " " + strconv.Quote(name); name == "" {
			what = "any other host"
		}
		if old == v {
			l.Warnf(at, fmt.Sprintf("%s is written twice in vhost %q", what, v.Name), "", "")
			return
		}
		l.Errorf(at, fmt.Sprintf("%s belongs to vhost %q and to vhost %q", what, old.Name, v.Name), fmt.Sprintf("The first is at %s.", l.Place(old.At)), "")
	}
	for _, v := range l.Config.VHosts {
		for _, h := range v.Hosts {
			claims(v, "hosts", h, "host")
		}
		for _, s := range v.SNI {
			claims(v, "sni", strings.ToLower(s), "server name")
		}
		if len(v.Hosts) == 0 && len(v.SNI) == 0 {
			claims(v, "", "", "")
		}
	}
}

// checkBinds refuses two listeners on one address.
func (l *Look) checkBinds() {
	owner := map[string]*model.Listener{}
	for _, ls := range l.Config.Listeners {
		for _, b := range ls.Bind {
			key := b
			if host, port, err := net.SplitHostPort(b); err == nil && (host == "0.0.0.0" || host == "") && port != "0" {
				key = "*:" + port
			} else if err == nil && port == "0" {
				continue // a port of the kernel's choice is never taken
			}
			if old, ok := owner[key]; ok {
				l.Errorf(l.At("listener", ls.Name, ls.At, "bind"), fmt.Sprintf("address %q is already bound by listener %q", b, old.Name), "", "")
			}
			owner[key] = ls
		}
	}
}

// checkTunnels refuses terms of TLS that nobody would keep, and says that nobody is
// led anywhere.
func (l *Look) checkTunnels() {
	named := slices.ContainsFunc(l.Config.VHosts, func(v *model.VHost) bool { return len(v.SNI) > 0 })
	for _, ls := range l.Config.Listeners {
		if !slices.Contains(ls.Protocols, "tcp") {
			continue
		}
		if ls.TLS != nil {
			l.Errorf(l.At("listener", ls.Name, ls.At, "tls"), fmt.Sprintf("listener %q ends no TLS: \"tcp\" passes bytes on as they are", ls.Name), "", "remove the block tls, or speak \"http/1.1\"")
		}
		if !named {
			l.Warnf(l.At("listener", ls.Name, ls.At, "protocols"), fmt.Sprintf("no client of listener %q is led anywhere: no vhost has sni", ls.Name), "", "write sni = [\"*\"] in the vhost that all of them go to")
		}
	}
}

// checkFiles reports files that are named and not there. A program that is
// missing refuses the configuration unless it came from a tenants file.
func (l *Look) checkFiles() {
	for _, t := range l.Config.Tenants {
		if t.Program == "" {
			continue
		}
		if why := l.unreadable(t.Program); why != "" {
			at := l.At("tenant", t.Name, t.At, "program")
			text := fmt.Sprintf("tenant %q: read %s: %s", t.Name, l.Show(t.Program), why)
			if t.FromFile {
				l.Warnf(at, text, "The others run; this one answers 503.", "")
			} else {
				l.Errorf(at, text, "", "")
			}
		}
	}
	for _, ls := range l.Config.Listeners {
		if ls.TLS != nil && ls.TLS.ClientCA != "" {
			l.needs(ls.TLS.ClientCA, l.At("listener", ls.Name, ls.At, "tls", "client_ca"))
		}
	}
	for _, b := range l.Config.Backends {
		if b.TLS == nil {
			continue
		}
		for _, p := range [][2]string{{"ca", b.TLS.CA}, {"cert", b.TLS.Cert}, {"key", b.TLS.Key}} {
			if p[1] != "" {
				l.needs(p[1], l.At("backend", b.Name, b.At, "tls", p[0]))
			}
		}
	}
}

func (l *Look) needs(name string, at model.Range) {
	if why := l.unreadable(name); why != "" {
		l.Errorf(at, fmt.Sprintf("read %s: %s", l.Show(name), why), "", "paths are relative to the file that names them")
	}
}

// checkLogs refuses logs among the files that the process keeps for itself, and in
// place of the configuration.
func (l *Look) checkLogs() {
	for _, g := range l.Config.Logs {
		at := l.At("log", g.Name, g.At, "path")
		switch dir := l.Config.State.Dir; {
		case g.Path == "stdout" || g.Path == "stderr" || g.Path == "off":
		case dir != "" && strings.HasPrefix(filepath.Clean(g.Path)+"/", filepath.Clean(dir)+"/"):
			l.Errorf(at, fmt.Sprintf("log %q is in the state folder, where nothing else may write", g.Name), "", "name another folder")
		case filepath.Clean(g.Path) == filepath.Clean(l.Config.Places.Range(g.At).Filename):
			l.Errorf(at, fmt.Sprintf("log %q is the file that it is written in", g.Name), "", "name another file")
		}
	}
}
