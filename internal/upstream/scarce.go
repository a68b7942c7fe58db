package upstream

import (
	"context"
	"time"

	"fishplate/internal/upstream/scarce"
)

// again connects a lease for which there was no descriptor: by an idle connection
// that came free, or a new one after idle ones of other servers were closed, after a
// wait if the backend has a queue.
func (b *Backend) again(ctx context.Context, p *Pick, l *Lease, fresh bool, err error) error {
	set, w, start := b.group.set, scarce.Wait{Left: p.Left}, time.Now()
	if q := b.model.Queue; q != nil {
		w.Limit, w.Time = q.Limit, q.Timeout
	}
	err = set.scarce.Again(ctx, w, set.drop, func() (err error) {
		if !fresh {
			l.Conn = b.idle(l.Server, time.Now().UnixNano(), p.Shard)
		}
		if l.Reused = l.Conn != nil; !l.Reused {
			l.Conn, err = b.dial(ctx, l.Server, p.Shard)
		}
		return err
	}, err)
	if took := time.Since(start); w.Time > 0 {
		l.Queued += took
		b.group.counters.Add(p.Shard, BackendQueued, 1)
		b.group.counters.Add(p.Shard, BackendQueueTime, int64(took/micros))
	}
	if l.Reused {
		p.reused = true
		l.Server.counters.Add(p.Shard, ServerReused, 1)
	}
	return err
}

// drop closes an idle connection to some server, and reports whether there was one.
func (s *Set) drop() bool {
	for _, g := range s.all() {
		for _, srv := range g.all() {
			if srv.pool.Drop() {
				return true
			}
		}
	}
	return false
}
