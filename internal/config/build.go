package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// build makes the model from the decoded blocks. Names are checked afterwards.
func (l *loader) build(root *node) {
	l.buildState(root)
	for _, n := range root.kids["listener"] {
		l.cfg.Listeners = append(l.cfg.Listeners, l.listener(n))
	}
	for _, n := range root.kids["certificate"] {
		if n.find("acme") != nil {
			l.errorf(n.at, fmt.Sprintf("certificate %q: acme is not built yet", n.label), "", "give cert and key instead")
		} else if !n.has("cert") || !n.has("key") {
			l.errorf(n.at, fmt.Sprintf("certificate %q needs \"cert\" and \"key\"", n.label), "", "")
		}
		l.cfg.Certificates = append(l.cfg.Certificates, &model.Certificate{Name: n.label, Cert: n.file("cert"), Key: n.file("key"), At: n.at})
	}
	servers := 0
	for _, n := range root.kids["backend"] {
		b := &model.Backend{Name: n.label, At: n.at}
		if servers <= model.MaxServers {
			if b = l.backendOf(n); servers+len(b.Servers) > model.MaxServers {
				l.errorf(n.at, fmt.Sprintf("the backends of this configuration have more than %d servers together", model.MaxServers), "", "name fewer, or let routes share backends")
			}
			servers += len(b.Servers)
		}
		l.cfg.Backends = append(l.cfg.Backends, b)
	}
	for _, n := range root.kids["tenant"] {
		l.cfg.Tenants = append(l.cfg.Tenants, l.tenant(n))
	}
	for _, n := range root.kids["tenants"] {
		l.tenants(n)
	}
	l.programs(root)
	l.owners = advice.Owners(l.cfg.Tenants)
	for _, n := range root.kids["vhost"] {
		l.cfg.VHosts = append(l.cfg.VHosts, l.vhostOf(n))
	}
	for _, n := range root.kids["cache"] {
		l.cfg.Caches = append(l.cfg.Caches, l.store(n))
	}
	for _, n := range root.kids["log"] {
		l.cfg.Logs = append(l.cfg.Logs, logOf(n))
	}
	if len(root.kids["log"]) == 0 {
		l.cfg.Logs = append(l.cfg.Logs, logOf(&node{table: l.top.Inner["log"], label: "access", at: start(l.o.Path)}))
	}
	l.tenantVHosts()
	l.effective()
}

func logOf(n *node) *model.Log {
	path := n.str("path")
	if !slices.Contains([]string{"stdout", "stderr", "off"}, path) {
		path = n.file("path")
	}
	return &model.Log{Name: n.label, Path: path, Format: n.str("format"), Sample: n.frac("sample"), At: n.at}
}

// buildState fills in the places that depend on who runs the process.
func (l *loader) buildState(root *node) {
	state := root.find("state")
	if state == nil {
		state = &node{table: l.top.Inner["state"], at: start(l.o.Path)}
	}
	l.cfg.State = model.State{Dir: state.file("dir"), At: state.at}
	if l.cfg.State.Dir == "" {
		l.cfg.State.Dir = l.xdg("XDG_STATE_HOME", ".local/state", "fishplate")
	}
	admin := root.find("admin")
	if admin == nil {
		admin = &node{table: l.top.Inner["admin"], at: start(l.o.Path)}
	}
	l.cfg.Admin = model.Admin{Socket: admin.file("socket"), HTTPBind: admin.kid("http").str("bind"), HTTPReads: admin.kid("http").str("reads"), At: admin.at}
	if b := l.cfg.Admin.HTTPBind; b != "" {
		l.address(b, admin.kid("http").rangeOf("bind"), false)
	}
	l.buildProcess(root.find("process"), state, admin)
	if l.cfg.Admin.Socket == "" {
		l.cfg.Admin.Socket = l.socket()
	}
}

// buildProcess reads who the process becomes. The places that are by default those
// of whoever starts it must be written then: that is somebody else.
func (l *loader) buildProcess(n, state, admin *node) {
	if n == nil {
		return
	}
	l.cfg.Process = model.Process{User: n.str("user"), Group: n.str("group"), At: n.at}
	if l.cfg.Process.User == "" {
		if l.cfg.Process.Group != "" {
			l.errorf(n.rangeOf("group"), "a group without a user", "who starts the process keeps its groups", "write user too")
		}
		return
	}
	const why = "its default is a place of whoever starts the process, which the user cannot write to"
	if !state.has("dir") {
		l.errorf(n.rangeOf("user"), "user needs state.dir", why, `write state { dir = "/var/lib/fishplate" }`)
	}
	if !admin.has("socket") {
		l.errorf(n.rangeOf("user"), "user needs admin.socket", why, `write admin { socket = "/run/fishplate/fishplate.sock" }`)
	}
}

