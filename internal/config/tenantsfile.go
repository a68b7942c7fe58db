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

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// entry is one member of a tenants file: a tenant when it has a filename, a
// change of a known tenant when its key is one's name, else a group.
type entry struct {
	Filename        *string   `json:"filename"`
	Group           *string   `json:"group"`
	MaxInstructions *uint64   `json:"max_instructions"`
	MaxMemory       *uint32   `json:"max_memory"` // MiB
	MaxHeap         *uint32   `json:"max_heap"`   // MiB; read and not used: memory bounds both
	Arguments       *[]string `json:"arguments"`
}

// group is what a tenant inherits.
type group struct {
	instructions uint64
	memory       int64
	arguments    []string
}

func (e entry) over(g group) group {
	if e.MaxInstructions != nil {
		g.instructions = *e.MaxInstructions
	}
	if e.MaxMemory != nil {
		g.memory = int64(*e.MaxMemory) << 20
	}
	if e.Arguments != nil {
		g.arguments = slices.Clone(*e.Arguments)
	}
	return g
}

// tenantsFile adds the tenants of a file. Entries are taken in the order of their
// keys, as the format says, so a group must sort before its users.
func (l *loader) tenantsFile(name string, from hcl.Range) {
	src, err := l.read(name)
	if err != nil {
		l.errorf(from, fmt.Sprintf("read %s: %s", l.show(name), reason(err)), "", "paths are relative to the file that names them")
		return
	}
	raw, ok := l.members(name, src)
	if !ok {
		return
	}
	keys := make([]string, 0, len(raw))
	for k := range raw {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	groups := map[string]group{"test": {instructions: 20_000_000, memory: 32 << 20}}
	for _, k := range keys {
		at := keyRange(name, src, k)
		var e entry
		d := json.NewDecoder(bytes.NewReader(raw[k]))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			l.errorf(at, fmt.Sprintf("entry %q: %s", k, strings.TrimPrefix(err.Error(), "json: ")), "",
				"known here: "+schema.List([]string{"filename", "group", "max_instructions", "max_memory", "max_heap", "arguments"}))
			continue
		}
		l.entry(name, k, e, groups, raw, at)
	}
}

func (l *loader) entry(file, key string, e entry, groups map[string]group, raw map[string]json.RawMessage, at hcl.Range) {
	known := slices.IndexFunc(l.cfg.Tenants, func(t *model.Tenant) bool { return t.Name == key })
	switch {
	case e.Filename == nil && known >= 0:
		t := l.cfg.Tenants[known]
		g := e.over(group{t.Instructions, t.Memory, t.Arguments})
		t.Instructions, t.Memory, t.Arguments = g.instructions, g.memory, g.arguments
	case e.Filename == nil:
		base, ok := groups[key]
		if !ok {
			base = groups["test"]
		}
		groups[key] = e.over(base)
	case known >= 0:
		l.errorf(at, fmt.Sprintf("tenant %q is already written at %s", key, l.place(l.cfg.Tenants[known].At)), "", "names are unique: rename one")
	default:
		name := "test"
		if e.Group != nil {
			name = *e.Group
		}
		g, ok := groups[name]
		if !ok {
			suggestion := schema.DidYouMean(name, sortedKeys(groups))
			if _, later := raw[name]; later {
				suggestion = fmt.Sprintf("entries are taken in the order of their keys: give the group a name that sorts before %q", key)
			}
			l.warnf(at, fmt.Sprintf("tenant %q is left out: there is no group %q when it is read", key, name), "", suggestion)
			return
		}
		l.fileTenant(file, key, *e.Filename, e.over(g), at)
	}
}

func (l *loader) fileTenant(file, name, program string, g group, at hcl.Range) {
	defaults := &node{table: l.top.Inner["tenant"], at: at}
	t := l.tenant(defaults)
	t.Name, t.FromFile, t.Memory, t.Instructions, t.Arguments = name, true, g.memory, g.instructions, g.arguments
	for _, variable := range []string{"HOME", "PWD"} {
		if v, ok := l.env(variable); ok {
			program = strings.Replace(program, "$"+variable, v, 1)
		}
	}
	if dir, ok := strings.CutPrefix(program, "rust:"); ok {
		t.Program = resolve(file, dir)
	} else {
		t.Program = resolve(file, program)
	}
	if t.Memory < 64<<10 || t.Instructions == 0 || t.Instructions > 1e12 || t.Memory > 4<<30 {
		l.errorf(at, fmt.Sprintf("tenant %q: max_memory is from 1 to 4096 (MiB) and max_instructions from 1 to 1000000000000", name), "", "")
	}
	t.Time = time.Duration(max(int64(t.Time), int64(time.Millisecond)))
	l.cfg.Tenants = append(l.cfg.Tenants, t)
}

func sortedKeys(m map[string]group) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// members reads the file's one object.
func (l *loader) members(name string, src []byte) (map[string]json.RawMessage, bool) {
	var raw map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(src))
	err := d.Decode(&raw)
	if err == nil && raw == nil {
		err = fmt.Errorf("a tenants file is one JSON object")
	}
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = fmt.Errorf("there is text after the object")
		}
	}
	if err != nil {
		l.errorf(offsetRange(name, src, int(d.InputOffset())), fmt.Sprintf("tenants file %s: %s", l.show(name), strings.TrimPrefix(err.Error(), "json: ")), "", "")
		return nil, false
	}
	return raw, true
}

// keyRange finds a top-level key in the text; it is for people, so the first
// place where it stands as a key is good enough.
func keyRange(name string, src []byte, key string) hcl.Range {
	quoted, _ := json.Marshal(key)
	for from := 0; ; {
		i := bytes.Index(src[from:], quoted)
		if i < 0 {
			return start(name)
		}
		end := from + i + len(quoted)
		if rest := bytes.TrimLeft(src[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			r := offsetRange(name, src, from+i)
			r.End.Column, r.End.Byte = r.Start.Column+len(quoted), end
			return r
		}
		from = end
	}
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
