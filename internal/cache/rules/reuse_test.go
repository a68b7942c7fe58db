package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// object makes times of a word list such as "age=70 fresh=60 grace=30 immutable",
// for an object looked at when arrival is.
func object(text string) *Times {
	t := &Times{Born: arrival.UnixNano()}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		n, _ := parseSeconds([]byte(value))
		switch name {
		case "age":
			t.Born -= n * second
		case "fresh":
			t.Fresh = n * second
		case "grace":
			t.Grace = n * second
		case "keep":
			t.Keep = n * second
		case "sie":
			t.StaleIfError = n * second
		default:
			for i, flag := range flagNames {
				if flag == name {
					t.Flags |= 1 << i
				}
			}
		}
	}
	return t
}

func directivesOf(text string) *RequestDirectives {
	var d RequestDirectives
	ParseRequest(&requestOf(text).Header, &d)
	return &d
}

func TestReuse(t *testing.T) {
	for _, row := range []struct {
		section, object, req, want string
	}{
		{"9111 §4", "none", "", "miss absent"},
		{"9111 §4.2", "age=0 fresh=60", "", "hit fresh"},
		{"9111 §4.2", "age=59 fresh=60", "", "hit fresh"},
		{"9111 §4.2", "age=60 fresh=60 validator keep=9", "", "revalidate stale"},
		{"9111 §4.2", "age=60 fresh=60", "", "miss stale"},
		{"9111 §4.3", "age=68 fresh=60 validator keep=9", "", "revalidate stale"},
		{"9111 §4.3", "age=69 fresh=60 validator keep=9", "", "miss stale"},
		{"9111 §4.3", "age=70 fresh=60 grace=5 validator keep=9", "", "revalidate stale"},
		{"5861 §4", "age=70 fresh=60 sie=100", "", "revalidate stale"},
		{"5861 §4", "age=160 fresh=60 sie=100", "", "miss stale"},
		{"5861 §3", "age=60 fresh=60 grace=30", "", "hit-stale grace"},
		{"5861 §3", "age=89 fresh=60 grace=30", "", "hit-stale grace"},
		{"5861 §3", "age=90 fresh=60 grace=30", "", "miss stale"},
		{"9111 §5.2.2.2", "age=60 fresh=60 grace=30 must-revalidate validator keep=9", "", "revalidate must-revalidate"},
		{"9111 §5.2.2.2", "age=50 fresh=60 must-revalidate", "", "hit fresh"},
		{"9111 §5.2.2.4", "age=0 fresh=60 no-cache validator", "", "revalidate no-cache"},
		{"9111 §5.2.2.4", "age=0 fresh=60 no-cache validator", "Cache-Control: max-stale", "revalidate no-cache"},
		{"9111 §5.2.2.4", "age=0 fresh=60 no-cache validator immutable", "", "revalidate no-cache"},

		{"9111 §5.2.1.4", "age=0 fresh=60 validator", "Cache-Control: no-cache", "revalidate client-no-cache"},
		{"9111 §5.2.1.4", "age=0 fresh=60", "Cache-Control: no-cache", "revalidate client-no-cache"},
		{"9111 §5.2.1.4", "age=0 fresh=60 immutable", "Cache-Control: no-cache", "revalidate client-no-cache"},
		{"9111 §5.2.1.4", "age=70 fresh=60", "Cache-Control: no-cache", "miss client-no-cache"},
		{"9111 §5.2.1.4", "age=0 fresh=60", "Cache-Control: No-Cache=x", "revalidate client-no-cache"},
		{"9111 §5.2.1.5", "age=0 fresh=60", "Cache-Control: no-store", "hit fresh"},
		{"9111 §5.4", "age=0 fresh=60", "Pragma: no-cache", "revalidate client-no-cache"},
		{"9111 §5.4", "age=0 fresh=60", "Pragma: no-cache | Cache-Control: foo", "hit fresh"},
		{"9111 §5.4", "age=0 fresh=60", "Pragma: x-no-cache", "hit fresh"},
		{"9111 §5.4", "age=0 fresh=60", "Pragma: x, NO-CACHE", "revalidate client-no-cache"},
		{"9111 §5.4", "age=0 fresh=60", "Pragma: x | Pragma: no-cache", "revalidate client-no-cache"},

		{"9111 §5.2.1.1", "age=30 fresh=60", "Cache-Control: max-age=30", "hit fresh"},
		{"9111 §5.2.1.1", "age=31 fresh=60", "Cache-Control: max-age=30", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=0 fresh=60", "Cache-Control: max-age=0", "hit fresh"},
		{"9111 §5.2.1.1", "age=1 fresh=60", "Cache-Control: max-age=0", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=70 fresh=60 validator keep=99", "Cache-Control: max-age=100", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=70 fresh=60 grace=30", "Cache-Control: max-age=100", "miss client-max-age"},
		{"9111 §5.2.1.1", "age=9 fresh=60", "Cache-Control: max-age=x", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=9 fresh=60", "Cache-Control: max-age", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=9 fresh=60", "Cache-Control: max-age=20, max-age=5", "revalidate client-max-age"},
		{"9111 §5.2.1.1", "age=9 fresh=60", `Cache-Control: max-age="20"`, "hit fresh"},
		{"9111 §5.2.1.1", "age=9 fresh=60", "Cache-Control: max-age=99999999999999999999", "hit fresh"},
		{"8246 §2", "age=9 fresh=60 immutable", "Cache-Control: max-age=0", "hit immutable"},
		{"8246 §2", "age=70 fresh=60 immutable", "Cache-Control: max-age=0", "miss client-max-age"},

		{"9111 §5.2.1.3", "age=30 fresh=60", "Cache-Control: min-fresh=30", "hit fresh"},
		{"9111 §5.2.1.3", "age=30 fresh=60", "Cache-Control: min-fresh=31", "revalidate client-min-fresh"},
		{"9111 §5.2.1.3", "age=30 fresh=60", "Cache-Control: min-fresh=x", "hit fresh"},
		{"9111 §5.2.1.3", "age=30 fresh=60", "Cache-Control: min-fresh=1, min-fresh=50", "revalidate client-min-fresh"},
		{"9111 §5.2.1.3", "age=70 fresh=60 grace=30", "Cache-Control: min-fresh=1", "miss client-min-fresh"},

		{"9111 §5.2.1.2", "age=70 fresh=60", "Cache-Control: max-stale", "hit-stale max-stale"},
		{"9111 §5.2.1.2", "age=70 fresh=60", "Cache-Control: max-stale=10", "hit-stale max-stale"},
		{"9111 §5.2.1.2", "age=71 fresh=60", "Cache-Control: max-stale=10", "miss stale"},
		{"9111 §5.2.1.2", "age=71 fresh=60", "Cache-Control: max-stale=100, max-stale=10", "miss stale"},
		{"9111 §5.2.1.2", "age=71 fresh=60", "Cache-Control: max-stale=x", "miss stale"},
		{"9111 §5.2.1.2", "age=71 fresh=60 grace=30", "Cache-Control: max-stale=1", "hit-stale grace"},
		{"9111 §5.2.1.2", "age=71 fresh=60", "Cache-Control: max-stale=100, max-age=50", "miss client-max-age"},
		{"9111 §5.2.1.2", "age=71 fresh=60", "Cache-Control: max-stale=100, max-age=80", "hit-stale max-stale"},
		{"9111 §5.2.2.2", "age=70 fresh=60 must-revalidate", "Cache-Control: max-stale", "miss must-revalidate"},

		{"9111 §5.2.1.7", "none", "Cache-Control: only-if-cached", "gateway-timeout absent"},
		{"9111 §5.2.1.7", "age=70 fresh=60", "Cache-Control: only-if-cached", "gateway-timeout stale"},
		{"9111 §5.2.1.7", "age=0 fresh=60", "Cache-Control: only-if-cached", "hit fresh"},
		{"9111 §5.2.1.7", "age=0 fresh=60", "Cache-Control: only-if-cached, no-cache", "gateway-timeout client-no-cache"},
		{"9111 §5.2.1.7", "age=70 fresh=60", "Cache-Control: only-if-cached, max-stale", "hit-stale max-stale"},
		{"9111 §5.2.3", "age=9 fresh=60", `Cache-Control: frob, x="no-cache", private, only-if`, "hit fresh"},
	} {
		at := object(row.object)
		if row.object == "none" {
			at = nil
		}
		o := Reuse(&Policy{}, directivesOf(row.req), at, arrival.UnixNano())
		if got := o.Kind.String() + " " + o.Why.String(); got != row.want {
			t.Errorf("RFC %s: %q for %q: got %s, want %s", row.section, row.object, row.req, got, row.want)
		}
	}
}

// TestIgnoredClient holds that a policy may make requests' directives void.
func TestIgnoredClient(t *testing.T) {
	p := Policy{IgnoreClient: true}
	for _, req := range []string{"no-cache", "max-age=0", "min-fresh=100", "only-if-cached, no-cache"} {
		o := Reuse(&p, directivesOf("Cache-Control: "+req), object("age=9 fresh=60"), arrival.UnixNano())
		if o.Kind != Hit {
			t.Errorf("%s: %s", req, o.Kind)
		}
	}
	o := Reuse(&p, directivesOf("Cache-Control: only-if-cached, max-stale"), object("age=70 fresh=60"), arrival.UnixNano())
	if o.Kind != Miss {
		t.Errorf("only-if-cached, max-stale: %s", o.Kind)
	}
}

func TestReuseOnError(t *testing.T) {
	for _, row := range []struct {
		section, object, req, want string
	}{
		{"5861 §4", "none", "", "miss absent"},
		{"9111 §4.3.3", "age=9 fresh=60", "Cache-Control: no-cache", "hit fresh"},
		{"5861 §4", "age=70 fresh=60", "", "miss stale"},
		{"5861 §4", "age=70 fresh=60 sie=11", "", "hit-stale stale-if-error"},
		{"5861 §4", "age=71 fresh=60 sie=11", "", "miss stale"},
		{"5861 §4", "age=70 fresh=60", "Cache-Control: stale-if-error=11", "hit-stale stale-if-error"},
		{"5861 §4", "age=70 fresh=60", "Cache-Control: stale-if-error=10", "miss stale"},
		{"5861 §4", "age=70 fresh=60", "Cache-Control: stale-if-error=x", "miss stale"},
		{"5861 §4", "age=70 fresh=60", "Cache-Control: stale-if-error=100, stale-if-error=1", "miss stale"},
		{"5861 §3", "age=70 fresh=60 grace=11", "", "hit-stale stale-if-error"},
		{"9111 §5.2.2.2", "age=70 fresh=60 sie=99 must-revalidate", "", "miss must-revalidate"},
		{"9111 §5.2.2.2", "age=70 fresh=60 must-revalidate", "Cache-Control: stale-if-error=99", "miss must-revalidate"},
		{"9111 §5.2.2.4", "age=0 fresh=60 sie=99 no-cache", "", "miss no-cache"},
	} {
		at := object(row.object)
		if row.object == "none" {
			at = nil
		}
		o := ReuseOnError(&Policy{}, directivesOf(row.req), at, arrival.UnixNano())
		if got := o.Kind.String() + " " + o.Why.String(); got != row.want {
			t.Errorf("RFC %s: %q for %q: got %s, want %s", row.section, row.object, row.req, got, row.want)
		}
	}
	for status, want := range map[int]bool{499: false, 500: true, 501: false, 502: true, 503: true, 504: true, 505: false} {
		if IsError(status) != want {
			t.Errorf("RFC 5861 §4: %d is an error: %t", status, !want)
		}
	}
}

func TestParseRequest(t *testing.T) {
	for _, row := range []struct {
		req  string
		want RequestDirectives
	}{
		{"", RequestDirectives{}},
		{"Cache-Control: no-cache, no-store, no-transform, only-if-cached", RequestDirectives{Flags: ClientNoCache | ClientNoStore | ClientNoTransform | OnlyIfCached}},
		{"Cache-Control: max-age=5 | Cache-Control: min-fresh=6, max-stale=7,stale-if-error=8", RequestDirectives{
			Flags: HasMaxAge | HasMinFresh | HasMaxStale | ClientStaleIfError, MaxAge: 5e9, MinFresh: 6e9, MaxStale: 7e9, StaleIfError: 8e9}},
		{"Cache-Control: max-stale", RequestDirectives{Flags: HasMaxStale, MaxStale: maxSeconds * second}},
		{"Cache-Control: max-stale=", RequestDirectives{}},
		{"Cache-Control: max-age=5; no-cache", RequestDirectives{Flags: HasMaxAge | ClientNoCache}},
	} {
		if d := cmp.Diff(row.want, *directivesOf(row.req)); d != "" {
			t.Errorf("%s: -want +got\n%s", row.req, d)
		}
	}
}

// TestEnds holds when an object is of no use to anybody.
func TestEnds(t *testing.T) {
	for text, want := range map[string]int64{
		"fresh=60": 60, "fresh=60 grace=5 keep=10": 75, "fresh=60 keep=5 sie=100": 160,
	} {
		if got := (object(text).Ends() - arrival.UnixNano()) / second; got != want {
			t.Errorf("%s: ends after %d s, want %d", text, got, want)
		}
	}
	endless := Times{Born: 1 << 62, Fresh: 1 << 62, Keep: 1 << 62}
	if endless.Ends() != 1<<63-1 {
		t.Errorf("overflow: %d", endless.Ends())
	}
}

// TestClockSetBack holds that an object of the future has age zero.
func TestClockSetBack(t *testing.T) {
	at := object("age=0 fresh=60")
	o := Reuse(&Policy{}, &RequestDirectives{}, at, arrival.UnixNano()-100*second)
	if o.Kind != Hit || o.Age != 0 || o.Left != 60*second {
		t.Errorf("%+v", o)
	}
}
