package process

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/control"
	"fishplate/internal/model"
)

// TestNames asks for what is new only, and refuses a backend of which no server
// can be reached.
func TestNames(t *testing.T) {
	var asked []string
	ask := func(_ context.Context, host string) error {
		asked = append(asked, host)
		if strings.HasSuffix(host, ".bad") {
			return errors.New("lookup " + host + ": no such host")
		}
		return nil
	}
	backend := func(addresses ...string) *model.Backend {
		b := &model.Backend{Name: "app"}
		for _, a := range addresses {
			b.Servers = append(b.Servers, &model.Server{Name: a, Address: a})
		}
		return b
	}
	for _, tt := range []struct {
		name           string
		was, is        *model.Backend
		asked          []string
		errs, warnings int
	}{
		{name: "addresses", was: backend(), is: backend("10.0.0.1:80", "[::1]:80", "unix:/s")},
		{name: "good", was: backend(), is: backend("a.good:80"), asked: []string{"a.good"}},
		{name: "bad", was: backend(), is: backend("a.bad:80"), asked: []string{"a.bad"}, errs: 1},
		{name: "beside an address", was: backend(), is: backend("a.bad:80", "10.0.0.1:80"), asked: []string{"a.bad"}, warnings: 1},
		{name: "as before", was: backend("a.bad:80"), is: backend("a.bad:80", "10.0.0.1:80")},
		{name: "start", is: backend("a.bad:80"), asked: []string{"a.bad"}, warnings: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked = nil
			tr := &control.Transaction{Next: &model.Config{Backends: []*model.Backend{tt.is}}}
			if tt.was != nil {
				tr.Running = &model.Config{Backends: []*model.Backend{tt.was}}
			}
			err := new(estate).prepareNames(t.Context(), tr, ask)
			refusal, _ := errors.AsType[control.Refusal](err)
			if len(refusal) != tt.errs || len(tr.Warnings()) != tt.warnings {
				t.Errorf("refused for %v, warned of %v", refusal, tr.Warnings())
			}
			if d := cmp.Diff(tt.asked, asked); d != "" {
				t.Error(d)
			}
		})
	}
}
