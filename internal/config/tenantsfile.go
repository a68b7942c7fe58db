package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

// entry is one member of a tenants file: a tenant when it has a filename, a
// change of a known tenant when its key is one's name, else a group.
type entry struct {
	key, filename, group string
	at                   hcl.Range
	node                 *node // what it says, by the table of the block tenant
}

// tenantsFile adds the tenants of a file.
func (l *loader) tenantsFile(name string, from hcl.Range) {
	src, err := l.read(name)
	if err != nil {
		l.errorf(from, fmt.Sprintf("read %s: %s", l.Show(name), syntax.Reason(err)), "", cmp.Or(syntax.Remedy(err), "paths are relative to the file that names them"))
		return
	}
	l.tenantsText(&syntax.Source{Name: name, Text: src})
}

// tenantsText adds the tenants of a text, in the order of their names. Groups
// may stand anywhere in it.
func (l *loader) tenantsText(s *syntax.Source) {
	list, err := s.Members(s.Text, 0)
	if err != nil {
		l.notTenants(s, err)
		return
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Key < list[j].Key })
	before := map[string]*model.Tenant{}
	for _, t := range l.cfg.Tenants {
		before[t.Name] = t
	}
	groups := map[string]*node{"test": l.fromTable()}
	var tenants []*entry
	for _, m := range list {
		e := l.entry(s, m)
		switch old := before[m.Key]; {
		case e == nil:
		case e.filename != "" && old != nil:
			l.errorf(m.At, fmt.Sprintf("tenant %q is already written at %s", m.Key, l.Place(old.At)), "", "names are unique: rename one")
		case e.filename != "":
			tenants = append(tenants, e)
		case old != nil:
			l.change(old, e.node)
		default:
			groups[m.Key] = e.node.over(groups["test"])
		}
	}
	for _, e := range tenants {
		g, ok := groups[e.group]
		if !ok {
			l.warnf(e.at, fmt.Sprintf("tenant %q is left out: there is no group %q", e.key, e.group), "", schema.DidYouMean(e.group, slices.Sorted(maps.Keys(groups))))
			continue
		}
		l.fileTenant(s.Name, e, g)
	}
}

// notTenants reports a text that cannot be read.
func (l *loader) notTenants(s *syntax.Source, err error) {
	at := s.Place(0, 1)
	if p, ok := err.(*syntax.Placed); ok {
		at = p.At
	}
	what := "tenants file " + l.Show(s.Name)
	if s.At.Filename != "" {
		what = "tenants"
	}
	l.errorf(at, what+": "+err.Error(), "", "")
	l.broken = true // which tenants it holds is unknown
}

// fromTable is a node that says nothing but what the format's own group has.
func (l *loader) fromTable() *node {
	n := &node{table: l.top.Inner["tenant"], attrs: map[string]value{}, kids: map[string][]*node{}}
	n.attrs["memory"] = value{v: int64(32 << 20)}
	return n
}

// over is what n says, and what base says where n says nothing.
func (n *node) over(base *node) *node {
	out := &node{table: n.table, label: n.label, at: n.at, attrs: map[string]value{}, kids: map[string][]*node{}}
	for _, from := range []*node{base, n} {
		for k, v := range from.attrs {
			out.attrs[k] = v
		}
		for k, v := range from.kids {
			out.kids[k] = v
		}
	}
	return out
}

// entry decodes one member; nil means that an error was reported.
func (l *loader) entry(s *syntax.Source, m syntax.Member) *entry {
	e := &entry{key: m.Key, group: "test", at: m.At, node: &node{table: l.top.Inner["tenant"], label: m.Key, at: m.At, attrs: map[string]value{}, kids: map[string][]*node{}}}
	list, err := s.Members(m.Raw, m.Offset)
	if err != nil {
		l.notTenants(s, err)
		return nil
	}
	problem := advice.Name(m.Key)
	ok := problem == ""
	if !ok {
		l.errorf(m.At, "the name of a tenant or group "+problem, "", "")
	}
	for _, x := range list {
		ok = l.entryKey(s, e, x) && ok
	}
	if !ok {
		l.broken = true
		return nil
	}
	return e
}

// units are the format's own keys for numbers: the attribute that each stands
// for, the factor to its unit, and what it may be.
var units = map[string]struct {
	attr   string
	factor int64
	max    int64
	want   string
}{
	"max_instructions": {"instructions", 1, 1e12, "instructions per call, from 1 to 1000000000000"},
	"max_memory":       {"memory", 1 << 20, 4096, "MiB, from 1 to 4096"},
	"max_heap":         {"", 1 << 20, 1 << 20, "MiB; it is read and not used: max_memory bounds both"},
}

