package cache

import (
	"time"

	"fishplate/internal/message"
)

// Making is Made for an answer whose body a guest sends by pieces: the Filling
// takes them, while others read the object as it grows; nil when the answer may
// not be stored. Whoever makes the answer sends it to its own client and reads no
// object. size is -1 when it is not known.
func (v *Visit) Making(resp *message.Response, size int64, now time.Time, terms Terms) *Filling {
	if v.State != Fetch {
		return nil
	}
	v.now, v.terms, v.fwdStatus = now.UnixNano(), terms, 0
	v.judge(resp, now, now)
	if !v.verdict.Store {
		v.refuse(v.verdict.HitForMiss)
		return nil
	}
	v.verdict.Flags |= flagGuest
	o, ok := v.begin(&resp.Header, resp.Status, now, size)
	if !ok {
		v.refuse(v.verdict.HitForMiss)
		return nil
	}
	v.unpin(&v.Stale)
	v.carry(o, 0)
	v.Reader.close()
	return v.Filling().Detach()
}
