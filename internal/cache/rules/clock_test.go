package rules

import (
	"testing"
	"time"
)

// TestWallClockIsSet looks at an object that is fresh for ten minutes and in grace
// for two hours, with a clock that was set since it was stored.
func TestWallClockIsSet(t *testing.T) {
	stored := time.Unix(1_700_000_000, 0)
	times := &Times{Born: stored.UnixNano(), Fresh: int64(10 * time.Minute), Grace: int64(2 * time.Hour)}
	for _, tt := range []struct {
		what  string
		after time.Duration // of the wall clock, since it was stored
		kind  Kind
		age   time.Duration
	}{
		{"as it is", time.Minute, Hit, time.Minute},
		{"set forward by an hour", time.Minute + time.Hour, HitStale, time.Minute + time.Hour},
		{"and back", 2 * time.Minute, Hit, 2 * time.Minute},
		{"set back by an hour", time.Minute - time.Hour, Hit, 0},
		{"set back, and an hour later", time.Minute, Hit, time.Minute},
		{"set forward beyond its grace", 3 * time.Hour, Miss, 3 * time.Hour},
	} {
		o := Reuse(&Policy{}, &RequestDirectives{}, times, stored.Add(tt.after).UnixNano())
		if o.Kind != tt.kind || o.Kind != Miss && o.Age != int64(tt.age) {
			t.Errorf("%s: %v with age %v, want %v with %v", tt.what, o.Kind, time.Duration(o.Age), tt.kind, tt.age)
		}
	}
}
