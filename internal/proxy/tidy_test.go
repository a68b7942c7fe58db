package proxy

import (
	"testing"
	"time"
)

// TestTidyAfterABurst follows the number of parked connections second by second.
func TestTidyAfterABurst(t *testing.T) {
	tests := []struct {
		name   string
		parked []int // at each look
		want   []int // looks at which memory is given back
	}{
		{"a few are not worth it", []int{0, 500, 900, 999, 999}, nil},
		{"when the burst is over", []int{0, 4000, 9000, 10000, 10000, 10000}, []int{4}},
		{"a trickle on top is none", []int{0, 2000, 2000, 2000, 2100, 2200, 2300, 2300}, []int{2}},
		{"a second burst waits", []int{0, 2000, 2000, 8000, 8000, 8000, 8000, 8000, 8000, 8000, 8000, 8000, 8000}, []int{2, 12}},
		{"after they left it counts anew", []int{0, 2000, 2000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2000, 2000}, []int{2, 14}},
		{"by a quarter at least", []int{0, 20000, 20000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 900, 900}, []int{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ti tidier
			now := time.Unix(1000, 0)
			var got []int
			for i, parked := range tt.parked {
				now = now.Add(tidyLook)
				if ti.due(parked, now) {
					got = append(got, i)
					ti.done(parked, now)
				}
			}
			if len(got) != len(tt.want) {
				t.Fatalf("gave back at looks %v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Fatalf("gave back at looks %v, want %v", got, tt.want)
				}
			}
		})
	}
}

// TestTidyAfterReloads follows the generation second by second.
func TestTidyAfterReloads(t *testing.T) {
	tests := []struct {
		name        string
		generations []uint64
		want        int // the look at which memory is given back first; -1 is never
	}{
		{"after the start", []uint64{0, 1, 1, 1}, 2},
		{"when a row of changes is over", []uint64{1, 2, 3, 4, 5, 5}, 5},
		{"not while it goes on", []uint64{1, 2, 3, 4, 5, 6}, -1},
		{"nothing ran", []uint64{0, 0, 0}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ti tidier
			now, got := time.Unix(1000, 0), -1
			for i, g := range tt.generations {
				now = now.Add(tidyLook)
				if ti.settled(g, now) && got < 0 {
					got = i
					ti.done(0, now)
				} else if got >= 0 && ti.settled(g, now) {
					t.Errorf("again at look %d", i)
				}
			}
			if got != tt.want {
				t.Errorf("gave back at look %d, want %d", got, tt.want)
			}
		})
	}
}
