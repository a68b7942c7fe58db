package cache

import (
	"time"

	"fishplate/internal/cache/rules"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// cacheName is how we call ourselves in Cache-Status.
const cacheName = "fishplate"

// Label adds Age and Cache-Status to the answer's head.
func (v *Visit) Label(resp *message.Response) {
	if v.Object != nil {
		m := v.Object.Meta()
		t := times(&m)
		resp.RemoveID(message.Age)
		// An answer that the origin has just made or confirmed has none (RFC 9111 §5.1).
		if age := t.Age(v.now); v.fwdStatus == 0 || v.Kind == rules.HitStale || age >= int64(time.Second) {
			v.value = rules.AppendAge(v.value[:0], &t, v.now)
			resp.AddBytes(ageName, v.value)
		}
	}
	if !v.policy.Model.Status {
		return
	}
	s := rules.Status{Cache: cacheName, Forward: v.forwarded, FwdStatus: v.fwdStatus, Hit: v.forwarded == rules.NotForwarded}
	switch v.Kind {
	case rules.Hit, rules.HitStale:
		s.TTL, s.HasTTL = v.left/1e9, true
	case rules.Coalesced:
		s.Collapsed = true
	case rules.Bypass, rules.GatewayTimeout:
		s.Detail = v.Why.String()
	default:
		s.Stored = v.judged && v.verdict.Store && v.Object != nil
		if v.judged && !s.Stored {
			s.Detail = v.reason.String()
		}
	}
	v.value = rules.AppendStatus(v.value[:0], &s)
	resp.AddBytes(statusName, v.value)
}

var (
	ageName    = []byte("Age")
	statusName = []byte("Cache-Status")
)

// Words returns the words of the access log: how the visit ended, and why.
func (v *Visit) Words() (kind, why string) {
	if v.State == Off {
		return "", ""
	}
	return metrics.CacheWords()[v.Kind], v.Why.String()
}

// Key returns the text of the visit's key, valid until the visit is used again.
func (v *Visit) Key() []byte { return v.text }
