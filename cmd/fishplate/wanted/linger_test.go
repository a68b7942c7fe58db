package wanted

import (
	"testing"
	"time"
)

func TestLinger(t *testing.T) {
	for deferred, want := range map[time.Duration]time.Duration{
		0: 1500 * time.Millisecond, time.Second: 1500 * time.Millisecond, 2 * time.Second: 2500 * time.Millisecond,
		3 * time.Second: 2500 * time.Millisecond, 4 * time.Second: 4500 * time.Millisecond, 10 * time.Second: 8500 * time.Millisecond,
		time.Minute: 32500 * time.Millisecond,
	} {
		if got := Linger(deferred); got != want {
			t.Errorf("%v: %v, want %v", deferred, got, want)
		}
	}
}
