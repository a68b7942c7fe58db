package config

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEffectivePolicy wants the nearest block whole, and the partition of whoever
// the objects belong to.
func TestEffectivePolicy(t *testing.T) {
	o := testOptions("x.hcl")
	o.FS = fstest.MapFS{"t.elf": {}, "x.hcl": {Data: []byte(`
listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "small" { memory = "4MiB" }
tenant "t" {
  program = "t.elf"
  cache {
    ttl   = "1s"
    quota = "1MiB"
  }
}
vhost "mixed" {
  cache {
    grace = "2s"
    quota = "2MiB"
  }
  route "own" {
    path    = "/own"
    backend = "app"
    cache {
      ttl   = "3s"
      store = "small"
    }
  }
  route "off" {
    path    = "/off"
    backend = "app"
    cache { enabled = false }
  }
  route "answers" {
    path = "/answers"
    respond { status = 204 }
  }
  route "tenants" {
    path    = "/t"
    tenant  = "t"
    backend = "app"
  }
  backend = "app"
}
vhost "tenant" {
  hosts   = ["t.example"]
  tenant  = "t"
  backend = "app"
}
vhost "plain" {
  hosts   = ["plain.example"]
  backend = "app"
}
`)}}
	cfg, diags := Load(o)
	if cfg == nil {
		t.Fatal(diags)
	}
	got := map[string]string{}
	for _, v := range cfg.VHosts {
		for _, r := range v.Routes {
			text := "none"
			if p := r.Effective; p != nil {
				text = r.Partition + " in " + p.Store
				for _, d := range []*time.Duration{p.TTL, p.Grace} {
					if d != nil {
						text += " " + d.String()
					}
				}
			}
			got[v.Name+"/"+r.Name] = text
		}
	}
	want := map[string]string{
		"mixed/own": "vhost/mixed in small 3s", "mixed/off": "none", "mixed/answers": "none",
		"mixed/tenants": "tenant/t in main 2s", "mixed/all": "vhost/mixed in main 2s",
		"tenant/all": "tenant/t in main 1s", "plain/all": "none",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(cfg.Partitions) != 2 || cfg.Partitions[0].Name != "tenant/t" || cfg.Partitions[0].Quota != 1<<20 || cfg.Partitions[1].Quota != 2<<20 {
		t.Errorf("partitions: %+v", cfg.Partitions)
	}
	if len(cfg.Caches) != 2 || cfg.Caches[0].MaxObject != 2<<20 || cfg.Caches[1].Name != "main" || cfg.Caches[1].Memory != 64<<20 || cfg.Caches[1].MaxObject != 16<<20 {
		t.Errorf("stores: %+v %+v", cfg.Caches[0], cfg.Caches[1])
	}
}

// TestZeroIsWritten tells a zero that was written from an absent attribute.
func TestZeroIsWritten(t *testing.T) {
	o := testOptions("x.hcl")
	o.FS = fstest.MapFS{"x.hcl": {Data: []byte(`
listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" {
  cache {
    ttl            = "0s"
    stale_if_error = 0
  }
  backend = "app"
}
`)}}
	cfg, diags := Load(o)
	if cfg == nil {
		t.Fatal(diags)
	}
	p := cfg.VHosts[0].Cache
	if p.TTL == nil || *p.TTL != 0 || p.StaleIfError == nil || p.Grace != nil || p.Keep != time.Hour || !p.Status || !p.Key.Host || p.Encode != nil {
		t.Errorf("policy: %+v", p)
	}
}
