package config

import (
	"fmt"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// written is a policy with the block that it came from.
type written struct {
	n  *node
	p  *model.CachePolicy
	of string // what the block belongs to, for a sentence: `vhost "shop"`
}

// checkCaches looks at stores and policies.
func (l *loader) checkCaches() {
	for _, c := range l.cfg.Caches {
		l.checkStore(c)
	}
	for _, w := range l.policies {
		if w.p.Enabled {
			l.checkPolicy(w)
		} else if len(w.n.attrs) > 1 || len(w.n.kids) > 0 {
			l.warnf(w.n.rangeOf("enabled"), fmt.Sprintf("the cache of %s is off: the rest of its block has no effect", w.of), "", "drop enabled = false, or the rest")
		}
	}
	l.checkQuotas()
	for _, v := range l.cfg.VHosts {
		for _, r := range v.Routes {
			if r.Cache != nil && r.Cache.Enabled && (r.Redirect != nil || r.Respond != nil) {
				l.warnf(r.Cache.At, fmt.Sprintf("nothing of route %q is stored: it answers by itself", r.Name), "", "drop the block cache")
			}
		}
	}
}

func (l *loader) checkStore(c *model.Cache) {
	at := func(path ...string) model.Range { return l.at("cache", c.Name, c.At, path...) }
	if c.MaxObject > c.Memory {
		l.warnf(at("max_object"), fmt.Sprintf("cache %q can keep no object of %s", c.Name, schema.FormatSize(c.MaxObject)),
			fmt.Sprintf("Its memory is %s, and an object on disk has been in memory before.", schema.FormatSize(c.Memory)), "raise memory, or lower max_object")
	}
	d := c.Disk
	if d == nil {
		return
	}
	if d.Size > 0 && d.Size < c.Memory {
		l.warnf(at("disk", "size"), fmt.Sprintf("the disk of cache %q is smaller than its memory", c.Name), "The disk also holds what is in memory: it adds nothing but a warm start.", "raise size")
	}
	for _, other := range l.cfg.Caches {
		if other == c {
			break
		}
		if other.Disk != nil && other.Disk.Path == d.Path {
			l.errorf(at("disk", "path"), fmt.Sprintf("cache %q and cache %q have one disk path", other.Name, c.Name), "Each writes its own index there.", "give each its own directory")
		}
	}
}

// checkPolicy looks up the policy's store and passes on what advice says.
func (l *loader) checkPolicy(w written) {
	s := advice.Subject{Policy: w.p, Of: w.of, Given: w.n.given}
	names := []string{defaultStore}
	for _, c := range l.cfg.Caches {
		if c.Name != defaultStore {
			names = append(names, c.Name)
		}
		if c.Name == w.p.Store {
			s.Store = c
		}
	}
	l.reference("cache", w.p.Store, "the cache of "+w.of, func() model.Range { return w.n.rangeOf("store") }, names)
	if w.p.Bypass.Set() {
		if pred, _ := predicate.CompileBool(w.p.Bypass, l.predicates(false)); pred != nil {
			s.Bypass, s.BypassConstant = pred.Const()
		}
	}
	for _, n := range advice.Policy(s) {
		report := l.warnf
		if n.Error {
			report = l.errorf
		}
		report(w.n.place(w.n.at, n.Path...), n.Summary, n.Detail, n.Suggestion)
	}
}

// given reports whether an attribute was written and could be read.
func (n *node) given(path ...string) bool {
	for _, block := range path[:len(path)-1] {
		if n = n.find(block); n == nil {
			return false
		}
	}
	name := path[len(path)-1]
	return n.has(name) && n.attrs[name].v != nil
}

// checkQuotas warns of blocks that reach no partition.
func (l *loader) checkQuotas() {
	exists := map[string]bool{}
	for _, p := range l.cfg.Partitions {
		exists[p.Name] = true
	}
	for _, v := range l.cfg.VHosts {
		if v.Cache != nil && v.Cache.Enabled && v.Cache.Quota > 0 && !exists["vhost/"+v.Name] {
			l.warnf(l.at("vhost", v.Name, v.At, "cache", "quota"), fmt.Sprintf("the quota of vhost %q has no effect", v.Name), "It has no cached route without a tenant, and what a tenant's routes store is the tenant's.", "write the quota in the cache block of the tenant")
		}
	}
	for _, t := range l.cfg.Tenants {
		if t.Cache != nil && t.Cache.Enabled && !exists["tenant/"+t.Name] {
			l.warnf(t.Cache.At, fmt.Sprintf("the cache of tenant %q has no effect", t.Name), "No route of it is cached.", "")
		}
	}
}

// checkStoresUsed warns of stores that no policy names.
func (l *loader) checkStoresUsed() {
	used := map[string]bool{}
	for _, v := range l.cfg.VHosts {
		for _, r := range v.Routes {
			if r.Effective != nil {
				used[r.Effective.Store] = true
			}
		}
	}
	for _, c := range l.cfg.Caches {
		if !used[c.Name] {
			l.warnf(c.At, fmt.Sprintf("cache %q is not used", c.Name), "No route has a cache block that names it, by itself or through its vhost or tenant.", "")
		}
	}
}
