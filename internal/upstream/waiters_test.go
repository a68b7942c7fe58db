package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/model"
)

// TestWaitersOfALeavingServer: who waits for a slot of his own server waits for
// any when its grace ends, and a new request gets no slot that it gives back.
func TestWaitersOfALeavingServer(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, 5*time.Minute)
		m.Grace, m.Persist = time.Minute, byUser
		b := commit(t, s, m)
		own := slot(t, b, user("ann"))
		other := slot(t, b, user("bob"))
		b = commit(t, s, without(m, own.name))
		out := make(chan claimed, 2)
		claim(t.Context(), b, "new", user("cid"), out)
		claim(t.Context(), b, "ann", user("ann"), out)
		own.release()
		if c := <-out; c.name != "ann" || c.server != own {
			t.Errorf("the slot of a leaving server goes to %+v", c)
		}
		claim(t.Context(), b, "ann again", user("ann"), out)
		time.Sleep(62 * time.Second)
		other.release()
		for _, want := range []string{"new", "ann again"} {
			if c := <-out; c.name != want || c.server != other {
				t.Errorf("%+v, want %s", c, want)
			}
			other.release()
		}
	})
}

// TestWaitersFollowTheName: who waits for a slot of his own server waits, when its
// grace ends, for one of the server that has its name: a slot of another one is not
// for him.
func TestWaitersFollowTheName(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, 5*time.Minute)
		m.Grace, m.Persist = time.Minute, byUser
		b := commit(t, s, m)
		old, other := slot(t, b, user("ann")), slot(t, b, user("bob"))
		moved := *m
		moved.Servers = append([]*model.Server{}, m.Servers...)
		for i, v := range m.Servers {
			if v.Name == old.name {
				there := *v
				there.Address = "192.0.2.9:80"
				moved.Servers[i] = &there
			}
		}
		b = commit(t, s, &moved)
		fresh := slot(t, b, user("cid"))
		if fresh.name != old.name || fresh == old {
			t.Fatalf("%s at %s serves", fresh.name, fresh.address)
		}
		out := make(chan claimed, 1)
		claim(t.Context(), b, "ann", user("ann"), out)
		time.Sleep(62 * time.Second)
		synctest.Wait()
		other.release()
		synctest.Wait()
		fresh.release()
		if c := <-out; c.server != fresh {
			t.Errorf("%+v, want %s at %s", c, fresh.name, fresh.address)
		}
	})
}