// socket is where the API answers when nothing is written. It is where verbs
// look for it (admin.FindSocket).
func (l *loader) socket() string {
	if path, ok := l.env("FISHPLATE_SOCKET"); ok && path != "" {
		return path
	}
	if l.o.Root {
		return "/run/fishplate.sock"
	}
	if path := l.xdg("XDG_RUNTIME_DIR", "", "fishplate.sock"); path != "" {
		return path
	}
	return l.xdg("XDG_STATE_HOME", ".local/state", "fishplate/fishplate.sock")
}

// xdg is a file below a directory of the environment; "" when there is none.
func (l *loader) xdg(variable, belowHome, name string) string {
	if dir, ok := l.env(variable); ok && dir != "" {
		return dir + "/" + name
	}
	if home, ok := l.env("HOME"); ok && home != "" && belowHome != "" {
		return home + "/" + belowHome + "/" + name
	}
	return ""
}

func (l *loader) listener(n *node) *model.Listener {
	fwd, accept, limits, times := n.kid("forwarded"), n.kid("accept"), n.kid("limits"), n.kid("timeouts")
	ls := &model.Listener{
		Name: n.label, Bind: n.words("bind"), Protocols: l.protocols(n), Slashes: n.kid("path").str("slashes"),
		Forwarded: model.Forwarded{Trust: fwd.nets("trust"), Send: fwd.words("send")},
		ProxyFrom: n.kid("proxy_protocol").nets("from"),
		Accept:    model.Accept{Shards: accept.num("shards"), Spread: accept.str("spread"), Backlog: accept.num("backlog"), Defer: accept.dur("defer"), FastOpen: accept.flag("fast_open"), Spin: accept.dur("spin"), SpinAuto: accept.str("spin") == "auto"},
		Limits: model.ListenerLimits{
			Connections: limits.num("connections"), PerClient: limits.num("per_client"), HeadBytes: int(limits.size("head")),
			Fields: limits.num("fields"), TargetBytes: int(limits.size("target")), BodyRate: limits.size("body_rate"),
		},
		Timeouts: model.ListenerTimeouts{Head: times.dur("head"), Body: times.dur("body"), Idle: times.dur("idle"), Write: times.dur("write"), Tunnel: times.dur("tunnel")},
		At:       n.at,
	}
	if !accept.has("defer") && !slices.Contains(ls.Protocols, "tcp") {
		ls.Accept.Defer = time.Second // the client speaks first
	}
	if len(ls.Bind) == 0 && n.has("bind") && n.attrs["bind"].v != nil {
		l.errorf(n.rangeOf("bind"), fmt.Sprintf("listener %q has no address", n.label), "", `write bind = [":8080"]`)
	}
	for _, b := range ls.Bind {
		if name, ok := strings.CutPrefix(b, "fd:"); !ok || name == "" {
			l.address(b, n.rangeOf("bind"), true)
		}
	}
	if t := n.find("tls"); t != nil {
		ls.TLS = l.listenerTLS(t)
	}
	return ls
}

// protocols keeps what is built: the others are named in a warning, or an error
// when nothing is left.
func (l *loader) protocols(n *node) []string {
	var built, unbuilt []string
	for _, p := range n.words("protocols") {
		if p == "http/1.1" || p == "tcp" {
			built = append(built, p)
		} else {
			unbuilt = append(unbuilt, p)
		}
	}
	at := n.rangeOf("protocols")
	switch {
	case len(unbuilt) > 0 && len(built) == 0:
		l.errorf(at, fmt.Sprintf("%s is not built yet, and the listener speaks nothing else", schema.List(unbuilt)), "", `add "http/1.1" or "tcp"`)
	case len(unbuilt) > 0:
		l.warnf(at, fmt.Sprintf("%s is not built yet: clients are offered %s", schema.List(unbuilt), schema.List(built)), "", "")
	case len(built) > 1 && slices.Contains(built, "tcp"):
		l.errorf(at, `"tcp" stands alone: a tunnel looks at no request`, "", "use two listeners")
	case len(built) == 0 && n.has("protocols") && n.attrs["protocols"].v != nil:
		l.errorf(at, "the listener speaks nothing", "", `write protocols = ["http/1.1"]`)
	}
	return built
}

