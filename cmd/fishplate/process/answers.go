package process

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"fishplate/cmd/fishplate/report"
	"fishplate/internal/admin"
	"fishplate/internal/control"
	"fishplate/internal/file"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/proxy"
)

// readings returns every counter of the process.
func (p *Process) readings() []metrics.Reading {
	list := append([]metrics.Reading{{Table: &metrics.Process, Set: p.process}}, p.proxy.Readings()...)
	list = append(list, p.pulse.Readings()...)
	list = append(list, report.Backends(p.backends)...)
	list = append(list, p.caches.Readings()...)
	for _, t := range p.server.Current().Tenants {
		list = append(list, metrics.Reading{Table: &metrics.Tenant, Values: []string{t.Name()}, Set: t.Counters()})
		for name, set := range t.Custom() {
			list = append(list, metrics.Reading{Table: &metrics.TenantCustom, Values: []string{t.Name(), name}, Set: set})
		}
		for name, set := range t.Spans() {
			list = append(list, metrics.Reading{Table: &metrics.TenantSpan, Values: []string{t.Name(), name}, Set: set})
		}
	}
	return list
}

// words returns the causes of faults with their counts.
func (p *Process) words() []metrics.WordReading {
	return []metrics.WordReading{{Table: &metrics.Faults, Words: p.causes}}
}

// status describes everything that runs.
func (p *Process) status() admin.Status {
	st := admin.Status{
		Uptime: time.Since(p.started).Seconds(), Version: p.version, PID: os.Getpid(), Predecessor: int(p.predecessor.Load()), Path: p.control.Path(),
		Listeners: []admin.ListenerStatus{}, VHosts: []admin.VHostStatus{}, Backends: []admin.BackendStatus{},
		Tenants: []admin.TenantStatus{}, Findings: []admin.Finding{}, Draining: []admin.DrainStatus{}, Checks: []admin.CheckStatus{},
	}
	cfg, g := p.control.Running(), p.server.Current()
	if cfg == nil || g == nil {
		return st
	}
	st.Generation, st.Canary = g.ID, p.control.Trial()
	open, late := p.addresses()
	for _, l := range cfg.Listeners {
		c := p.proxy.Listener(l.Name)
		st.Listeners = append(st.Listeners, admin.ListenerStatus{
			Name: l.Name, Bind: open[l.Name], Failed: late[l.Name], TLS: l.TLS != nil,
			Connections: c.Value(metrics.ListenerConnections), Accepted: c.Value(metrics.ListenerAccepted),
			Requests: c.Value(metrics.ListenerRequests), Refused: p.refused(l.Name),
		})
		for _, why := range late[l.Name] {
			st.Findings = append(st.Findings, admin.Finding{ID: "listener." + l.Name, Severity: "fail", Text: fmt.Sprintf("listener %s does not listen at %s; it is tried again", l.Name, why)})
		}
	}
	for _, v := range cfg.VHosts {
		st.VHosts = append(st.VHosts, p.vhostStatus(v))
	}
	st.Backends = p.backendStatus()
	for _, t := range p.tenants.Status() {
		st.Tenants = append(st.Tenants, admin.TenantStatus{
			Name: t.Name, State: t.State, Program: t.Program, Hash: t.Hash, Requests: t.Requests, Active: int64(t.Active), Waiting: int64(t.Waiting),
			Stops: t.Stops.Budget + t.Stops.Time + t.Stops.Memory + t.Stops.Fault, Refused: t.Refused,
		})
		if t.Error != "" {
			st.Findings = append(st.Findings, admin.Finding{ID: "tenant." + t.Name, Severity: "warn", Text: t.Error})
		}
		for _, text := range t.RegexFallbacks {
			st.Findings = append(st.Findings, admin.Finding{
				ID: "tenant." + t.Name, Severity: "warn", Text: fmt.Sprintf("tenant %s: a regular expression is matched by backtracking: %s", t.Name, text),
			})
		}
	}
	if len(cfg.Caches) > 0 {
		st.Cache = report.Status(p.caches)
		st.Findings = append(st.Findings, report.Findings(p.caches.Stores())...)
	}
	st.Findings = append(st.Findings, report.History(p.control)...)
	p.pulse.Status(&st)
	for _, d := range p.control.Draining() {
		st.Draining = append(st.Draining, admin.DrainStatus{Generation: d.Generation, Part: d.Part})
	}
	return st
}

func (p *Process) unconnected(server string, err error) { p.server.Unconnected(server, err) }

// refused returns how many connections of a listener were closed at once.
func (p *Process) refused(listener string) (n int64) {
	c := p.proxy.Listener(listener)
	for reason := range 3 { // as the table of metrics has them
		n += c.Value(metrics.ListenerRefused + reason)
	}
	return n
}

func (p *Process) vhostStatus(v *model.VHost) admin.VHostStatus {
	c := p.proxy.VHost(v.Name)
	s := admin.VHostStatus{
		Name: v.Name, Hosts: v.Hosts, Tenant: v.Tenant, Requests: c.Value(metrics.VHostRequests),
		Errors: c.Value(metrics.VHostResponses + metrics.Class(500)), Routes: []admin.RouteStatus{},
	}
	for _, r := range v.Routes {
		s.Routes = append(s.Routes, admin.RouteStatus{
			Name: r.Name, Backend: r.Backend, Requests: p.proxy.Route(v.Name, r.Name).Value(metrics.RouteRequests),
		})
	}
	return s
}

