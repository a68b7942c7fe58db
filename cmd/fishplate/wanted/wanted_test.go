package wanted

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/doctor"
	"fishplate/internal/model"
)

func TestOf(t *testing.T) {
	if Of(nil) != nil {
		t.Error("no configuration wants something")
	}
	got := Of(&model.Config{
		Listeners: []*model.Listener{
			{Name: "web", Bind: []string{":80", "[::1]:8080", "unix:/run/x"}, Accept: model.Accept{Shards: 2, Backlog: 100}, Limits: model.ListenerLimits{Connections: 5000}},
			{Name: "more", Bind: []string{"fd:more", "10.0.0.1:http"}, Accept: model.Accept{Shards: 1, FastOpen: true, Backlog: 7}, Limits: model.ListenerLimits{Connections: UsualConnections}},
		},
		Backends: []*model.Backend{{Servers: []*model.Server{{}, {}}}, {Discover: &model.Discover{}, Pool: model.Pool{Idle: 5}}},
		Caches:   []*model.Cache{{Memory: 10}, {Memory: 20}},
		Tenants:  []*model.Tenant{{Storage: 3}, {Storage: 4}},
	})
	want := &doctor.Ours{
		KeepAlive: true, FastOpen: true, Shards: 2, MaxConns: 5000, Privileged: true, Upstreams: 3, Reuse: true, CacheMemory: 30, TenantMemory: 7,
		Listeners: []doctor.OurListener{
			{Name: "web", Address: "::", Port: 80, Backlog: 100}, {Name: "web", Address: "::1", Port: 8080, Backlog: 100},
			{Name: "web", Address: "unix:/run/x", Backlog: 100}, {Name: "more", Address: "fd:more", Backlog: 7},
			{Name: "more", Address: "10.0.0.1", Backlog: 7},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