// entryKey takes in one key of an entry: one of the format's, or an attribute or
// a block of tenant.
func (l *loader) entryKey(s *syntax.Source, e *entry, m syntax.Member) bool {
	bad := func(format string, args ...any) bool {
		l.errorf(m.At, fmt.Sprintf("entry %q: ", e.key)+fmt.Sprintf(format, args...), "", "")
		return false
	}
	switch u, known := units[m.Key]; {
	case m.Key == "filename" || m.Key == "group":
		var text string
		if json.Unmarshal(m.Raw, &text) != nil || text == "" {
			return bad("%s is a string, not %s", m.Key, m.Raw)
		}
		if m.Key == "filename" {
			e.filename = text
		} else {
			e.group = text
		}
		return true
	case known:
		var n int64
		if json.Unmarshal(m.Raw, &n) != nil || n < 1 || n > u.max {
			return bad("%s is %s, not %s", m.Key, u.want, m.Raw)
		}
		if u.attr != "" {
			e.node.attrs[u.attr] = value{v: n * u.factor, name: m.At, at: m.At}
		}
		return true
	}
	return l.ours(s, e, e.node, m)
}

// ours takes in a key that this system added to the format: an attribute or a
// block of tenant, written as in its table.
func (l *loader) ours(s *syntax.Source, e *entry, n *node, m syntax.Member) bool {
	if row := n.table.Rows[m.Key]; row != nil && m.Key != "program" || n.table.Name != "tenant" && row != nil {
		return l.oursAttr(e, n, row, m)
	}
	inner := n.table.Inner[m.Key]
	if inner == nil || m.Key == "cache" {
		known := append(slices.DeleteFunc(n.table.AttrNames(), func(s string) bool { return s == "program" }), n.table.BlockNames()...)
		if n.table.Name == "tenant" {
			known = append(known, "filename", "group", "max_instructions", "max_memory", "max_heap")
		}
		suggestion := schema.DidYouMean(m.Key, known)
		if suggestion == "" {
			sort.Strings(known)
			suggestion = "known here: " + schema.List(known)
		}
		l.errorf(m.At, fmt.Sprintf("entry %q: there is no key %q", e.key, m.Key), "", suggestion)
		return false
	}
	list, err := s.Members(m.Raw, m.Offset)
	if err != nil {
		l.notTenants(s, err)
		return false
	}
	if !inner.Many {
		return l.oursBlock(s, e, n, inner, "", m, list)
	}
	ok := true
	for _, x := range list { // by label
		kids, err := s.Members(x.Raw, x.Offset)
		if err != nil {
			l.notTenants(s, err)
			return false
		}
		ok = l.oursBlock(s, e, n, inner, x.Key, x, kids) && ok
	}
	return ok
}

func (l *loader) oursBlock(s *syntax.Source, e *entry, n *node, t *schema.Table, label string, m syntax.Member, list []syntax.Member) bool {
	kid := &node{table: t, label: label, at: m.At, attrs: map[string]value{}, kids: map[string][]*node{}}
	ok := true
	for _, x := range list {
		ok = l.ours(s, e, kid, x) && ok
	}
	for _, a := range t.Attrs {
		if a.Required && !kid.has(a.Name) {
			l.errorf(m.At, fmt.Sprintf("entry %q: %s needs %q", e.key, t.Where(label), a.Name), "", "")
			ok = false
		}
	}
	n.kids[t.Name] = append(n.kids[t.Name], kid)
	return ok
}

func (l *loader) oursAttr(e *entry, n *node, row *schema.Row, m syntax.Member) bool {
	t, err := ctyjson.ImpliedType(m.Raw)
	var cv cty.Value
	if err == nil {
		cv, err = ctyjson.Unmarshal(m.Raw, t)
	}
	if err == nil && cv.IsNull() {
		err = fmt.Errorf("%q is null", m.Key)
	}
	var v any
	if err == nil {
		v, err = row.FromValue(cv)
	}
	if err != nil {
		l.errorf(m.At, fmt.Sprintf("entry %q: %v", e.key, err), "", "")
		return false
	}
	n.attrs[m.Key] = value{v: v, name: m.At, at: m.At}
	return true
}

// change lets an entry without a filename say something else about a tenant
// that was written before.
func (l *loader) change(t *model.Tenant, n *node) {
	for k := range n.attrs {
		switch k {
		case "instructions":
			t.Instructions = uint64(n.size(k))
		case "memory":
			t.Memory = n.size(k)
		case "arguments":
			t.Arguments = n.words(k)
		default:
			l.errorf(n.attrs[k].at, fmt.Sprintf("entry %q: %q of a tenant that is written elsewhere", n.label, k), "", "write it where the tenant is: "+l.Place(t.At))
		}
	}
	for k, v := range n.kids {
		l.errorf(v[0].at, fmt.Sprintf("entry %q: %q of a tenant that is written elsewhere", n.label, k), "", "write it where the tenant is: "+l.Place(t.At))
	}
}

