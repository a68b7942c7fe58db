package config

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/model"
)

// told is everything that a load says: its diagnostics as they are printed, its
// text, what routes cache, and where nouns stand.
func told(t *testing.T, o Options) (*model.Config, string) {
	t.Helper()
	o.Flat = true
	cfg, diags, sources := LoadSources(o)
	var b bytes.Buffer
	if err := diags.Format(&b, sources, false); err != nil {
		t.Fatal(err)
	}
	if cfg == nil {
		return nil, b.String()
	}
	b.Write(cfg.Flat)
	for _, v := range cfg.VHosts {
		at := cfg.Places.Range(v.At)
		fmt.Fprintf(&b, "%s %s:%d:%d@%d\n", v.Name, at.Filename, at.Start.Line, at.Start.Column, at.Start.Byte)
		for _, r := range v.Routes {
			at := cfg.Places.Range(r.When.At)
			fmt.Fprintf(&b, "  %s %s:%d:%d@%d %t %s\n", r.Name, at.Filename, at.Start.Line, at.Start.Column, at.End.Byte, r.Effective != nil, r.Partition)
			if p := r.Effective; p != nil {
				fmt.Fprintf(&b, "    %v %s %v\n", p.TTL, p.Store, p.Tags)
			}
		}
	}
	return cfg, b.String()
}

// same compares loads with and without a memory.
func same(t *testing.T, o Options, m *Memory) (with *model.Config) {
	t.Helper()
	fresh, want := told(t, o)
	o.Memory = m
	with, got := told(t, o)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("a load with a memory says something else (-without +with):\n%s", d)
	}
	if (fresh == nil) != (with == nil) || len(Diff(fresh, with)) > 0 {
		t.Fatalf("%+v", Diff(fresh, with))
	}
	return with
}

// TestMemoryOfFiles loads every file of testdata with one memory, twice, and moved
// down by some lines.
func TestMemoryOfFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.hcl")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	m := &Memory{}
	for _, f := range append(files, "testdata/full/full.hcl", "testdata/small.hcl") {
		o := testOptions(filepath.Base(f))
		o.FS = os.DirFS(filepath.Dir(f))
		for range 2 {
			same(t, o, m)
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		o.FS = with{o.FS, o.Path, append([]byte("# moved\n\n"), text...)}
		same(t, o, m)
	}
	same(t, testOptions("folder"), m)
}

// TestMemoryShares wants the nouns of what did not change to be the same ones,
// also when they moved.
func TestMemoryShares(t *testing.T) {
	site := func(ttl string) Options {
		text := "backend \"app\" { servers = [\"127.0.0.1:9000\"] }\n"
		for i := range 9 {
			text += fmt.Sprintf("vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n  route \"all\" {\n    backend = \"app\"\n    when    = cookie(\"a\") == \"b\"\n", i, i)
			if i == 4 && ttl != "" {
				text += "    cache {\n      ttl = \"" + ttl + "\"\n    }\n"
			}
			text += "  }\n}\n"
		}
		return Options{FS: fstest.MapFS{"site.hcl": {Data: []byte(text)}}, Path: "site.hcl"}
	}
	m := &Memory{}
	a, b := same(t, site(""), m), same(t, site("1h"), m)
	same(t, testOptions("small.hcl"), m) // another file, looked at meanwhile
	c := same(t, site("2h"), m)
	for i := range 9 {
		if shared := a.VHosts[i] == b.VHosts[i] && b.VHosts[i] == c.VHosts[i]; shared != (i != 4) {
			t.Errorf("v%d is shared: %t", i, shared)
		}
	}
}

// draft is a configuration that is changed at random.
type draft struct {
	local   int
	caching int // 0: nothing, 1: the tenant, 2: the vhosts, 3: the routes
	blocks  []int
	note    int
}

func (d *draft) step(r *rand.Rand) {
	switch r.IntN(7) {
	case 0:
		d.local = r.IntN(3)
	case 1:
		d.caching = r.IntN(4)
	case 2, 3:
		d.blocks = append(d.blocks, r.IntN(40))
	case 4:
		if len(d.blocks) > 0 {
			d.blocks[r.IntN(len(d.blocks))] = r.IntN(40)
		}
	case 5:
		if len(d.blocks) > 0 {
			d.blocks = d.blocks[1:]
		}
	case 6:
		d.note = r.IntN(4)
	}
}

func (d *draft) text() string {
	var b strings.Builder
	cache := func(level int, indent string) {
		if d.caching == level {
			fmt.Fprintf(&b, "%scache {\n%s  ttl = local.ttl\n%s}\n", indent, indent, indent)
		}
	}
	fmt.Fprintf(&b, "%slocals {\n  ttl = \"%dm\"\n}\nlistener \"web\" { bind = [\":80\"] }\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\n", strings.Repeat("# note\n", d.note), d.local+1)
	b.WriteString("tenant \"shop\" {\n  program = \"shop.elf\"\n")
	cache(1, "  ")
	b.WriteString("}\n")
	for i, kind := range d.blocks {
		name := i
		if kind%13 == 0 {
			name = 0 // two of one name, at times
		}
		fmt.Fprintf(&b, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n", name, name)
		cache(2, "  ")
		if kind%3 == 0 {
			b.WriteString("  tenant = \"shop\"\n")
		}
		if kind%5 == 0 {
			b.WriteString("  route \"any\" {\n    backend = \"app\"\n  }\n") // covers the next
		}
		fmt.Fprintf(&b, "  route \"all\" {\n    backend = \"app\"\n    when = header(\"X\") == %q\n", []string{"a", "${local.ttl}", "}\n{"}[kind%3])
		cache(3, "    ")
		if kind%7 == 0 {
			b.WriteString("    respond {\n      status = 200\n      body = <<EOT\n}\n# no comment\n}\nEOT\n    }\n    backned = 1\n")
		}
		b.WriteString("  }\n}\n")
	}
	return b.String()
}

// TestMemoryOfHistories loads random sequences of configurations, right ones and
// wrong ones, with and without a memory.
func TestMemoryOfHistories(t *testing.T) {
	good := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		m, d := &Memory{}, &draft{}
		for range 25 {
			d.step(r)
			o := Options{FS: fstest.MapFS{"etc/site.hcl": {Data: []byte(d.text())}, "etc/shop.elf": {Data: []byte("x")}}, Path: "/etc/site.hcl"}
			if same(t, o, m) != nil {
				good++
			}
		}
	}
	if good < 100 || good > 900 {
		t.Errorf("%d of 1000 configurations are right: the test looks at too few of one kind", good)
	}
}

