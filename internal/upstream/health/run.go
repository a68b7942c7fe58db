package health

import (
	"context"
	"math/rand/v2"
	"time"
)

// Run probes at once and then every interval, give or take a tenth so that the
// checks of many servers do not beat together, until ctx ends. After a time in which
// the process stood still the checks of all servers are overdue: they are spread over
// an interval. sink is called on the same goroutine.
func Run(ctx context.Context, interval time.Duration, probe func(context.Context) Result, sink func(Result)) {
	run(ctx, interval, time.Now, probe, sink)
}

func run(ctx context.Context, interval time.Duration, now func() time.Time, probe func(context.Context) Result, sink func(Result)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if now().Sub(due) > max(interval, stood) {
			wait := time.Duration(rand.Int64N(int64(interval)))
			due = now().Add(wait)
			timer.Reset(wait)
			continue
		}
		r := probe(ctx)
		if ctx.Err() != nil {
			return // a probe cut short by the end says nothing
		}
		sink(r)
		spread := interval / 10
		wait := interval - spread + time.Duration(rand.Int64N(int64(2*spread)+1))
		due = now().Add(wait)
		timer.Reset(wait)
	}
}

// stood is how late a check or its end is, at least, when the process stood still: one
// that is merely busy is not that late.
const stood = time.Second