func (l *loader) fileTenant(file string, e *entry, g *node) {
	t := l.tenant(e.node.over(g))
	t.Name, t.FromFile, t.At = e.key, true, l.standing(e.at)
	program := e.filename
	for _, variable := range []string{"HOME", "PWD"} {
		if v, ok := l.env(variable); ok {
			program = strings.Replace(program, "$"+variable, v, 1)
		}
	}
	program, _ = strings.CutPrefix(program, "rust:")
	t.Program = syntax.Resolve(file, program)
	t.Time = time.Duration(max(int64(t.Time), int64(time.Millisecond)))
	l.cfg.Tenants = append(l.cfg.Tenants, t)
}

// tenantVHosts gives each tenant of a file a vhost of its name: by the vhosts
// that are written, or, when there is none, to the one backend.
func (l *loader) tenantVHosts() {
	fromFile := slices.ContainsFunc(l.cfg.Tenants, func(t *model.Tenant) bool { return t.FromFile })
	if l.broken {
		return
	}
	if len(l.cfg.VHosts) > 0 {
		l.tenantsByHost()
		return
	}
	if !fromFile {
		if len(l.cfg.Listeners) > 0 {
			l.warnf(start(l.o.Path), "there is no vhost: every request gets 404", "", `write vhost "any" with backend = "NAME"`)
		}
		return
	}
	if len(l.cfg.Backends) != 1 {
		l.errorf(start(l.o.Path), fmt.Sprintf("a tenants file without a vhost needs one backend, not %d", len(l.cfg.Backends)), "", "write one backend, or a vhost for each tenant")
		return
	}
	backend := l.cfg.Backends[0].Name
	for _, t := range l.cfg.Tenants {
		if !t.FromFile {
			continue
		}
		name, err := advice.HostName(t.Name)
		if err != nil {
			l.warnf(t.At, fmt.Sprintf("tenant %q gets no vhost: its name is no host name", t.Name), "", "")
		}
		if err != nil || !l.owns(t, name) {
			continue
		}
		l.cfg.VHosts = append(l.cfg.VHosts, &model.VHost{
			Name: t.Name, Hosts: []string{name}, Tenant: t.Name, At: t.At,
			Routes: []*model.Route{{Name: "all", Backend: backend, Tenant: t.Name, At: t.At}},
		})
	}
}

// owns says whether a tenant gets the requests for its host, and warns if not.
func (l *loader) owns(t *model.Tenant, host string) bool {
	o := l.owners[host]
	if o != t {
		l.warnf(t.At, fmt.Sprintf("tenant %q gets no requests by host: %q at %s has the same", t.Name, o.Name, l.Place(o.At)), "", "hosts are compared in lower case")
	}
	return o == t
}

// tenantsByHost gives a tenant whose host no vhost names a copy of the vhost that
// takes such requests, with the tenant wherever nobody wrote another or "off".
func (l *loader) tenantsByHost() {
	takers, named := advice.TakersOf(l.cfg.VHosts), map[string]bool{}
	for _, v := range l.cfg.VHosts {
		for _, r := range v.Routes {
			named[r.Tenant] = true
		}
	}
	for _, t := range l.cfg.Tenants {
		name, err := advice.HostName(t.Name)
		if t.FromFile && err != nil && !named[t.Name] {
			l.warnf(t.At, fmt.Sprintf("tenant %q gets no requests: its name is no host name, and no vhost names it", t.Name), "", fmt.Sprintf("write tenant = %q in a vhost or route", t.Name))
		}
		if !t.FromFile || err != nil || !l.owns(t, name) || takers.Named(name) {
			continue
		}
		like := takers.Of(name)
		if like == nil && named[t.Name] {
			continue
		}
		if like == nil {
			l.warnf(t.At, fmt.Sprintf("tenant %q gets no requests: no vhost takes the host %q", t.Name, name), "", fmt.Sprintf("write a vhost with hosts = [%q], or one for any host", name))
			continue
		}
		written, whole := map[string]bool{}, false // what says itself whose it is
		if n := l.named("vhost", like.Name); n != nil {
			whole = n.has("tenant")
			for _, r := range n.kids["route"] {
				written[r.label] = r.has("tenant")
			}
		}
		if !whole {
			l.cfg.VHosts = append(l.cfg.VHosts, takers.Copy(like, t, name, written))
		}
	}
}