func (l *loader) listenerTLS(n *node) *model.ListenerTLS {
	t := &model.ListenerTLS{
		Certificates: n.words("certificates"), MinVersion: n.str("min_version"), Default: n.str("default"), ClientCA: n.file("client_ca"),
		ClientAuth: n.str("client_auth"), Tickets: n.dur("tickets"), TicketsOff: n.str("tickets") == "off", Curves: n.words("curves"),
	}
	if t.Default == "" && len(t.Certificates) > 0 {
		t.Default = t.Certificates[0]
	}
	if t.ClientAuth != "" && t.ClientCA == "" {
		l.errorf(n.rangeOf("client_auth"), "client_auth needs client_ca", "A client certificate is verified against the authorities in that file.", `add client_ca = "ca.pem"`)
	}
	if t.ClientAuth == "" && t.ClientCA != "" {
		t.ClientAuth = "required"
	}
	if len(t.Certificates) == 0 && n.has("certificates") && n.attrs["certificates"].v != nil {
		l.errorf(n.rangeOf("certificates"), "a TLS listener needs a certificate", "", "")
	}
	return t
}

func (l *loader) backend(n *node) *model.Backend {
	b := &model.Backend{
		Name: n.label, Balance: l.balance(n), Protocol: n.str("protocol"), Grace: n.dur("grace"), SlowStart: n.dur("slow_start"), At: n.at,
		Timeouts: model.BackendTimeouts{Connect: n.kid("timeouts").dur("connect"), FirstByte: n.kid("timeouts").dur("first_byte"), Idle: n.kid("timeouts").dur("idle")},
		Pool:     model.Pool{Idle: n.kid("pool").num("idle"), MaxAge: n.kid("pool").dur("max_age")},
	}
	if b.Protocol != "http/1.1" {
		l.warnf(n.rangeOf("protocol"), fmt.Sprintf("%q is not built yet: servers are spoken to by http/1.1", b.Protocol), "", "")
		b.Protocol = "http/1.1"
	}
	l.servers(n, b)
	if d := n.find("discover"); d != nil {
		b.Discover = &model.Discover{
			Kind: d.label, Name: d.str("name"), Port: d.num("port"), Type: d.str("type"), Resolver: d.str("resolver"), Min: d.num("min"),
		}
		if b.Discover.Type == "" {
			b.Discover.Type = map[bool]string{true: "srv", false: "a"}[b.Discover.Port == 0]
		}
		if b.Discover.Type == "a" && b.Discover.Port == 0 {
			l.errorf(d.at, `discover "dns" of type "a" needs "port"`, "Address records carry no port.", "")
		}
	}
	if short, ok := n.attrs["servers"]; ok && short.v == nil {
		return l.backendParts(n, b)
	}
	if len(b.Servers) == 0 && b.Discover == nil && !l.broken {
		l.errorf(n.at, fmt.Sprintf("backend %q has no server", n.label), "", `write servers = ["127.0.0.1:9000"], a server block or a discover block`)
	}
	return l.backendParts(n, b)
}

func (l *loader) servers(n *node, b *model.Backend) {
	short := &node{table: n.table.Inner["server"], at: n.rangeOf("servers")}
	for _, a := range n.words("servers") {
		l.address(a, short.at, false)
		short.label = a
		b.Servers = append(b.Servers, server(short, b, a))
	}
	for _, s := range n.kids["server"] {
		if s.has("address") && s.attrs["address"].v != nil {
			l.address(s.str("address"), s.rangeOf("address"), false)
		}
		b.Servers = append(b.Servers, server(s, b, s.str("address")))
	}
	seen := make(map[string]bool, len(b.Servers))
	for _, s := range b.Servers {
		if seen[s.Name] {
			l.errorf(s.At, fmt.Sprintf("server %q of backend %q is written twice", s.Name, b.Name), "", "names are unique: rename one")
		}
		seen[s.Name] = true
	}
}

func server(n *node, b *model.Backend, address string) *model.Server {
	s := &model.Server{
		Name: n.label, Address: address, Weight: n.num("weight"), MaxConnections: n.num("max_connections"), SlowStart: b.SlowStart,
		Backup: n.flag("backup"), State: n.str("state"), Zone: n.str("zone"), At: n.at,
	}
	if n.has("slow_start") {
		s.SlowStart = n.dur("slow_start")
	}
	s.Grace = n.maybe("grace")
	return s
}

