package wanted

import "testing"

func TestShards(t *testing.T) {
	for _, tc := range []struct{ configured, processors, want int }{
		{3, 1, 3}, {1, 64, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 3}, {0, 64, 64}, {0, 256, 64}, {256, 2, 256},
	} {
		if got := shardsFor(tc.configured, tc.processors); got != tc.want {
			t.Errorf("%d configured, %d processors: %d shards, not %d", tc.configured, tc.processors, got, tc.want)
		}
	}
}
