package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// tenantsSource is a text in the tenants format: a file's, or one that stands in
// the configuration, at.
type tenantsSource struct {
	name string
	text []byte
	at   hcl.Range // where the text begins; zero for a file of its own
}

// place is the range of length bytes at an offset of the text.
func (s *tenantsSource) place(offset, length int) hcl.Range {
	r := offsetRange(s.name, s.text, offset)
	r.End.Column, r.End.Byte = r.Start.Column+length, r.Start.Byte+length
	if s.at.Filename != "" {
		first := s.at.Start.Line
		if s.at.End.Line-first > bytes.Count(s.text, []byte{'\n'}) {
			first++ // the text of a heredoc begins below its mark
		}
		r.Start.Line, r.End.Line = r.Start.Line+first-1, r.End.Line+first-1
		r.Start.Byte, r.End.Byte = s.at.Start.Byte, s.at.End.Byte
	}
	return r
}

// member is one key of an object with its value.
type member struct {
	key    string
	at     hcl.Range
	raw    json.RawMessage
	offset int // of raw in the text
}

// members reads one object of the text, which begins at offset base.
func (s *tenantsSource) members(raw []byte, base int) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil {
		return nil, s.broken(base+int(d.InputOffset()), err)
	} else if t != json.Delim('{') {
		return nil, s.broken(base, fmt.Errorf("want an object in braces"))
	}
	var list []member
	for d.More() {
		from := int(d.InputOffset())
		t, err := d.Token()
		if err != nil {
			return nil, s.broken(base+int(d.InputOffset()), err)
		}
		m := member{key: t.(string)}
		from += max(0, bytes.IndexByte(raw[from:], '"'))
		m.at = s.place(base+from, int(d.InputOffset())-from)
		if err := d.Decode(&m.raw); err != nil {
			return nil, s.broken(base+int(d.InputOffset()), err)
		}
		m.offset = base + int(d.InputOffset()) - len(m.raw)
		if i := slices.IndexFunc(list, func(o member) bool { return o.key == m.key }); i >= 0 {
			return nil, &placed{m.at, fmt.Errorf("%q is written twice, first on line %d", m.key, list[i].at.Start.Line)}
		}
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, s.broken(base+int(d.InputOffset()), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, s.broken(base+int(d.InputOffset()), fmt.Errorf("there is text after the object"))
	}
	return list, nil
}

// placed is an error with its place.
type placed struct {
	at  hcl.Range
	err error
}

func (p *placed) Error() string { return p.err.Error() }

func (s *tenantsSource) broken(offset int, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &placed{s.place(offset, 1), fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))}
}

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
		l.errorf(from, fmt.Sprintf("read %s: %s", l.show(name), reason(err)), "", "paths are relative to the file that names them")
		return
	}
	l.tenantsText(&tenantsSource{name: name, text: src})
}

// tenantsText adds the tenants of a text, in the order of their names. Groups
// may stand anywhere in it.
func (l *loader) tenantsText(s *tenantsSource) {
	list, err := s.members(s.text, 0)
	if err != nil {
		l.notTenants(s, err)
		return
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].key < list[j].key })
	before := map[string]*model.Tenant{}
	for _, t := range l.cfg.Tenants {
		before[t.Name] = t
	}
	groups := map[string]*node{"test": l.fromTable()}
	var tenants []*entry
	for _, m := range list {
		e := l.entry(s, m)
		switch old := before[m.key]; {
		case e == nil:
		case e.filename != "" && old != nil:
			l.errorf(m.at, fmt.Sprintf("tenant %q is already written at %s", m.key, l.place(old.At)), "", "names are unique: rename one")
		case e.filename != "":
			tenants = append(tenants, e)
		case old != nil:
			l.change(old, e.node)
		default:
			groups[m.key] = e.node.over(groups["test"])
		}
	}
	for _, e := range tenants {
		g, ok := groups[e.group]
		if !ok {
			l.warnf(e.at, fmt.Sprintf("tenant %q is left out: there is no group %q", e.key, e.group), "", schema.DidYouMean(e.group, sortedKeys(groups)))
			continue
		}
		l.fileTenant(s.name, e, g)
	}
}