// backendParts are the inner blocks whose absence means off.
func (l *loader) backendParts(n *node, b *model.Backend) *model.Backend {
	if t := n.find("tls"); t != nil {
		b.TLS = &model.BackendTLS{CA: t.file("ca"), ServerName: t.str("server_name"), Cert: t.file("cert"), Key: t.file("key"), InsecureSkipVerify: t.str("verify") == "off"}
		if b.TLS.InsecureSkipVerify {
			l.warnf(t.rangeOf("verify"), fmt.Sprintf("backend %q trusts any server", n.label), "Whoever stands between can read and change everything.", `give the authority instead: ca = "ca.pem"`)
		}
		if (b.TLS.Cert == "") != (b.TLS.Key == "") {
			l.errorf(t.at, `a client certificate is "cert" and "key" together`, "", "")
		}
	}
	if c := n.find("check"); c != nil {
		b.Check = l.healthCheck(c)
	}
	if e := n.find("eject"); e != nil {
		b.Eject = &model.Eject{Errors: e.num("errors"), Window: e.dur("window"), For: e.dur("for"), Max: e.frac("max")}
	}
	if q := n.find("queue"); q != nil {
		b.Queue = &model.Queue{Limit: q.num("limit"), Timeout: q.dur("timeout")}
		if q.has("priority") {
			b.Queue.Priority = l.number(q.raw("priority"))
		}
	}
	r := n.kid("retry")
	b.Retry = model.Retry{Attempts: r.num("attempts"), On: r.words("on"), Budget: r.frac("budget")}
	for _, on := range b.Retry.On {
		if !slices.Contains([]string{"connect", "reset", "timeout"}, on) && !advice.IsStatus(on) {
			l.errorf(r.rangeOf("on"), fmt.Sprintf(`%q cannot be retried on: "connect", "reset", "timeout" or a status such as "503" is allowed`, on), "", schema.DidYouMean(on, []string{"connect", "reset", "timeout"}))
		}
	}
	if p := n.find("persist"); p != nil {
		b.Persist = l.persist(p)
	}
	return b
}

func (l *loader) healthCheck(n *node) *model.Check {
	low, high, isRange := strings.Cut(n.str("status"), "-")
	if !isRange {
		high = low
	}
	c := &model.Check{
		Kind: n.label, Path: n.str("path"), Host: n.str("host"), Interval: n.dur("interval"), Timeout: n.dur("timeout"),
		Rise: n.num("rise"), Fall: n.num("fall"), LoadHeader: n.str("load_header"),
	}
	c.StatusLow, _ = strconv.Atoi(low)
	c.StatusHigh, _ = strconv.Atoi(high)
	if !advice.IsStatus(low) || !advice.IsStatus(high) || c.StatusLow > c.StatusHigh {
		l.errorf(n.rangeOf("status"), fmt.Sprintf(`"status" is a status or a range such as "200-399", not %q`, n.str("status")), "", "")
	}
	if !strings.HasPrefix(c.Path, "/") {
		l.errorf(n.rangeOf("path"), `"path" of a check starts with "/"`, "", "")
	}
	if c.Kind == "tcp" {
		for _, name := range []string{"path", "host", "status", "load_header"} {
			if n.has(name) {
				l.errorf(n.attrs[name].name, fmt.Sprintf("%q means nothing in a tcp check", name), "", `write check "http" { … }`)
			}
		}
		c.Path, c.StatusLow, c.StatusHigh = "", 0, 0
	}
	return c
}

func (l *loader) persist(n *node) *model.Persist {
	allowed := append(advice.PersistAttrs(n.label), "size", "age", "on_down", "follow")
	for _, a := range n.table.Attrs {
		if n.has(a.Name) && !slices.Contains(allowed, a.Name) {
			l.errorf(n.attrs[a.Name].name, fmt.Sprintf("persist %q has no attribute %q", n.label, a.Name), "", "known here: "+schema.List(allowed))
		}
	}
	p := &model.Persist{Kind: n.label, Name: n.str("name"), Size: n.num("size"), Age: n.dur("age"), OnDown: n.str("on_down"), Follow: n.str("follow")}
	switch n.label {
	case "cookie":
		p.Name = cmp.Or(p.Name, "SRV")
		p.Mode, p.MaxAge, p.Idle, p.Path, p.Domain = n.str("mode"), n.dur("max_age"), n.dur("idle"), n.str("path"), n.str("domain")
		p.HTTPOnly, p.Secure, p.SameSite = n.flag("http_only"), n.flag("secure"), n.str("same_site")
		if p.SameSite == "none" && !p.Secure {
			l.errorf(n.rangeOf("same_site"), `same_site = "none" needs secure = true`, "Browsers drop the cookie otherwise.", "")
		}
	case "source":
		p.Mask, p.Mask6 = n.num("mask"), n.num("mask6")
	default:
		if p.Name == "" {
			l.errorf(n.at, fmt.Sprintf("persist %q needs \"name\"", n.label), "", "")
		}
	}
	return p
}
