package config

import (
	"sort"
	"time"

	"fishplate/internal/config/whole"
	"fishplate/internal/model"
)

const (
	defaultObject = 16 << 20 // bytes: max_object where a store does not say
)

// store reads a cache block at the top.
func (l *loader) store(n *node) *model.Cache {
	c := &model.Cache{Name: n.label, Memory: n.size("memory"), MaxObject: n.size("max_object"), At: n.at}
	if c.MaxObject == 0 {
		c.MaxObject = min(defaultObject, c.Memory/2)
	}
	if d := n.find("disk"); d != nil {
		c.Disk = &model.CacheDisk{Path: d.file("path"), Size: d.size("size")}
	}
	return c
}

// policy reads the cache block of a route, vhost or tenant; nil without one.
func (l *loader) policy(parent *node) *model.CachePolicy {
	n := parent.find("cache")
	if n == nil {
		return nil
	}
	p := &model.CachePolicy{
		Enabled: n.flag("enabled"), Store: n.str("store"),
		TTL: n.maybe("ttl"), DefaultTTL: n.maybe("default_ttl"), NegativeTTL: n.maybe("negative_ttl"),
		Grace: n.maybe("grace"), StaleIfError: n.maybe("stale_if_error"),
		MinTTL: n.dur("min_ttl"), MaxTTL: n.dur("max_ttl"), Keep: n.dur("keep"), HitForMiss: n.dur("hit_for_miss"),
		Wait: n.dur("wait"), Saint: n.dur("saint"),
		Methods: n.words("methods"), SetCookie: n.str("set_cookie"), Client: n.str("client"), MaxObject: n.size("max_object"),
		Targeted: n.words("targeted"), Tags: n.words("tags"), TagHeaders: n.words("tag_headers"),
		Range: n.str("range"), Slice: n.size("slice"), Prefetch: n.num("prefetch"), Status: n.flag("status"), At: n.at,
	}
	if n.table.Rows["quota"] != nil { // a route has no partition of its own
		p.Quota = n.size("quota")
	}
	if n.has("bypass") {
		p.Bypass = l.condition(n.raw("bypass"))
	}
	p.Key = l.policyKey(n.kid("key"))
	v := n.kid("vary")
	p.Vary = model.CacheVary{Ignore: v.words("ignore"), Encoding: v.flag("encoding")}
	if e := n.find("encode"); e != nil {
		p.Encode = &model.CacheEncode{Types: e.words("types"), Codings: e.words("codings"), Min: e.size("min")}
	}
	if e := n.find("esi"); e != nil {
		p.ESI = &model.CacheESI{Depth: e.num("depth"), Includes: e.num("includes"), OnError: e.str("on_error")}
	}
	if g := n.find("purge"); g != nil {
		p.Purge = &model.CachePurge{From: g.nets("from"), Methods: g.words("methods"), Soft: g.flag("soft")}
	}
	if s := n.find("synthetic"); s != nil {
		p.Synthetic = &model.CacheSynthetic{Status: s.num("status"), Headers: l.fields(s, "headers", false), TTL: s.dur("ttl")}
		if body := s.str("body"); body != "" {
			p.Synthetic.Body = l.body(body)
		}
	}
	l.policies = append(l.policies, &whole.Policy{
		CachePolicy: p, Of: parent.table.Where(parent.label), More: len(n.attrs) > 1 || len(n.kids) > 0,
		Given: n.given, At: func(path ...string) model.Range { return n.place(n.at, path...) },
	})
	return p
}

func (l *loader) policyKey(n *node) model.CacheKey {
	k := model.CacheKey{
		Query: n.str("query"), Drop: n.words("drop"), Keep: n.words("keep"), Headers: n.words("headers"), Cookies: n.words("cookies"),
		Scheme: n.flag("scheme"), Host: n.flag("host"),
	}
	if n.has("value") {
		k.Value = l.text(n.raw("value"), false)
	}
	return k
}

// maybe is a duration that means something else when it was not written.
func (n *node) maybe(name string) *time.Duration {
	if d, ok := n.any(name).(time.Duration); ok && n.has(name) {
		return &d
	}
	return nil
}

// effective finds the policy that holds for each route, its partition, and the
// store "main" when a policy wants it and nobody wrote it.
func (l *loader) effective() {
	quota, tenants := map[string]int64{}, map[string]*model.Tenant{}
	for _, t := range l.cfg.Tenants {
		tenants[t.Name] = t
	}
	wanted := false
	for i, v := range l.cfg.VHosts {
		if n := l.taken[v]; n != nil && !settled(v, tenants) {
			v = l.newVHost(n) // nobody else has it yet
			l.cfg.VHosts[i] = v
		}
		for _, r := range v.Routes {
			t := tenants[r.Tenant]
			p, partition := policyOf(v, r, t)
			if p == nil {
				continue
			}
			if r.Effective == nil {
				r.Effective, r.Partition = p, partition
			}
			bound := v.Cache
			if t != nil {
				bound = t.Cache
			}
			quota[partition] = 0
			if bound != nil {
				quota[partition] = bound.Quota
			}
			wanted = wanted || p.Store == whole.DefaultStore
		}
	}
	for name, bytes := range quota {
		l.cfg.Partitions = append(l.cfg.Partitions, &model.Partition{Name: name, Quota: bytes})
	}
	sort.Slice(l.cfg.Partitions, func(i, j int) bool { return l.cfg.Partitions[i].Name < l.cfg.Partitions[j].Name })
	for _, c := range l.cfg.Caches {
		wanted = wanted && c.Name != whole.DefaultStore
	}
	if wanted {
		l.cfg.Caches = append(l.cfg.Caches, l.store(&node{table: l.top.Inner["cache"], label: whole.DefaultStore, at: start(l.o.Path)}))
	}
}

// settled reports whether the routes of a vhost have the policies that they
// would get now.
func settled(v *model.VHost, tenants map[string]*model.Tenant) bool {
	for _, r := range v.Routes {
		if p, partition := policyOf(v, r, tenants[r.Tenant]); r.Effective != p || r.Partition != partition {
			return false
		}
	}
	return true
}

// policyOf is the policy that holds for a route, with its partition.
func policyOf(v *model.VHost, r *model.Route, t *model.Tenant) (*model.CachePolicy, string) {
	p := nearest(v, r, t)
	switch {
	case p == nil || !p.Enabled || r.Redirect != nil || r.Respond != nil:
		return nil, ""
	case t != nil:
		return p, "tenant/" + t.Name
	}
	return p, "vhost/" + v.Name
}

// nearest is the policy of route, vhost or tenant, in this order.
func nearest(v *model.VHost, r *model.Route, t *model.Tenant) *model.CachePolicy {
	switch {
	case r.Cache != nil:
		return r.Cache
	case v.Cache != nil:
		return v.Cache
	case t != nil:
		return t.Cache
	}
	return nil
}
