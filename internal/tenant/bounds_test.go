package tenant

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// bounded is a tenant of the program that goes to the bounds.
func bounded(t *testing.T, change func(*model.Tenant)) *Tenant {
	m := guestModel("bounds")
	m.Instructions, m.Memory, m.Storage, m.LogRate, m.Fetches, m.Backends = 200_000_000, 128<<20, 4<<20, 3, 4, []string{"app"}
	if change != nil {
		change(m)
	}
	s := quietSet(1)
	s.o.Objects = rack{}
	load(t, s, m)
	t.Cleanup(s.Close)
	return s.Tenant(m.Name)
}

// reach sends a request to the bound of a name, and returns what the program
// says of it: how often it went well, the code, and the text.
func reach(t *testing.T, tn *Tenant, name string) (string, *message.Fault) {
	t.Helper()
	r := admit(t, tn)
	defer r.Release()
	r.Annotate(new(Notes))
	r.Outside(yes{})
	r.Steer(yes{})
	req := request("/"+name, "X-One: 1")
	req.Conn = &message.Conn{}
	d, f := r.OnRecv(context.Background(), req, "")
	if f != nil {
		return "", f
	}
	var resp message.Response
	body, f := r.Answer(context.Background(), d, req, &resp)
	return string(body), f
}

// yes is a world that agrees to everything.
type yes struct{ Outside }

func (yes) Fetch(*Question) (Fetched, error) { return &mirrored{body: strings.NewReader("")}, nil }

func (yes) BackendState(string) (up, all int)                      { return 1, 1 }
func (yes) ServerState(string, string) (up, known bool)            { return true, true }
func (yes) Ban(string) error                                       { return nil }
func (yes) PurgeURL(context.Context, *message.Request) (int, bool) { return 1, true }
func (yes) PurgeTag(context.Context, []byte, bool) (int, bool)     { return 1, true }

// TestBounds takes each bound of what one call may ask of the host: the last that
// is allowed is allowed, the next is refused with a code and a text, or ends the
// call, and where it has a counter the counter says so.
func TestBounds(t *testing.T) {
	const none = -1
	for _, c := range []struct {
		name, want string // want matches the program's answer, or the cause of a fault and its text
		counter    int    // grows by one or more; none: it has none
	}{
		{"counters", `^64 -3 the tenant has 64 counters already$`, none},
		{"label", `^5 -2 `, none},
		{"spans", `^16 -3 more than 16 spans$`, none},
		{"notes", `^16 -3 more than 16 fields`, none},
		{"note", `^7 -3 .*a value above 256 bytes$`, none},
		{"lines", `^\d+ -3 too many lines this second$`, metrics.TenantLogsDropped},
		{"random", `^3 -3 more than 4096 random bytes at once$`, none},
		{"values", `^69 -3 `, metrics.TenantLimits + limitStorage},
		{"key", `^5 -2 `, none},
		{"value", `^2 -`, none},
		{"object", `^2 -3 a value has at most 1 MiB$`, none},
		{"object_key", `^5 -2 `, none},
		{"fetches", `^4 -3 `, metrics.TenantFetches + 1},
		{"purges", `^16 -3 `, none},
		{"ban", `^10 -`, none},
		{"tags", `^64 -1 `, none},
		{"tag", `^3 -1 `, none},
		{"fields", `^25\d -1 `, none},
		{"bytes", `^16 -1 `, none},
		{"target", `^\d+ -3 `, none},
		{"threads", `^\d+ -11 `, none},
		{"regexes", `^guest-regex .*64`, none},
		{"json", `^3 -1 `, none},
		{"heap", `^guest-memory|^\d+ -1 `, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			tn := bounded(t, nil)
			was := int64(0)
			if c.counter != none {
				was = tn.Counters().Value(c.counter)
			}
			got, f := reach(t, tn, c.name)
			if f != nil {
				got = f.Cause + " " + f.Error()
			}
			if !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.counter != none && tn.Counters().Value(c.counter) <= was {
				t.Error("it is not counted")
			}
			// What one request used up, the next has again, but for what is the tenant's.
			if again, f2 := reach(t, tn, c.name); f == nil && f2 == nil && strings.HasPrefix(again, "0 ") && !strings.Contains(" counters lines values ", " "+c.name+" ") {
				t.Errorf("the next request is told %q", again)
			}
		})
	}
}
