package opening

import (
	"context"
	"time"
)

// The pauses between two tries: the first, and the longest, which is as long as
// somebody who has mended the cause waits at most.
const (
	shortest = 100 * time.Millisecond
	longest  = 5 * time.Second
)

// Again tries until it succeeds, and returns true, or until ctx ends.
func Again(ctx context.Context, try func() error) bool {
	for pause := shortest; ; pause = min(2*pause, longest) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		if try() == nil {
			return true
		}
	}
}
