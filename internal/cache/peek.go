package cache

import (
	"time"

	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/predicate"
)

// Peek says what a request would be answered with out of memory now: the status,
// age and body length (-1: not known) of a fresh object. given is the key that
// a guest chose, nil for the policy's. Nothing waits, and no request is counted; for
// the store it is a look-up like others.
func (p *Policy) Peek(req *message.Request, given []byte, now time.Time) (status int, age time.Duration, size int64, ok bool) {
	v := Visit{claim: claim{policy: p}, req: req}
	v.text, _ = p.appendKey(nil, req, &predicate.Env{Req: req}, given)
	o := p.store.memory.Lookup(p.part, store.KeyOf(p.part.ID(), v.text), v.text, &v)
	if o == nil {
		return 0, 0, 0, false
	}
	defer o.Unpin()
	m := o.Meta()
	t := times(&m)
	u := rules.Reuse(&p.rules, &rules.RequestDirectives{}, &t, now.UnixNano())
	if m.Flags&flagMarker != 0 || u.Kind != rules.Hit {
		return 0, 0, 0, false
	}
	return int(m.Status), time.Duration(u.Age), lengthOf(o, &m), true
}
