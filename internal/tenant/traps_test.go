package tenant

import "testing"

// TestTraps lets a guest check what unmodified programs rely on.
func TestTraps(t *testing.T) {
	m := guestModel("traps")
	m.Instructions = 20_000_000
	tn := start(t, m)
	for range 2 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		for i := req.Header.FindFrom("X-Failed", 0); i >= 0; i = req.Header.FindFrom("X-Failed", i+1) {
			t.Errorf("%s", req.Header.Value(i))
		}
		if got := value(&req.Header, "X-Checked"); got != "062" {
			t.Errorf("%s checks were made", got)
		}
	}
}
