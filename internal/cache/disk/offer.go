package disk

import (
	"context"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"
)

// A job is what the writer gets: an object, pinned, or a call of Flush.
type job struct {
	part    *part
	object  *store.Object
	seq     uint64
	flushed chan error // answered when all before is durable
}

// Offer hands over a complete object, which the caller has pinned; it is pinned
// once more until it is written. Offer never waits: it reports false when the
// object is not taken, and then what the disk has of its key is forgotten, so
// that an older answer does not outlive a newer one.
func (t *Tier) Offer(partition string, o *store.Object) bool {
	t.offered.Add(1)
	if !t.on() {
		t.refused[RefusedOff].Add(1)
		return false
	}
	p, _ := t.parts.make(partition)
	why := RefusedLarge
	if p != nil && t.storable(p, o) {
		if t.enqueue(job{part: p, object: o}) {
			return true
		}
		why = RefusedQueue
	}
	t.refused[why].Add(1)
	if p != nil && len(o.KeyText()) <= segment.MaxText {
		t.forget(p.hash, o.KeyText(), 0)
	}
	return false
}

// storable checks the bounds of a record.
func (t *Tier) storable(p *part, o *store.Object) bool {
	limit := t.size.Load() / 16
	if q := p.quota.Load(); q > 0 {
		limit = min(limit, q/2)
	}
	if !o.Complete() || o.Failed() || o.Available() > limit || len(p.name) > segment.MaxName ||
		len(o.KeyText()) > segment.MaxText || len(o.Vary()) > segment.MaxText || len(o.WireHead()) > segment.MaxWire {
		return false
	}
	n := 0
	for tag := range o.Tags() {
		if n++; len(tag) > segment.MaxText || n > segment.MaxTags {
			return false
		}
	}
	return true
}

// enqueue puts a job into the queue unless that is full.
func (t *Tier) enqueue(j job) bool {
	size := j.object.Available()
	if n := t.queued.Add(size); n > t.opt.QueueBytes && n > size {
		t.queued.Add(-size)
		return false
	}
	j.object.Pin()
	t.shut.RLock()
	defer t.shut.RUnlock()
	if !t.closing {
		j.seq = t.seq.Add(1)
		select {
		case t.queue <- j:
			return true
		default:
		}
	}
	j.object.Unpin()
	t.queued.Add(-size)
	return false
}

// send puts a job into the queue as soon as there is room.
func (t *Tier) send(ctx context.Context, j job) bool {
	t.shut.RLock()
	defer t.shut.RUnlock()
	if t.closing {
		return false
	}
	select {
	case t.queue <- j:
		return true
	case <-ctx.Done():
		return false
	}
}
