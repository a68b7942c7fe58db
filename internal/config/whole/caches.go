package whole

import (
	"fmt"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// checkCaches looks at stores and policies.
func (l *Look) checkCaches() {
	for _, c := range l.Config.Caches {
		l.checkStore(c)
	}
	for _, w := range l.Policies {
		if w.Enabled {
			l.checkPolicy(w)
		} else if w.More {
			l.Warnf(w.At("enabled"), fmt.Sprintf("the cache of %s is off: the rest of its block has no effect", w.Of), "", "drop enabled = false, or the rest")
		}
	}
	l.checkQuotas()
	for _, v := range l.Config.VHosts {
		for _, r := range v.Routes {
			if r.Cache != nil && r.Cache.Enabled && (r.Redirect != nil || r.Respond != nil) {
				l.Warnf(r.Cache.At, fmt.Sprintf("nothing of route %q is stored: it answers by itself", r.Name), "", "drop the block cache")
			}
		}
	}
}

func (l *Look) checkStore(c *model.Cache) {
	at := func(path ...string) model.Range { return l.At("cache", c.Name, c.At, path...) }
	if c.MaxObject > c.Memory {
		l.Warnf(at("max_object"), fmt.Sprintf("cache %q can keep no object of %s", c.Name, schema.FormatSize(c.MaxObject)),
			fmt.Sprintf("Its memory is %s, and an object on disk has been in memory before.", schema.FormatSize(c.Memory)), "raise memory, or lower max_object")
	}
	d := c.Disk
	if d == nil {
		return
	}
	if d.Size > 0 && d.Size < c.Memory {
		l.Warnf(at("disk", "size"), fmt.Sprintf("the disk of cache %q is smaller than its memory", c.Name), "The disk also holds what is in memory: it adds nothing but a warm start.", "raise size")
	}
	for _, other := range l.Config.Caches {
		if other == c {
			break
		}
		if other.Disk != nil && other.Disk.Path == d.Path {
			l.Errorf(at("disk", "path"), fmt.Sprintf("cache %q and cache %q have one disk path", other.Name, c.Name), "Each writes its own index there.", "give each its own directory")
		}
	}
}

// checkPolicy looks up the policy's store and passes on what advice says.
func (l *Look) checkPolicy(w *Policy) {
	s := advice.Subject{Policy: w.CachePolicy, Of: w.Of, Given: w.Given}
	names := map[string]bool{DefaultStore: true}
	for _, c := range l.Config.Caches {
		names[c.Name] = true
		if c.Name == w.Store {
			s.Store = c
		}
	}
	l.reference("cache", w.Store, "the cache of "+w.Of, func() model.Range { return w.At("store") }, names)
	if w.Bypass.Set() {
		if pred, _ := predicate.CompileBool(w.Bypass, predicate.Options{FS: l.FS, Lists: l.Lists}); pred != nil {
			s.Bypass, s.BypassConstant = pred.Const()
		}
	}
	for _, n := range advice.Policy(s) {
		report := l.Warnf
		if n.Error {
			report = l.Errorf
		}
		report(w.At(n.Path...), n.Summary, n.Detail, n.Suggestion)
	}
}

// checkQuotas warns of blocks that reach no partition.
func (l *Look) checkQuotas() {
	exists := map[string]bool{}
	for _, p := range l.Config.Partitions {
		exists[p.Name] = true
	}
	for _, v := range l.Config.VHosts {
		if v.Cache != nil && v.Cache.Enabled && v.Cache.Quota > 0 && !exists["vhost/"+v.Name] {
			l.Warnf(l.At("vhost", v.Name, v.At, "cache", "quota"), fmt.Sprintf("the quota of vhost %q has no effect", v.Name), "It has no cached route without a tenant, and what a tenant's routes store is the tenant's.", "write the quota in the cache block of the tenant")
		}
	}
	for _, t := range l.Config.Tenants {
		if t.Cache != nil && t.Cache.Enabled && !exists["tenant/"+t.Name] {
			l.Warnf(t.Cache.At, fmt.Sprintf("the cache of tenant %q has no effect", t.Name), "No route of it is cached.", "")
		}
	}
}

// checkStoresUsed warns of stores that no policy names.
func (l *Look) checkStoresUsed() {
	used := map[string]bool{}
	for _, v := range l.Config.VHosts {
		for _, r := range v.Routes {
			if r.Effective != nil {
				used[r.Effective.Store] = true
			}
		}
	}
	for _, c := range l.Config.Caches {
		if !used[c.Name] {
			l.Warnf(c.At, fmt.Sprintf("cache %q is not used", c.Name), "No route has a cache block that names it, by itself or through its vhost or tenant.", "")
		}
	}
}
