package tenant

import (
	"context"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
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

// TestEmptyArgumentIsNotWritten sees that a program which writes nothing leaves
// nothing to restore, and that an argument is there all the same: also in a fork
// that had another before.
func TestEmptyArgumentIsNotWritten(t *testing.T) {
	m := guestModel("hooks")
	m.Arguments = []string{"nothing"}
	tn := start(t, m)
	for _, arg := range []string{"", "blue", "", "bl", "blue"} {
		before := tn.Counters().Value(metrics.TenantDirty)
		r := admit(t, tn)
		if _, f := r.OnRecv(context.Background(), request("/"), arg); f != nil {
			t.Fatal(f)
		}
		r.Release()
		if pages := tn.Counters().Value(metrics.TenantDirty) - before; pages != min(1, int64(len(arg))) {
			t.Errorf("argument %q: %d pages", arg, pages)
		}
		v, err := tn.current.Load().take()
		if err != nil {
			t.Fatal(err)
		}
		at, err := v.push(arg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.cstring(at); err != nil || got != arg {
			t.Errorf("argument %q reads %q %v", arg, got, err)
		}
		tn.current.Load().give(v)
	}
}
