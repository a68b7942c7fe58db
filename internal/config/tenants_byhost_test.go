package config

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Tenants of a file are found by host, whatever vhosts stand beside it, as long
// as one of them takes the host and does not say whose it is.
func TestTenantsOfAFileAreFoundByHost(t *testing.T) {
	const head = "listener \"web\" { bind = [\":8080\"] }\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\ntenants \"f\" { path = \"t.json\" }\n"
	tests := []struct {
		name, text string
		want       map[string]string // route by vhost → tenant
		warnings   int
	}{
		{"vhost for any host", "vhost \"any\" {\n  backend = \"app\"\n}\n",
			map[string]string{"any/all": "", "a.test/all": "a.test", "B.sub.test/all": "B.sub.test"}, 0},
		{"off", "vhost \"any\" {\n  tenant = \"off\"\n  backend = \"app\"\n}\n", map[string]string{"any/all": ""}, 0},
		{"a route that is off", "vhost \"any\" {\n  route \"static\" {\n    path = \"/s/*\"\n    tenant = \"off\"\n    backend = \"app\"\n  }\n  backend = \"app\"\n}\n",
			map[string]string{"any/static": "", "any/all": "", "a.test/static": "", "a.test/all": "a.test", "B.sub.test/static": "", "B.sub.test/all": "B.sub.test"}, 0},
		{"wildcard before any", "vhost \"w\" {\n  hosts = [\"*.sub.test\"]\n  route \"one\" { backend = \"app\" }\n}\nvhost \"any\" {\n  backend = \"app\"\n}\n",
			map[string]string{"w/one": "", "any/all": "", "a.test/all": "a.test", "B.sub.test/one": "B.sub.test"}, 0},
		{"its own vhost", "vhost \"own\" {\n  hosts = [\"a.test\"]\n  backend = \"app\"\n}\nvhost \"any\" {\n  backend = \"app\"\n}\n",
			map[string]string{"own/all": "a.test", "any/all": "", "B.sub.test/all": "B.sub.test"}, 0},
		{"a name that is taken", "vhost \"a.test\" {\n  hosts = [\"other.test\"]\n  backend = \"app\"\n}\nvhost \"any\" {\n  backend = \"app\"\n}\n",
			map[string]string{"a.test/all": "", "any/all": "", "a.test of any/all": "a.test", "B.sub.test/all": "B.sub.test"}, 0},
		{"nobody takes the host", "vhost \"own\" {\n  hosts = [\"a.test\"]\n  backend = \"app\"\n}\n", map[string]string{"own/all": "a.test"}, 1},
		{"a warning is said once", "vhost \"any\" {\n  route \"x\" { backend = \"app\" }\n  route \"y\" {\n    path = \"/y\"\n    backend = \"app\"\n  }\n}\n",
			map[string]string{"any/x": "", "any/y": "", "a.test/x": "a.test", "a.test/y": "a.test", "B.sub.test/x": "B.sub.test", "B.sub.test/y": "B.sub.test"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions("/etc/c.hcl")
			o.FS = fstest.MapFS{
				"etc/c.hcl": {Data: []byte(head + tt.text)}, "etc/a.elf": {Data: []byte("x")},
				"etc/t.json": {Data: []byte(`{"a.test": {"filename": "a.elf"}, "B.sub.test": {"filename": "a.elf"}}`)},
			}
			cfg, diags := Load(o)
			if cfg == nil || len(diags) != tt.warnings {
				t.Fatalf("diagnostics: %v", diags)
			}
			got := map[string]string{}
			for _, v := range cfg.VHosts {
				for _, r := range v.Routes {
					got[v.Name+"/"+r.Name] = r.Tenant
				}
			}
			for k, v := range tt.want {
				if w, ok := got[k]; !ok || w != v {
					t.Errorf("%s has tenant %q, want %q", k, w, v)
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("routes: %v", got)
			}
		})
	}
}

// The tenant that is named by the host as it stands has it; who differs in case
// or by a dot cannot take it, and is told so.
func TestTenantsWithOneHost(t *testing.T) {
	for name, vhosts := range map[string]string{
		"alone":    "",
		"any host": "vhost \"any\" {\n  backend = \"app\"\n}\n",
		"its own":  "vhost \"own\" {\n  hosts = [\"a.test\"]\n  backend = \"app\"\n}\n",
	} {
		o := testOptions("/etc/c.hcl")
		o.FS = fstest.MapFS{
			"etc/c.hcl":  {Data: []byte("listener \"web\" { bind = [\":8080\"] }\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\ntenants \"f\" { path = \"t.json\" }\n" + vhosts)},
			"etc/a.elf":  {Data: []byte("x")},
			"etc/t.json": {Data: []byte(`{"A.test": {"filename": "a.elf"}, "a.test": {"filename": "a.elf"}, "a.test.": {"filename": "a.elf"}}`)},
		}
		cfg, diags := Load(o)
		if cfg == nil || len(diags) != 2 || diags[0].Summary != `tenant "A.test" gets no requests by host: "a.test" at /etc/t.json:1 has the same` {
			t.Fatalf("%s: diagnostics: %v", name, diags)
		}
		for _, v := range cfg.VHosts {
			for _, h := range v.Hosts {
				if h == "a.test" && v.Tenant != "a.test" && v.Routes[0].Tenant != "a.test" {
					t.Errorf("%s: %q is tenant %q's", name, h, v.Tenant)
				}
			}
		}
	}
}

// A tenant that nothing can reach is told; one that a vhost names needs no host.
func TestTenantsWithoutHost(t *testing.T) {
	for vhost, want := range map[string]string{
		"vhost \"a\" {\n  hosts = [\"a.test\"]\n  backend = \"app\"\n}\n": `tenant "no host" gets no requests: its name is no host name, and no vhost names it|tenant "prog" gets no requests: no vhost takes the host "prog"`,
		"vhost \"a\" {\n  hosts = [\"a.test\"]\n  tenant = \"prog\"\n  backend = \"app\"\n}\nvhost \"b\" {\n  hosts = [\"b.test\"]\n  route \"x\" {\n    tenant = \"no host\"\n    backend = \"app\"\n  }\n}\n": "",
	} {
		o := testOptions("/etc/c.hcl")
		o.FS = fstest.MapFS{
			"etc/c.hcl":  {Data: []byte("listener \"web\" { bind = [\":8080\"] }\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\ntenants \"f\" { path = \"t.json\" }\n" + vhost)},
			"etc/a.elf":  {Data: []byte("x")},
			"etc/t.json": {Data: []byte(`{"no host": {"filename": "a.elf"}, "prog": {"filename": "a.elf"}}`)},
		}
		cfg, diags := Load(o)
		var got []string
		for _, d := range diags {
			got = append(got, d.Summary)
		}
		slices.Sort(got)
		if cfg == nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %q", vhost, got)
		}
	}
}
