package spin

import (
	"runtime"
	"testing"
	"time"
)

const most = 50 * time.Microsecond

// clocked is a spinner whose clock goes on by a step with every look at it.
func clocked(step *time.Duration) *Spinner {
	at := time.Unix(1, 0)
	return &Spinner{now: func() time.Time {
		at = at.Add(*step)
		return at
	}}
}

// tries returns how often a wait of the spinner tried before it gave up or succeeded
// at the n-th try; 0 never succeeds.
func tries(s *Spinner, n int) (count int, found bool) {
	found = s.Until(most, func() bool {
		count++
		return count == n
	})
	return count, found
}

func TestLooksUntilTheTimeIsOver(t *testing.T) {
	step := 10 * time.Microsecond
	s := clocked(&step)
	if n, found := tries(s, 3); n != 3 || !found {
		t.Errorf("%d tries, found %v; want 3, true", n, found)
	}
	if n, found := tries(s, 0); n != 5 || found {
		t.Errorf("%d tries of %v in %v, found %v; want 5, false", n, step, most, found)
	}
}

// TestRestsLongerEachTime: a server without clients burns nothing to speak of.
func TestRestsLongerEachTime(t *testing.T) {
	step := 10 * time.Microsecond
	s := clocked(&step)
	var rests []int
	for range 8 {
		rest := 0
		for n, _ := tries(s, 0); n == 0; n, _ = tries(s, 0) {
			rest++
		}
		rests = append(rests, rest)
	}
	for i, want := range []int{0, 2, 4, 8, 16, 32, 64, 64} {
		if rests[i] != want {
			t.Fatalf("rests are %v; the %d. is to be %d", rests, i+1, want)
		}
	}
	for n, _ := tries(s, 1); n == 0; n, _ = tries(s, 1) { // until somebody comes
	}
	tries(s, 0)
	if s.rest != 2 {
		t.Errorf("the rest after one that came is %d, want 2", s.rest)
	}
}

// TestLeavesAProcessorThatOthersWant: a look that took longer than all was no look of
// a processor that has nothing to do.
func TestLeavesAProcessorThatOthersWant(t *testing.T) {
	step := 10 * time.Microsecond
	s := clocked(&step)
	n := 0
	s.Until(most, func() bool {
		if n++; n == 2 {
			step = time.Millisecond
		}
		return false
	})
	if n != 2 || s.rest != longestRest {
		t.Errorf("%d tries and a rest of %d, want 2 and %d", n, s.rest, longestRest)
	}
}

func TestRule(t *testing.T) {
	found := make(chan time.Duration)
	auto := NewAuto(func() time.Duration { return <-found })
	for _, tt := range []struct {
		name string
		rule *Rule
		want time.Duration
	}{
		{"nobody's", nil, 0},
		{"none", &Rule{}, 0},
		{"as written", &Rule{Most: most}, most},
		{"not known yet", &Rule{Most: most, Auto: auto}, 0},
	} {
		if got := tt.rule.For(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	auto.Find()
	auto.Find() // which waits for nobody
	found <- most
	for (&Rule{Auto: auto}).For() != most {
		runtime.Gosched()
	}
	if (&Spinner{}).Until(0, func() bool { return true }) {
		t.Error("looked without a time")
	}
}
