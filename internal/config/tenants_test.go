package config

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

func tenantsOptions(text string) Options {
	o := testOptions("/etc/tenants.json")
	o.FS = fstest.MapFS{
		"etc/tenants.json": {Data: []byte(text)}, "etc/a.elf": {Data: []byte("x")}, "home/fp/b.elf": {Data: []byte("x")},
	}
	return o
}

func TestTenantsFileAlone(t *testing.T) {
	cfg, diags := FromTenantsFile(tenantsOptions(`{
  "a.test": {"filename": "a.elf"},
  "big": {"max_memory": 256, "max_instructions": 7000, "arguments": ["one"]},
  "c.test": {"filename": "$HOME/b.elf", "group": "big", "max_instructions": 9000}
}`), "127.0.0.1:9000", ":8080")
	if cfg == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	if len(cfg.Tenants) != 2 || len(cfg.VHosts) != 2 || cfg.Listeners[0].Bind[0] != ":8080" {
		t.Fatalf("config = %+v", cfg)
	}
	a, c := cfg.Tenants[0], cfg.Tenants[1]
	if a.Program != "/etc/a.elf" || a.Memory != 32<<20 || a.Instructions != 20_000_000 || a.Time != time.Second || !a.FromFile {
		t.Errorf("a = %+v", a)
	}
	if c.Program != "/home/fp/b.elf" || c.Memory != 256<<20 || c.Instructions != 9000 || c.Arguments[0] != "one" {
		t.Errorf("c = %+v", c)
	}
	if v := cfg.VHosts[1]; v.Hosts[0] != "c.test" || v.Routes[0].Tenant != "c.test" || v.Routes[0].Backend != "default" {
		t.Errorf("vhost = %+v", v)
	}
}

func TestTenantsFileTrouble(t *testing.T) {
	tests := []struct{ name, text, summary, suggestion string }{
		{"group later", `{"a.test": {"filename": "a.elf", "group": "later"}, "later": {}}`,
			`tenant "a.test" is left out: there is no group "later" when it is read`, `entries are taken in the order of their keys: give the group a name that sorts before "a.test"`},
		{"group misspelt", `{"a.test": {"filename": "a.elf", "group": "tset"}}`,
			`tenant "a.test" is left out: there is no group "tset" when it is read`, `did you mean "test"?`},
		{"unknown key", `{"a.test": {"filename": "a.elf", "memory": 3}}`, `entry "a.test": unknown field "memory"`, `known here: "filename", "group", "max_instructions", "max_memory", "max_heap" or "arguments"`},
		{"program missing", `{"a.test": {"filename": "nope.elf"}}`, `tenant "a.test": read /etc/nope.elf: file does not exist`, ""},
		{"no object", `[1]`, `tenants file /etc/tenants.json: cannot unmarshal array into Go value of type map[string]json.RawMessage`, ""},
		{"cut", `{"a": `, `tenants file /etc/tenants.json: unexpected EOF`, ""},
		{"too big", `{"a.test": {"filename": "a.elf", "max_memory": 100000}}`, `tenant "a.test": max_memory is from 1 to 4096 (MiB) and max_instructions from 1 to 1000000000000`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := FromTenantsFile(tenantsOptions(tt.text), "127.0.0.1:9000")
			if !slices.ContainsFunc(diags, func(d Diagnostic) bool { return d.Summary == tt.summary && d.Suggestion == tt.suggestion }) {
				t.Errorf("diagnostics: %+v", []Diagnostic(diags))
			}
		})
	}
}

// TestVHostOfTenant: a vhost whose host is a tenant's name is that tenant's.
func TestVHostOfTenant(t *testing.T) {
	o := tenantsOptions(`{"a.test": {"filename": "a.elf"}}`)
	o.Path = "/etc/main.hcl"
	o.FS.(fstest.MapFS)["etc/main.hcl"] = &fstest.MapFile{Data: []byte(`
listener "web" { bind = ":8080" }
tenants "file" { path = "tenants.json" }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "v" {
  hosts   = ["A.test"]
  backend = "app"
}
`)}
	cfg, diags := Load(o)
	if cfg == nil || cfg.VHosts[0].Routes[0].Tenant != "a.test" {
		t.Fatalf("diagnostics: %v", diags)
	}
}
