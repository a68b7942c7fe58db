package opening

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAgain: the pauses double, up to a bound, and end with success.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last, pauses := time.Now(), []time.Duration{}
		ok := Again(t.Context(), func() error {
			pauses, last = append(pauses, time.Since(last)), time.Now()
			if len(pauses) < 9 {
				return errors.New("taken")
			}
			return nil
		})
		want := []time.Duration{}
		for _, ms := range []int{100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000} {
			want = append(want, time.Duration(ms)*time.Millisecond)
		}
		if d := cmp.Diff(want, pauses); d != "" || !ok {
			t.Errorf("%v %s", ok, d)
		}
	})
}

// TestAgainEnds: what is not wanted any more is not tried again.
func TestAgainEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		if Again(ctx, func() error {
			if tries++; tries == 2 {
				cancel()
			}
			return errors.New("taken")
		}) || tries != 2 {
			t.Errorf("%d tries", tries)
		}
	})
}
