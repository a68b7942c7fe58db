package proxy

import (
	"encoding/json"

	"fishplate/internal/cache"
)

// purge answers a PURGE or a BAN request. The fields that say what to purge are
// those that people know: X-Ban or Ban, and the policy's tag headers; without
// one, both are about the request's URL. X-Soft decides in place of the policy
// whether objects are made stale instead of being removed.
func (x *exchange) purge(p *cache.Policy, may bool) step {
	if !may {
		return x.refuse(lookup, 403, "purge-denied")
	}
	soft := p.Model.Purge.Soft
	if v, ok := x.req.Get("X-Soft"); ok {
		soft = string(v) == "1" || string(v) == "true"
	}
	done, err := x.strike(p, soft)
	status := 200
	body := map[string]any{"purged": done.Objects, "bans": done.Bans, "soft": soft}
	if err != nil {
		status, body = 400, map[string]any{"error": err.Error()}
	}
	text, err := json.Marshal(body)
	if err != nil { // numbers, booleans and a string always marshal
		text = nil
	}
	x.answerWith(status, append(text, '\n'))
	x.resp.Add("Content-Type", "application/json")
	x.resp.Add("Cache-Control", "no-store")
	x.clock(lookup)
	return respond
}

func (x *exchange) strike(p *cache.Policy, soft bool) (cache.Purged, error) {
	if string(x.req.Method) == "BAN" {
		for _, name := range []string{"X-Ban", "Ban"} {
			if v, ok := x.req.Get(name); ok {
				return cache.Purged{Bans: 1}, p.Ban(string(v), soft)
			}
		}
		return cache.Purged{Bans: 1}, p.BanURL(&x.req, soft)
	}
	if tags := p.TagsOf(&x.req.Header); len(tags) > 0 {
		return p.PurgeTags(x.srv.ctx, tags, soft)
	}
	return p.PurgeURL(x.srv.ctx, &x.req, soft)
}
