package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/model"
)

// TestRemovalIsUndone: a backend, or a server, that a change removed which is undone an
// hour later is what it was: its servers, with their counters and what was found out
// about them, and who is pinned to them. When the change is not undone they are
// forgotten.
func TestRemovalIsUndone(t *testing.T) {
	for name, rest := range map[string]func(m *model.Backend, s *Server) *model.Backend{
		"backend": func(*model.Backend, *Server) *model.Backend { return &model.Backend{Name: "other"} },
		"server":  func(m *model.Backend, s *Server) *model.Backend { return without(m, s.name) },
		"persist": func(m *model.Backend, s *Server) *model.Backend {
			less := without(m, s.name)
			less.Persist = nil
			return less
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				m := leavable(2, &model.Persist{Kind: "header", Name: "X-User", Age: 10 * time.Hour})
				b := commit(t, s, m)
				own := slot(t, b, user("ann"))
				own.release()
				own.counters.Add(0, Server2xx, 7)
				own.node.Eject(time.Now().Add(2 * time.Hour))
				u, err := s.Prepare([]*model.Backend{rest(m, own)})
				if err != nil {
					t.Fatal(err)
				}
				u.Commit()
				time.Sleep(time.Hour) // its grace is a minute
				synctest.Wait()
				b = commit(t, s, m)
				if b.server(own.name) != own || own.counters.Value(Server2xx) != 7 || own.State() != "ejected" {
					t.Errorf("it came back as another, or %s with %d answers", own.State(), own.counters.Value(Server2xx))
				}
				own.node.Eject(time.Time{})
				if got := slot(t, b, user("ann")); got != own {
					t.Errorf("ann goes to %s, not to %s", got.name, own.name)
				} else {
					got.release()
				}
				commit(t, s, rest(m, own))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if b = commit(t, s, m); b.server(own.name) == own {
					t.Error("it is not forgotten")
				}
			})
		})
	}
}
