package bounds

import (
	"net"
	"net/http"
	"slices"
	"testing"
)

// named is a connection that notes its end.
type named struct {
	net.Conn
	name   string
	closed *[]string
}

func (n *named) Close() error {
	*n.closed = append(*n.closed, n.name)
	return nil
}

// TestConns: who is silent makes room, the longest first; who asks does not.
func TestConns(t *testing.T) {
	var closed []string
	c := Conns{Most: 3}
	conns := map[string]*named{}
	for _, step := range []struct {
		name string
		s    http.ConnState
		want []string
	}{
		{"a", http.StateNew, nil}, {"b", http.StateNew, nil}, {"c", http.StateNew, nil},
		{"a", http.StateActive, nil},
		{"d", http.StateNew, []string{"b"}},
		{"b", http.StateClosed, nil},
		{"a", http.StateIdle, nil}, // it was silent later than c and d
		{"e", http.StateNew, []string{"c"}},
		{"f", http.StateNew, []string{"d"}},
		{"c", http.StateActive, nil}, // it had asked as it was closed
		{"c", http.StateIdle, nil},
		{"c", http.StateClosed, nil},
		{"d", http.StateClosed, nil},
		{"a", http.StateActive, nil}, {"e", http.StateActive, nil}, {"f", http.StateHijacked, nil}, // two are counted
		{"g", http.StateNew, nil}, {"g", http.StateActive, nil},
		{"h", http.StateNew, []string{"h"}}, // nobody is silent
		{"h", http.StateClosed, nil},
		{"g", http.StateClosed, nil},
		{"i", http.StateNew, nil},
		{"i", http.StateClosed, nil}, {"a", http.StateClosed, nil}, {"e", http.StateClosed, nil},
	} {
		if conns[step.name] == nil {
			conns[step.name] = &named{name: step.name, closed: &closed}
		}
		closed = nil
		c.Follow(conns[step.name], step.s)
		if !slices.Equal(closed, step.want) {
			t.Errorf("%s %v closes %q, not %q", step.name, step.s, closed, step.want)
		}
	}
	if len(c.open)+len(c.at)+c.silent.Len() != 0 {
		t.Errorf("kept: %d, %d, %d", len(c.open), len(c.at), c.silent.Len())
	}
}
