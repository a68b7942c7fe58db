package tenant

import (
	"context"
	"testing"

	"fishplate/internal/model"
)

// BenchmarkKeeping is what a call costs when calls are kept, beside none.
func BenchmarkKeeping(b *testing.B) {
	for _, c := range []struct {
		name  string
		debug model.Debug
	}{
		{"off", model.Debug{}},
		{"on_fault", model.Debug{OnFault: true}},
		{"record=1%", model.Debug{Record: 0.01}},
		{"record=100%", model.Debug{Record: 1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := guestModel("hello")
			m.Debug = c.debug
			tn := start(b, m)
			ctx := context.Background()
			req := request("/teapot", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html,application/xhtml+xml", "Accept-Language: en", "Cookie: a=1; b=2")
			saved := req.Save(nil)
			notes := new(Notes)
			b.ReportAllocs()
			for b.Loop() {
				req.Restore(saved)
				notes.Reset()
				r := admit(b, tn)
				r.Annotate(notes)
				if d, f := r.OnRecv(ctx, req, ""); f != nil || d.Kind != Answer {
					b.Fatal(d, f)
				}
				r.Release()
			}
		})
	}
}
