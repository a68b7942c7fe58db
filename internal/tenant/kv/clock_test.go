package kv

import (
	"testing"
	"time"
)

// TestWallClockIsSet: a value ends at a date. Who sets the clock forward by an hour
// ends it an hour early; set back, it stays that much longer, and no longer.
func TestWallClockIsSet(t *testing.T) {
	for _, tt := range []struct {
		what  string
		after []time.Duration // of the wall clock since it was set: looks at it
		there []bool
	}{
		{"as it is", []time.Duration{9 * time.Minute, 10 * time.Minute}, []bool{true, false}},
		{"set forward by an hour", []time.Duration{time.Minute, time.Hour + 2*time.Minute}, []bool{true, false}},
		{"set back by an hour", []time.Duration{time.Minute, -58 * time.Minute, 9 * time.Minute, 10 * time.Minute}, []bool{true, true, true, false}},
	} {
		s := New(1 << 20)
		if _, err := s.Set([]byte("a"), []byte("value"), 10*time.Minute, epoch); err != nil {
			t.Fatal(err)
		}
		for i, after := range tt.after {
			if v, _ := s.Get(nil, []byte("a"), epoch.Add(after)); (v != nil) != tt.there[i] {
				t.Errorf("%s: %v after it was set there is %q", tt.what, after, v)
			}
		}
	}
}
