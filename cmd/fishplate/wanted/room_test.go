package wanted

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/cmd/fishplate/machine"
	"fishplate/cmd/fishplate/reading"
	"fishplate/internal/control"
	"fishplate/internal/model"
)

// TestRoom refuses what is certain not to fit and warns of ceilings.
func TestRoom(t *testing.T) {
	listener := func(connections, shards int) *model.Listener {
		return &model.Listener{Name: "web", Bind: []string{":80"}, Accept: model.Accept{Shards: shards}, Limits: model.ListenerLimits{Connections: connections}}
	}
	with := func(change func(*model.Config)) *model.Config {
		c := &model.Config{Listeners: []*model.Listener{listener(UsualConnections, 1)}}
		change(c)
		return c
	}
	for _, tt := range []struct {
		name, err, warning string
		next               *model.Config
	}{
		{name: "fits", next: with(func(c *model.Config) { c.Caches = []*model.Cache{{Memory: 1 << 30}} })},
		{name: "ceiling", next: with(func(c *model.Config) { c.Listeners[0] = listener(900, 1) }), warning: "limits.connections admits 900 clients"},
		{name: "within", next: with(func(c *model.Config) { c.Listeners[0] = listener(400, 1) })},
		{name: "shards", next: with(func(c *model.Config) { c.Listeners[0] = listener(UsualConnections, 2000) }), err: "need 2065 descriptors before the first client"},
		{name: "addresses", next: with(func(c *model.Config) { c.Listeners[0].Bind = make([]string, 500) }), err: "need 1064 descriptors before the first client"},
		{name: "files", next: with(func(c *model.Config) {
			c.Listeners = []*model.Listener{{Name: "web", Bind: []string{"unix:/a", "fd:b"}, Accept: model.Accept{Shards: 500}, Limits: model.ListenerLimits{Connections: UsualConnections}}}
		})},
		{name: "caches", next: with(func(c *model.Config) { c.Caches = []*model.Cache{{Memory: 1 << 30}, {Memory: 1<<30 + 1<<20}} }), err: "the caches are to fill 2049MiB of memory, and the machine has 2GiB"},
		{name: "storage", next: with(func(c *model.Config) {
			c.Caches = []*model.Cache{{Memory: 1 << 30}}
			c.Tenants = []*model.Tenant{{Name: "a", Storage: 2 << 30}}
		}), warning: "caches and the tenants' storage may together fill 3GiB"},
		{name: "tenant", next: with(func(c *model.Config) { c.Tenants = []*model.Tenant{{Name: "a", Memory: 4 << 30}} }), warning: `tenant "a": one request may hold 4GiB`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := room{descriptors: 1000, memory: 2 << 30, memoryOf: "the machine has"}
			errs, warnings := r.fit(&control.Transaction{Next: tt.next})
			for _, side := range []struct {
				what string
				got  []control.Problem
			}{{tt.err, errs}, {tt.warning, warnings}} {
				switch {
				case side.what == "" && len(side.got) > 0:
					t.Errorf("unexpected: %v", side.got)
				case side.what != "" && (len(side.got) != 1 || !strings.Contains(side.got[0].String(), side.what)):
					t.Errorf("%v does not say %q", side.got, side.what)
				}
			}
			// What is as it was is no news.
			if _, again := r.fit(&control.Transaction{Next: tt.next, Running: tt.next}); len(again) > 0 {
				t.Errorf("told again: %v", again)
			}
			if errs, warnings := (room{}).fit(&control.Transaction{Next: tt.next}); len(errs)+len(warnings) > 0 {
				t.Error("a machine that tells nothing is judged")
			}
		})
	}
}

// TestUsualConnections holds the constant to what a file without a limit means.
func TestUsualConnections(t *testing.T) {
	var reader reading.Reader
	cfg, errs, _ := reader.Parse("x.hcl", []byte("listener \"web\" { bind = [\":80\"] }\nvhost \"any\" {\n  route \"all\" {\n    respond {\n      body = \"x\"\n    }\n  }\n}\n"))
	if cfg == nil {
		t.Fatal(errs)
	}
	if n := cfg.Listeners[0].Limits.Connections; n != UsualConnections {
		t.Errorf("%d connections are usual", n)
	}
}

func TestMemoryIn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "0 "},
		{"machine", map[string]string{"proc/meminfo": "MemTotal:  2048 kB\nMemFree: 1 kB\n"}, "2097152 the machine has"},
		{"group", map[string]string{
			"proc/meminfo": "MemTotal:  2048 kB\n", "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
		}, "1000 the control group of the process has"},
		{"first version", map[string]string{
			"proc/meminfo": "MemTotal:  2048 kB\n", "proc/self/cgroup": "5:cpu:/a\n4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, "1000 the control group of the process has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n, of := machine.Memory(root)
			if got := fmt.Sprintf("%d %s", n, of); got != tt.want {
				t.Errorf("%q, not %q", got, tt.want)
			}
		})
	}
}
