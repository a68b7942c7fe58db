package config

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"fishplate/internal/model"
)

func tenantsOptions(text string) Options {
	o := testOptions("/etc/tenants.json")
	o.FS = fstest.MapFS{
		"etc/tenants.json": {Data: []byte(text)}, "etc/a.elf": {Data: []byte("x")}, "home/fp/b.elf": {Data: []byte("x")},
	}
	return o
}

// loadTenants loads a configuration around a tenants file.
func loadTenants(text string) (*model.Config, Diagnostics) {
	o := tenantsOptions(text)
	o.Path = "/etc/main.hcl"
	o.FS.(fstest.MapFS)["etc/main.hcl"] = &fstest.MapFile{Data: []byte(`
listener "web" { bind = ":8080" }
tenants "file" { path = "tenants.json" }
backend "default" { servers = ["127.0.0.1:9000"] }
vhost "tenants" { backend = "default" }
`)}
	return Load(o)
}

func TestTenantsFileAlone(t *testing.T) {
	cfg, diags := loadTenants(`{
  "a.test": {"filename": "a.elf"},
  "big": {"max_memory": 256, "max_instructions": 7000, "arguments": ["one"]},
  "c.test": {"filename": "$HOME/b.elf", "group": "big", "max_instructions": 9000}
}`)
	if cfg == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	if len(cfg.Tenants) != 2 || len(cfg.VHosts) != 3 || cfg.Listeners[0].Bind[0] != ":8080" {
		t.Fatalf("config = %+v", cfg)
	}
	a, c := cfg.Tenants[0], cfg.Tenants[1]
	if a.Program != "/etc/a.elf" || a.Memory != 32<<20 || a.Instructions != 20_000_000 || a.Time != time.Second || !a.FromFile {
		t.Errorf("a = %+v", a)
	}
	if c.Program != "/home/fp/b.elf" || c.Memory != 256<<20 || c.Instructions != 9000 || c.Arguments[0] != "one" {
		t.Errorf("c = %+v", c)
	}
	if v := cfg.VHosts[2]; v.Hosts[0] != "c.test" || v.Routes[0].Tenant != "c.test" || v.Routes[0].Backend != "default" {
		t.Errorf("vhost = %+v", v)
	}
}

func TestTenantsFileTrouble(t *testing.T) {
	tests := []struct{ name, text, summary, suggestion string }{
		{"group misspelt", `{"a.test": {"filename": "a.elf", "group": "tset"}}`,
			`tenant "a.test" is left out: there is no group "tset"`, `did you mean "test"?`},
		{"unknown key", `{"a.test": {"filename": "a.elf", "max_memroy": 3}}`, `entry "a.test": there is no key "max_memroy"`, `did you mean "max_memory"?`},
		{"unknown key in a block", `{"a.test": {"filename": "a.elf", "storage": {"memry": "1MiB"}}}`, `entry "a.test": there is no key "memry"`, `did you mean "memory"?`},
		{"block without its attribute", `{"a.test": {"filename": "a.elf", "storage": {}}}`, `entry "a.test": block "storage" needs "memory"`, ""},
		{"our key of another kind", `{"a.test": {"filename": "a.elf", "time": 3}}`, `entry "a.test": a duration is a number and a unit (ns, us, ms, s, m, h, d), such as "250ms" or "1d", not "3"`, ""},
		{"key twice", `{"a.test": {"filename": "a.elf"}, "a.test": {}}`, `tenants file /etc/tenants.json: "a.test" is written twice, first on line 1`, ""},
		{"program missing", `{"a.test": {"filename": "nope.elf"}}`, `tenant "a.test": read /etc/nope.elf: file does not exist`, ""},
		{"no object", `[1]`, `tenants file /etc/tenants.json: want an object in braces`, ""},
		{"cut", `{"a": `, `tenants file /etc/tenants.json: unexpected EOF`, ""},
		{"too big", `{"a.test": {"filename": "a.elf", "max_memory": 100000}}`, `entry "a.test": max_memory is MiB, from 1 to 4096, not 100000`, ""},
		{"no number", `{"a.test": {"filename": "a.elf", "max_instructions": "many"}}`, `entry "a.test": max_instructions is instructions per call, from 1 to 1000000000000, not "many"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := loadTenants(tt.text)
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

// TestTenantsFileGroupsAnywhere: a group may stand behind its users, and our own
// keys beside the format's.
func TestTenantsFileGroupsAnywhere(t *testing.T) {
	cfg, diags := loadTenants(`{
  "a.test": {"filename": "a.elf", "group": "later", "concurrency": 3},
  "later": {"max_memory": 7, "time": "250ms", "share": 20, "storage": {"memory": "1MiB"}, "debug": {"record": "1%"},
            "token": {"ci": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}
}`)
	if cfg == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	a := cfg.Tenants[0]
	if a.Memory != 7<<20 || a.Time != 250*time.Millisecond || a.Share != 20 || a.Storage != 1<<20 || a.Concurrency != 3 || a.Debug.Record != 0.01 || len(a.Tokens) != 1 || a.Tokens[0].Name != "ci" {
		t.Errorf("a = %+v", a)
	}
}

// TestFetchesOfTenants: what is not written is the table's default, and 0 is
// none.
func TestFetchesOfTenants(t *testing.T) {
	cfg, diags := loadTenants(`{
  "a.test": {"filename": "a.elf"},
  "b.test": {"filename": "a.elf", "fetches": 0},
  "c.test": {"filename": "a.elf", "fetches": 3}
}`)
	if cfg == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	for i, want := range []int{8, 0, 3} {
		if got := cfg.Tenants[i].Fetches; got != want {
			t.Errorf("%s may make %d fetches, want %d", cfg.Tenants[i].Name, got, want)
		}
	}
}

// TestTenantsInline: the same object in the configuration; its errors name the
// line there.
func TestTenantsInline(t *testing.T) {
	load := func(body string) (*model.Config, Diagnostics) {
		o := tenantsOptions(`{}`)
		o.Path = "/etc/main.hcl"
		o.FS.(fstest.MapFS)["etc/main.hcl"] = &fstest.MapFile{Data: []byte(`listener "web" { bind = ":8080" }
backend "app" { servers = ["127.0.0.1:9000"] }
tenants "inline" {
  json = <<EOT
` + body + `
EOT
}
`)}
		return Load(o)
	}
	cfg, diags := load(`{
  "a.test": {"filename": "a.elf"}
}`)
	if cfg == nil || len(cfg.Tenants) != 1 || cfg.Tenants[0].Program != "/etc/a.elf" || len(cfg.VHosts) != 1 {
		t.Fatalf("diagnostics: %v", diags)
	}
	_, diags = load(`{
  "a.test": {"filenam": "a.elf"}
}`)
	if len(diags) == 0 || diags[0].Line != 6 || diags[0].Suggestion != `did you mean "filename"?` {
		t.Errorf("diagnostics: %+v", []Diagnostic(diags))
	}
}
