package cache

import (
	"context"
	"errors"

	"fishplate/internal/cache/rules"
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
		n, failed := k.key(ctx, text)
		done.Objects, err = done.Objects+n, errors.Join(err, failed)
	}
	return done, err
}
