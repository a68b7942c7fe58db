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
