package metrics

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	w := NewWords(2)
	for _, word := range []string{"reset", "bad-host", "reset", "eof", "eof", "reset", "other"} {
		w.Add(word)
	}
	want := []WordCount{{"bad-host", 1}, {"reset", 3}, {"other", 3}}
	if diff := cmp.Diff(want, w.Counts()); diff != "" {
		t.Error(diff)
	}
}

// TestWordsSumIsExact counts from many goroutines beyond the limit.
func TestWordsSumIsExact(t *testing.T) {
	w := NewWords(5)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				w.Add(fmt.Sprint((g + i) % 9))
			}
		})
	}
	wg.Wait()
	sum := int64(0)
	for _, c := range w.Counts() {
		sum += c.Count
	}
	if sum != 8000 {
		t.Errorf("sum is %d", sum)
	}
}
