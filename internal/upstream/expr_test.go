package upstream

import (
	"strings"
	"testing"
	"time"

	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// expr parses an expression of the configuration.
func expr(t *testing.T, text string) model.Expr {
	t.Helper()
	node, problems := hclsyntax.ParseExpression([]byte(text), "test.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return model.Expr{Text: text, Node: node, At: node.Range()}
}

// TestHashExpression: equal keys meet at one server, and a request without the
// key goes by turns.
func TestHashExpression(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := pinned(model.Persist{})
		m.Persist = nil
		m.Balance = model.Balance{Text: `hash(header("X-User"), "maglev")`, Steps: []model.BalanceStep{
			{Name: "hash", Args: []string{"maglev"}, Key: expr(t, `header("X-User")`)}}}
		b := commit(t, s, m)
		at := map[string]map[string]bool{}
		for i := range 300 {
			p, user := pick("GET", "/"), string(rune('a'+i%20))
			if i%3 == 0 {
				user = ""
			} else {
				p.Env.Req.Add("X-User", user)
			}
			if at[user] == nil {
				at[user] = map[string]bool{}
			}
			at[user][slot(t, b, p).name] = true
		}
		for user, servers := range at {
			want := 1
			if user == "" {
				want = 3
			}
			if len(servers) != want {
				t.Errorf("user %q is at %v", user, servers)
			}
		}
	})
}

func TestPriorityExpression(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(1, 10, time.Minute)
		m.Queue.Priority = expr(t, `header("X-Priority")`)
		b := commit(t, s, m)
		for text, want := range map[string]float64{"": 0, "7": 7, "-1.5": -1.5, "high": 0, "NaN": 0} {
			p := pick("GET", "/")
			if text != "" {
				p.Env.Req.Add("X-Priority", text)
			}
			if got := b.priority(p.Env); got != want {
				t.Errorf("X-Priority %q is priority %v, want %v", text, got, want)
			}
		}
		m = limited(1, 10, time.Minute)
		m.Queue.Priority = expr(t, `hostess`)
		if _, err := s.Prepare([]*model.Backend{m}); err == nil || !strings.Contains(err.Error(), "compile priority") {
			t.Errorf("an unknown name as priority: %v", err)
		}
	})
}
