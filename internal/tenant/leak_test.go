package tenant

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// TestSecretsStay hides a secret in registers, memory and the host's own tables
// in one request, and looks for it in the next ones of the same tenant, which get
// its machine again, and of another tenant with the same program.
func TestSecretsStay(t *testing.T) {
	s := quietSet(1)
	t.Cleanup(s.Close)
	var list []*model.Tenant
	for _, name := range []string{"mine", "other"} {
		m := guestModel("leak")
		m.Name, m.Instructions, m.Memory, m.Storage, m.Concurrency = name, 50_000_000, 32<<20, 1<<20, 1
		list = append(list, m)
	}
	s.o.Objects = rack{}
	load(t, s, list...)
	mine, other := s.Tenant("mine"), s.Tenant("other")
	for i := range 12 {
		key := rand.Uint64()
		ask := func(tn *Tenant, path string) (string, *message.Fault) {
			req := request(path, fmt.Sprintf("X-Key: %016x", key))
			r := admit(t, tn)
			defer r.Release()
			d, f := r.OnRecv(context.Background(), req, "")
			if f != nil {
				return "", f
			}
			var resp message.Response
			var body []byte
			switch d.Kind {
			case Answer:
				body, f = r.Answer(context.Background(), d, req, &resp)
			case Forge:
				body, f = r.Forge(context.Background(), req, nil, &resp)
			}
			return string(body), f
		}
		hide := []string{"/hide", "/hide-forge"}[i%2]
		if _, f := ask(mine, hide); f != nil && (hide == "/hide" || f.Cause != "guest-response") {
			t.Fatalf("%s: %v", hide, f)
		}
		for _, path := range []string{"/seek", "/seek-forge", "/seek"} {
			for _, tn := range []*Tenant{mine, other} {
				if found, f := ask(tn, path); f != nil || found != "" {
					t.Errorf("after %s, %s of tenant %q finds it in %s(%v)", hide, path, tn.Name(), found, f)
				}
			}
		}
		// Whoever may look finds it.
		const places = "data stack heap break signals error regex fields span "
		if found, f := ask(mine, "/hide-and-seek"); f != nil || found != places {
			t.Errorf("the search finds it in %s(%v), want %s", found, f, places)
		}
	}
	if n := mine.Counters().Value(metrics.TenantForks); n < 12 || mine.Status().Forks > 3 {
		t.Errorf("%d forks, %d machines wait: no machine was used twice", n, mine.Status().Forks)
	}
}