// TestMemoryOutside loads files whose text stays, while what they refer to changes.
func TestMemoryOutside(t *testing.T) {
	const web = "listener \"web\" { bind = [\":80\"] }\n"
	const site = "vhost \"any\" {\n  backend = \"app\"\n  cache {\n    ttl = \"1m\"\n  }\n}\n"
	type files = map[string]string
	for _, c := range []struct {
		name  string
		stays files
		steps []files
	}{
		{
			"a list of the locals", files{"site.hcl": web + "backend \"app\" {\n  servers = local.list\n}\n" + site},
			[]files{{"a.hcl": "locals { list = [\"127.0.0.1:1\"] }\n"}, {"a.hcl": "locals { list = [\"127.0.0.1:2\"] }\n"}},
		},
		{
			"a file that two blocks read", files{"site.hcl": web + "backend \"app\" {\n  servers = [file(\"s\")]\n}\nbackend \"b\" {\n  servers = [file(\"s\")]\n}\n" + site},
			[]files{{"s": "127.0.0.1:1"}, {"s": "127.0.0.1:2"}},
		},
		{
			// The second time the vhost is one that an earlier load made, and the
			// tenant's copy of it must not share the cache of all.
			"a tenants file",
			files{"site.hcl": web + "backend \"app\" { servers = [\"127.0.0.1:1\"] }\n" + site + "tenants \"t\" {\n  path = \"t.json\"\n}\n", "x.elf": "x"},
			[]files{{"t.json": `{"a.example": {"filename": "x.elf"}}`}, {"t.json": `{"b.example": {"filename": "x.elf"}}`}},
		},
		{
			"a local of a file that was broken", files{"site.hcl": web + "backend \"app\" {\n  servers = [local.s]\n}\n" + site},
			[]files{{"a.hcl": "locals { s = \"127.0.0.1:1\" }\n"}, {"a.hcl": "locals {{\n"}, {"a.hcl": "# none\n"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Memory{}
			for _, step := range c.steps {
				disk := fstest.MapFS{}
				for _, some := range []files{c.stays, step} {
					for name, text := range some {
						disk["etc/"+name] = &fstest.MapFile{Data: []byte(text)}
					}
				}
				same(t, Options{FS: disk, Path: "/etc"}, m)
				if cfg, _ := Load(Options{FS: disk, Path: "/etc", Memory: m}); cfg == nil {
					continue
				}
				if fresh, diags := Load(Options{FS: disk, Path: "/etc"}); fresh == nil {
					t.Errorf("accepted with a memory: %v", diags)
				}
			}
		})
	}
}

// Site is a configuration of n vhosts with five routes each.
func site(n int) []byte {
	var b bytes.Buffer
	b.WriteString("listener \"web\" {\n  bind = [\"127.0.0.1:18080\"]\n}\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\nbackend \"static\" { servers = [\"127.0.0.1:9001\"] }\n")
	for i := range n {
		fmt.Fprintf(&b, `vhost "v%[1]d" {
  hosts = ["v%[1]d.example"]
  route "assets" {
    path    = "/assets/*"
    backend = "static"
  }
  route "beta" {
    path    = "/beta/*"
    when    = cookie("beta") == "%[1]d"
    backend = "static"
  }
  route "api" {
    path    = "/api/*"
    methods = ["GET", "POST"]
    backend = "app"
  }
  route "old" {
    path = "/old/*"
    redirect {
      status = 308
      to     = "/new/${path_tail}"
    }
  }
  route "all" {
    backend = "app"
    request {
      set = { X-Site = "v%[1]d" }
    }
  }
}
`, i)
	}
	return b.Bytes()
}

// BenchmarkReload loads and compares 10,000 vhosts of which one route changed.
func BenchmarkReload(b *testing.B) {
	m, text := &Memory{}, site(10000)
	options := func(i int) Options {
		changed := bytes.Replace(text, []byte(`cookie("beta") == "5000"`), fmt.Appendf(nil, `cookie("beta") == "%d"`, -i), 1)
		return Options{FS: fstest.MapFS{"site.hcl": {Data: changed}}, Path: "site.hcl", Memory: m, Flat: true}
	}
	old, diags := Load(options(0))
	if len(diags) > 0 {
		b.Fatal(diags)
	}
	i := 0
	for b.Loop() {
		i++
		cfg, _ := Load(options(i))
		if changes := Diff(old, cfg); len(changes) != 1 {
			b.Fatalf("%d changes", len(changes))
		}
		old = cfg
	}
}
