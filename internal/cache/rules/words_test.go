package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/metrics"
)

// TestWordsOfMetrics holds the counters' labels to the tables of this room: a
// cell is found by the number of a word.
func TestWordsOfMetrics(t *testing.T) {
	names := func(list []Word) (out []string) {
		for _, w := range list {
			out = append(out, w.Name)
		}
		return out
	}
	kinds := names(Kinds())
	kinds[Revalidate] = "revalidated" // one that was not confirmed counts as a miss
	for _, c := range []struct {
		what           string
		rules, metrics []string
	}{
		{"kinds", kinds, metrics.CacheWords()[:len(kinds)]},
		{"causes", names(Whys()), metrics.WhyWords()},
		{"reasons", names(Reasons()), metrics.UncacheableWords()},
	} {
		if d := cmp.Diff(c.rules, c.metrics); d != "" {
			t.Errorf("%s differ (-rules +metrics, internal/metrics/cache.go):\n%s", c.what, d)
		}
	}
}
