package health

import (
	"context"
	"math/rand/v2"
	"time"
)

// Run probes at once and then every interval, give or take a tenth so that the
// checks of many servers do not beat together, until ctx ends. sink is called
// on the same goroutine.
func Run(ctx context.Context, interval time.Duration, probe func(context.Context) Result, sink func(Result)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r := probe(ctx)
		if ctx.Err() != nil {
			return // a probe cut short by the end says nothing
		}
		sink(r)
		spread := interval / 10
		timer.Reset(interval - spread + time.Duration(rand.Int64N(int64(2*spread)+1)))
	}
}
