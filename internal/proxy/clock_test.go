package proxy

import (
	"testing"
	"time"
)

// TestWallClockIsSet steps the wall clock: times follow it from the next sweep on,
// and what was to happen after a while happens after that while.
func TestWallClockIsSet(t *testing.T) {
	w := newWheel()
	var step time.Duration
	w.wall = func() time.Time { return time.Now().Round(0).Add(step) }
	for _, step = range []time.Duration{0, time.Hour, 0, -time.Hour, 300 * time.Millisecond, 0} {
		w.sweep()
		want := step
		if want < skewed && want > -skewed {
			want = 0 // that little is not followed, and may have stayed from before
		}
		at := w.exact()
		if d := w.time(at).Sub(time.Now().Round(0)) - want; d > skewed || d < -skewed {
			t.Errorf("stepped by %v: a time is off by %v", step, d)
		}
		due := w.exact() + int64(time.Minute)
		if d := time.Until(w.deadline(due)) - time.Minute; d > time.Second || d < -time.Second {
			t.Errorf("stepped by %v: a deadline is off by %v", step, d)
		}
	}
}