func (p *Process) backendStatus() []admin.BackendStatus {
	list := []admin.BackendStatus{}
	for _, b := range p.backends.Status() {
		s := admin.BackendStatus{
			Name: b.Name, Balance: b.Balance, Requests: b.Counters["requests"], Queue: int64(b.Waiting),
			Retries: b.Counters["retries"], Servers: []admin.ServerStatus{},
		}
		for _, v := range b.Servers {
			row := admin.ServerStatus{
				Name: v.Name, Address: v.Address, State: v.State, Weight: v.Weight, Connections: int64(v.Connections + v.Idle),
				Active: int64(v.Connections), Requests: v.Counters["requests"],
				DrainingSince: v.DrainingSince, DrainingUntil: v.DrainingUntil,
			}
			if n := int64(v.Sessions); n > 0 || !v.Stateless {
				row.Sessions = &n
			}
			for name, n := range v.Counters {
				if name == "responses_5xx" || strings.HasSuffix(name, "_errors") || strings.HasSuffix(name, "_timeouts") || name == "resets" {
					row.Errors += n
				}
			}
			if v.Check != nil {
				row.Check = v.Check.State
			}
			s.Servers = append(s.Servers, row)
		}
		list = append(list, s)
	}
	return list
}

// remark tells, before it happens, what a table of effects cannot know: that a
// file's program takes the place of one that came by the API.
func (p *Process) remark(c control.Change) string {
	if c.Kind != "tenant" || c.Action != "change" {
		return ""
	}
	for _, f := range c.Fields {
		if f.Name == "program.version" && f.Old != "" && f.New == "" {
			return fmt.Sprintf("the program that it names replaces version %s, which came by the API", f.Old)
		}
	}
	return ""
}

// explain answers `fishplate explain` for the running generation.
func (p *Process) explain(ctx context.Context, r admin.ExplainRequest) (any, error) {
	req, err := requestOf(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	return p.server.Current().Explain(ctx, req), nil
}

// requestOf makes a request as the codec would, out of its parts.
func requestOf(r admin.ExplainRequest) (*message.Request, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	if u.Host == "" {
		return nil, fmt.Errorf("url %q has no host", r.URL)
	}
	client := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if r.Client != "" {
		if client, err = netip.ParseAddr(r.Client); err != nil {
			return nil, err
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, u.RequestURI(), u.Host)
	for _, h := range r.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], h[1])
	}
	head.WriteString("\r\n")
	var in http1.Reader
	in.Init(&head, http1.Limits{})
	req := &message.Request{Conn: &message.Conn{Client: netip.AddrPortFrom(client, 0), Start: time.Now()}}
	if f := in.ReadRequest(req, u.Scheme); f != nil {
		return nil, f
	}
	req.ClientIP = client
	return req, nil
}

// log streams access log lines, for `fishplate log`.
func (p *Process) log(ctx context.Context, r admin.LogRequest, write func([]byte) error) error {
	where, err := compileWhere(r.Where)
	if err != nil {
		return fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	logs := p.accessLogs()
	if len(logs) == 0 {
		return fmt.Errorf("%w: no log is configured", admin.ErrInvalid)
	}
	sub := logs[0].Subscribe(math.MaxInt)
	defer sub.Close()
	for _, l := range pastLines(sub.Lines(), where, r.Lines) {
		if err := l.write(r.Format, write); err != nil {
			return err
		}
	}
	for r.Follow {
		select {
		case <-ctx.Done():
			return nil
		case text, ok := <-sub.Lines():
			if !ok {
				return nil
			}
			rec, err := proxy.ParseJSON(text)
			if err != nil || !where(rec) {
				continue
			}
			if err := (logLine{text, rec}).write(r.Format, write); err != nil {
				return err
			}
		}
	}
	return nil
}

// logLine is one line of the access log, and what it says.
type logLine struct {
	text []byte
	rec  *proxy.Record
}

func (l logLine) write(format string, write func([]byte) error) error {
	if format == "text" {
		l.text = proxy.AppendText(nil, l.rec)
	}
	return write(l.text)
}

// pastLines takes what waits in lines, and returns the newest n that where
// lets pass. Processors hand in their lines in turn, so that those of one
// moment are out of order: a reader wants them by time.
func pastLines(lines <-chan []byte, where func(*proxy.Record) bool, n int) []logLine {
	var list []logLine
	for range len(lines) {
		text, ok := <-lines
		if !ok {
			break
		}
		if rec, err := proxy.ParseJSON(text); err == nil && where(rec) {
			list = append(list, logLine{text, rec})
		}
	}
	slices.SortStableFunc(list, func(a, b logLine) int { return a.rec.Time.Compare(b.rec.Time) })
	return list[max(0, len(list)-n):]
}

// compileWhere compiles a log filter; an empty one lets everything pass.
func compileWhere(text string) (func(*proxy.Record) bool, error) {
	if text == "" {
		return func(*proxy.Record) bool { return true }, nil
	}
	node, diags := model.ParseExpression(text, "where")
	if diags.HasErrors() {
		return nil, diags
	}
	pred, diags := predicate.CompileBool(model.Expr{Text: text, Node: node}, predicate.Options{FS: file.Tree(), Log: true})
	if diags.HasErrors() {
		return nil, diags
	}
	return func(r *proxy.Record) bool {
		env := predicate.Env{
			Req: &message.Request{
				Method: r.Method, Host: r.Host, Path: r.Path, Query: r.Query, HasQuery: len(r.Query) > 0,
				Conn: &message.Conn{Listener: r.Listener, Client: r.Client}, ClientIP: r.ClientIP,
			},
			Resp: &message.Response{Status: r.Status}, Server: r.Server, Tenant: r.Tenant, VHost: r.VHost, Route: r.Route,
			Backend: r.Backend, Duration: r.Duration, Now: r.Time,
		}
		return pred.Eval(&env)
	}, nil
}
