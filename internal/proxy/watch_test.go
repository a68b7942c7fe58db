package proxy

import (
	"testing"
	"time"
)

// fuse counts the deadlines that are set.
type fuse struct{ set int }

func (f *fuse) SetReadDeadline(time.Time) error  { f.set++; return nil }
func (f *fuse) SetWriteDeadline(time.Time) error { return nil }

// TestWatchWhileStopped: the time in which the process stands still is not counted,
// whether a watch was armed before it or between it and the next sweep.
func TestWatchWhileStopped(t *testing.T) {
	w := newWheel()
	w.sweep()
	pass := func(d time.Duration) {
		w.base = w.base.Add(-d)
		w.sweep()
	}
	var before, after watch
	var one, two fuse
	w.add(&before, 0)
	w.add(&after, 0)
	before.arm(&one, nil, w.now()+int64(time.Second))
	pass(400 * time.Millisecond)
	w.base = w.base.Add(-time.Hour)
	after.arm(&two, nil, w.now()+int64(time.Second))
	w.sweep()
	pass(400 * time.Millisecond)
	if one.set != 0 || two.set != 0 {
		t.Fatalf("%d and %d fired for an hour in which the process stood still", one.set, two.set)
	}
	pass(400 * time.Millisecond)
	if one.set != 1 || two.set != 0 {
		t.Errorf("%d and %d fired after 1.2 s and 0.8 s of one second", one.set, two.set)
	}
	pass(400 * time.Millisecond)
	if one.set != 1 || two.set != 1 {
		t.Errorf("%d and %d fired", one.set, two.set)
	}
}