// notTenants reports a text that cannot be read.
func (l *loader) notTenants(s *tenantsSource, err error) {
	at := s.place(0, 1)
	if p, ok := err.(*placed); ok {
		at = p.at
	}
	what := "tenants file " + l.show(s.name)
	if s.at.Filename != "" {
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
func (l *loader) entry(s *tenantsSource, m member) *entry {
	e := &entry{key: m.key, group: "test", at: m.at, node: &node{table: l.top.Inner["tenant"], label: m.key, at: m.at, attrs: map[string]value{}, kids: map[string][]*node{}}}
	list, err := s.members(m.raw, m.offset)
	if err != nil {
		l.notTenants(s, err)
		return nil
	}
	ok := true
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
func (l *loader) entryKey(s *tenantsSource, e *entry, m member) bool {
	bad := func(format string, args ...any) bool {
		l.errorf(m.at, fmt.Sprintf("entry %q: ", e.key)+fmt.Sprintf(format, args...), "", "")
		return false
	}
	switch u, known := units[m.key]; {
	case m.key == "filename" || m.key == "group":
		var text string
		if json.Unmarshal(m.raw, &text) != nil || text == "" {
			return bad("%s is a string, not %s", m.key, m.raw)
		}
		if m.key == "filename" {
			e.filename = text
		} else {
			e.group = text
		}
		return true
	case known:
		var n int64
		if json.Unmarshal(m.raw, &n) != nil || n < 1 || n > u.max {
			return bad("%s is %s, not %s", m.key, u.want, m.raw)
		}
		if u.attr != "" {
			e.node.attrs[u.attr] = value{v: n * u.factor, name: m.at, at: m.at}
		}
		return true
	}
	return l.ours(s, e, e.node, m)
}

// ours takes in a key that this system added to the format: an attribute or a
// block of tenant, written as in its table.
func (l *loader) ours(s *tenantsSource, e *entry, n *node, m member) bool {
	if row := n.table.Rows[m.key]; row != nil && m.key != "program" || n.table.Name != "tenant" && row != nil {
		return l.oursAttr(e, n, row, m)
	}
	inner := n.table.Inner[m.key]
	if inner == nil || m.key == "cache" {
		known := append(slices.DeleteFunc(n.table.AttrNames(), func(s string) bool { return s == "program" }), n.table.BlockNames()...)
		if n.table.Name == "tenant" {
			known = append(known, "filename", "group", "max_instructions", "max_memory", "max_heap")
		}
		suggestion := schema.DidYouMean(m.key, known)
		if suggestion == "" {
			sort.Strings(known)
			suggestion = "known here: " + schema.List(known)
		}
		l.errorf(m.at, fmt.Sprintf("entry %q: there is no key %q", e.key, m.key), "", suggestion)
		return false
	}
	list, err := s.members(m.raw, m.offset)
	if err != nil {
		l.notTenants(s, err)
		return false
	}
	if !inner.Many {
		return l.oursBlock(s, e, n, inner, "", m, list)
	}
	ok := true
	for _, x := range list { // by label
		kids, err := s.members(x.raw, x.offset)
		if err != nil {
			l.notTenants(s, err)
			return false
		}
		ok = l.oursBlock(s, e, n, inner, x.key, x, kids) && ok
	}
	return ok
}

func (l *loader) oursBlock(s *tenantsSource, e *entry, n *node, t *schema.Table, label string, m member, list []member) bool {
	kid := &node{table: t, label: label, at: m.at, attrs: map[string]value{}, kids: map[string][]*node{}}
	ok := true
	for _, x := range list {
		ok = l.ours(s, e, kid, x) && ok
	}
	for _, a := range t.Attrs {
		if a.Required && !kid.has(a.Name) {
			l.errorf(m.at, fmt.Sprintf("entry %q: %s needs %q", e.key, t.Where(label), a.Name), "", "")
			ok = false
		}
	}
	n.kids[t.Name] = append(n.kids[t.Name], kid)
	return ok
}

func (l *loader) oursAttr(e *entry, n *node, row *schema.Row, m member) bool {
	t, err := ctyjson.ImpliedType(m.raw)
	var cv cty.Value
	if err == nil {
		cv, err = ctyjson.Unmarshal(m.raw, t)
	}
	if err == nil && cv.IsNull() {
		err = fmt.Errorf("%q is null", m.key)
	}
	var v any
	if err == nil {
		v, err = row.FromValue(cv)
	}
	if err != nil {
		l.errorf(m.at, fmt.Sprintf("entry %q: %v", e.key, err), "", "")
		return false
	}
	n.attrs[m.key] = value{v: v, name: m.at, at: m.at}
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
			l.errorf(n.attrs[k].at, fmt.Sprintf("entry %q: %q of a tenant that is written elsewhere", n.label, k), "", "write it where the tenant is: "+l.place(t.At))
		}
	}
	for k, v := range n.kids {
		l.errorf(v[0].at, fmt.Sprintf("entry %q: %q of a tenant that is written elsewhere", n.label, k), "", "write it where the tenant is: "+l.place(t.At))
	}
}

func (l *loader) fileTenant(file string, e *entry, g *node) {
	t := l.tenant(e.node.over(g))
	t.Name, t.FromFile, t.At = e.key, true, e.at
	program := e.filename
	for _, variable := range []string{"HOME", "PWD"} {
		if v, ok := l.env(variable); ok {
			program = strings.Replace(program, "$"+variable, v, 1)
		}
	}
	program, _ = strings.CutPrefix(program, "rust:")
	t.Program = resolve(file, program)
	t.Time = time.Duration(max(int64(t.Time), int64(time.Millisecond)))
	l.cfg.Tenants = append(l.cfg.Tenants, t)
}

func sortedKeys(m map[string]*node) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func offsetRange(name string, src []byte, offset int) hcl.Range {
	offset = min(max(0, offset), len(src))
	before := src[:offset]
	line := bytes.Count(before, []byte{'\n'})
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	p := hcl.Pos{Line: line + 1, Column: column + 1, Byte: offset}
	return hcl.Range{Filename: name, Start: p, End: p}
}

// tenantVHosts gives each tenant of a file a vhost of its name when nobody wrote
// a vhost and there is one backend to send to.
func (l *loader) tenantVHosts() {
	fromFile := slices.ContainsFunc(l.cfg.Tenants, func(t *model.Tenant) bool { return t.FromFile })
	if len(l.cfg.VHosts) > 0 || l.broken {
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
			continue
		}
		l.cfg.VHosts = append(l.cfg.VHosts, &model.VHost{
			Name: t.Name, Hosts: []string{name}, Tenant: t.Name, At: t.At,
			Routes: []*model.Route{{Name: "all", Backend: backend, Tenant: t.Name, At: t.At}},
		})
	}
}

// FromTenantsFile makes a complete configuration of a tenants file at o.Path, one
// server and the addresses to listen on (default ":8080").
func FromTenantsFile(o Options, backend string, bind ...string) (*model.Config, Diagnostics) {
	l := newLoader(o)
	at := start(o.Path)
	if len(bind) == 0 {
		bind = []string{":8080"}
	}
	root := &node{table: l.top, at: at}
	given := func(v any) value { return value{v: v, name: at, at: at} }
	for kind, attrs := range map[string]map[string]value{
		"listener": {"bind": given(bind)}, "backend": {"servers": given([]string{backend})}, "tenants": {"path": given(o.Path)},
	} {
		root.add(&node{table: l.top.Inner[kind], label: "default", at: hcl.Range{Filename: fileBeside(o.Path, kind), Start: at.Start, End: at.End}, attrs: attrs})
	}
	cfg, diags, _ := l.finish(root)
	return cfg, diags
}

// fileBeside keeps the path of a tenants file from being resolved twice.
func fileBeside(name, kind string) string {
	if kind == "tenants" {
		return ""
	}
	return name
}
