package cache

import (
	"context"
	"errors"

	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
)

// Show makes resp the head of the object that is about to answer, as it is
// stored. The texts lie in the object.
func (v *Visit) Show(resp *message.Response) {
	o := v.Object
	m := o.Meta()
	o.Head(&resp.Header)
	resp.Status, resp.Reason, resp.Minor = int(m.Status), nil, 1
	resp.Framing, resp.Length = message.NoBody, 0
}

// Overrule turns a hit into a request for the origin, because a guest wants so.
func (v *Visit) Overrule() {
	v.Yield()
	v.Why = rules.WhyGuest
}

// Refetch turns a hit into a fetch whose answer takes the object's place, because
// a guest wants so. The origin is asked without a condition, and others have the
// object meanwhile.
func (v *Visit) Refetch() {
	if v.Refresh {
		v.Decline()
	}
	v.Reader.close()
	v.unpin(&v.variant)
	v.unpin(&v.Object)
	v.forwarded = rules.ForwardRequest
	v.alone(rules.Miss, rules.WhyGuest)
}

// Ask says what a guest wants for the object, after Open and before the answer
// is judged.
func (v *Visit) Ask(t Terms) { v.terms = t }

// PurgeGiven removes what is stored under a key that a guest chose.
func (p *Policy) PurgeGiven(ctx context.Context, given []byte, soft bool) (done Purged, err error) {
	k := strike{s: p.store, only: p.part, soft: soft, now: p.clock().UnixNano()}
	for _, text := range p.store.caches.texts(appendGiven(nil, given)) {
		key := store.KeyOf(p.part.ID(), text)
		k.s.recent.note(func(o *store.Object) bool { return k.mine(o) && o.Key() == key })
		n := k.s.memory.PurgeKey(k.only, key, text, k.soft, k.now)
		if d := k.s.disk.Load(); d != nil {
			onDisk, failed := d.tier.Remove(ctx, k.only.Name(), text, k.soft)
			n, err = max(n, onDisk), errors.Join(err, failed)
		}
		done.Objects += n
	}
	return done, err
}
