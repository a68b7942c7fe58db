package tenant

import (
	"context"
	"testing"

	"fishplate/internal/message"
)

// hooked returns one request to the program of hooks: admission, fork, call,
// reset, and the answer if it makes one.
func hooked(t testing.TB, what string) (once func()) {
	m := guestModel("hooks")
	m.Arguments = []string{what}
	tn := start(t, m)
	req := request("/c/1k")
	fields := req.Header.Save(nil)
	var resp message.Response
	ctx := context.Background()
	return func() {
		r, f := tn.Admit(ctx)
		if f != nil {
			t.Fatal(f)
		}
		d, f := r.OnRecv(ctx, req, "")
		if f != nil {
			t.Fatal(f)
		}
		if d.Kind == Answer {
			resp.Reset(nil)
			if _, f := r.Answer(ctx, d, req, &resp); f != nil {
				t.Fatal(f)
			}
		}
		r.Release()
		req.Header.Reset(nil)
		req.Header.Restore(fields)
	}
}

var hooks = []string{"nothing", "edit", "answer"}

// BenchmarkHook is what a program adds to a request within this room.
func BenchmarkHook(b *testing.B) {
	for _, what := range hooks {
		b.Run(what, func(b *testing.B) {
			once := hooked(b, what)
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

func TestHooksAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, what := range hooks {
		once := hooked(t, what)
		for range 200 { // until what is used often is translated
			once()
		}
		// The collector empties pools now and then.
		if avg := testing.AllocsPerRun(2000, once); avg >= 1 {
			t.Errorf("%s: %.2f allocations for each request, want 0", what, avg)
		}
	}
}
