package queue

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// server is what tests wait for; 0 is any.
type server int

// oracle is the queue as a list, with the rules of Grant read off their words.
type oracle struct {
	q       Queue[server]
	seq     int
	waiting []*entry // in no order
	idle    []*entry // left, or granted: they may join again
	limit   int
}

type entry struct {
	w        *Waiter[server]
	want     server
	priority float64
	seq      int // 0: not yet placed
}

// best returns who is first among those for whom fit holds; nil is nobody.
func (m *oracle) best(fit func(*entry) bool) (first *entry) {
	for _, e := range m.waiting {
		if fit(e) && (first == nil || cmp.Or(cmp.Compare(first.priority, e.priority), cmp.Compare(e.seq, first.seq)) < 0) {
			first = e
		}
	}
	return first
}

// out takes an entry from those that wait.
func (m *oracle) out(e *entry) {
	m.waiting = slices.DeleteFunc(m.waiting, func(x *entry) bool { return x == e })
	m.idle = append(m.idle, e)
}

func takes(s server, open bool) func(*entry) bool {
	return func(e *entry) bool { return e.want == s || open && e.want == 0 }
}

// granted checks that an entry, and nobody else, got s.
func (m *oracle) granted(t *rapid.T, e *entry, s server) {
	select {
	case got := <-e.w.Granted:
		if got != s {
			t.Fatalf("%d was granted instead of %d", got, s)
		}
	default:
		t.Fatalf("number %d with priority %g, which waits for %d, has nothing", e.seq, e.priority, e.want)
	}
}

// check compares what can be seen.
func (m *oracle) check(t *rapid.T) {
	if m.q.Waiting() != len(m.waiting) {
		t.Fatalf("%d wait, not %d", m.q.Waiting(), len(m.waiting))
	}
	for _, e := range slices.Concat(m.waiting, m.idle) {
		if len(e.w.Granted) > 0 {
			t.Fatalf("number %d has what it was not to get", e.seq)
		}
	}
	for s := server(1); s <= 3; s++ {
		for _, open := range []bool{false, true} {
			if got, want := m.q.Wants(s, open), m.best(takes(s, open)) != nil; got != want {
				t.Fatalf("Wants(%d, %v) is %v", s, open, got)
			}
		}
	}
}

// TestModel plays random joins, leaves, grants and stirs against the list.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &oracle{limit: rapid.IntRange(0, 6).Draw(t, "limit")}
		anyServer, priority := rapid.IntRange(0, 3), rapid.SampledFrom([]float64{0, 0, 0, 1, -1, 2.5})
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"join": func(t *rapid.T) {
				e := &entry{w: NewWaiter[server](), want: server(anyServer.Draw(t, "want")), priority: priority.Draw(t, "priority")}
				e.w.Set(e.want, e.priority)
				if got, want := m.q.Join(e.w, m.limit), len(m.waiting) < m.limit; got != want {
					t.Fatalf("joined: %v, where %d of %d wait", got, len(m.waiting), m.limit)
				} else if got {
					m.seq++
					e.seq = m.seq
					m.waiting = append(m.waiting, e)
				}
			},
			"join again": func(t *rapid.T) { // in its old place, whatever the limit is
				if len(m.idle) == 0 {
					t.Skip()
				}
				at := rapid.IntRange(0, len(m.idle)-1).Draw(t, "who")
				e, want := m.idle[at], server(anyServer.Draw(t, "want"))
				e.w.Want(want)
				e.want = want
				if !m.q.Join(e.w, 0) {
					t.Fatal("who had a place is refused")
				}
				m.idle = slices.Delete(m.idle, at, at+1)
				m.waiting = append(m.waiting, e)
			},
			"leave": func(t *rapid.T) {
				if len(m.waiting) == 0 {
					t.Skip()
				}
				e := rapid.SampledFrom(m.waiting).Draw(t, "who")
				if !m.q.Leave(e.w) {
					t.Fatal("who waits cannot leave")
				}
				m.out(e)
				if m.q.Leave(e.w) {
					t.Fatal("left twice")
				}
			},
			"grant": func(t *rapid.T) {
				s, open := server(rapid.IntRange(1, 3).Draw(t, "server")), rapid.Bool().Draw(t, "open")
				e := m.best(takes(s, open))
				if got := m.q.Grant(s, open); got != (e != nil) {
					t.Fatalf("granted: %v", got)
				}
				if e != nil {
					m.granted(t, e, s)
					m.out(e)
				}
			},
			"stir": func(t *rapid.T) {
				m.q.Stir()
				for _, e := range slices.Clone(m.waiting) {
					m.granted(t, e, 0)
					m.out(e)
				}
			},
		})
	})
}

// TestRace: many join, leave and are granted at once; every slot that was taken is
// with one of them, or was given back. It is for the race detector.
func TestRace(t *testing.T) {
	var q Queue[server]
	const clients, slots = 50, 400
	done := make(chan int, clients)
	for i := range clients {
		go func() {
			w, got := NewWaiter[server](), 0
			for round := range 20 {
				w.Set(server((i+round)%3), float64(round%2))
				q.Join(w, clients)
				if round%3 == 0 && q.Leave(w) {
					continue
				}
				if s := <-w.Granted; s != 0 {
					got++
				}
			}
			done <- got
		}()
	}
	left, given, got := clients, 0, 0
	for left > 0 {
		select {
		case n := <-done:
			left, got = left-1, got+n
		default:
			if given < slots {
				for s := server(1); s < 3; s++ {
					if q.Grant(s, true) {
						given++
					}
				}
			} else {
				q.Stir()
			}
		}
	}
	if given != got || q.Waiting() != 0 {
		t.Errorf("%d slots were given, %d came, %d wait", given, got, q.Waiting())
	}
}
