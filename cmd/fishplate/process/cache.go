package process

import (
	"context"
	"fmt"
	"time"

	"fishplate/cmd/fishplate/report"
	"fishplate/internal/admin"
	"fishplate/internal/cache"
)

// partitionOf is the partition that a tenant's name in a question means.
func partitionOf(tenant string) string {
	if tenant == "" {
		return ""
	}
	return "tenant/" + tenant
}

// purge answers `fishplate purge`. URLs are purged one by one: the policy of the
// route that each takes makes its key.
func (p *Process) purge(ctx context.Context, r admin.PurgeRequest) (any, error) {
	begin := time.Now()
	done, err := p.caches.Purge(ctx, cache.Purge{
		Tags: r.Tags, Prefix: r.Prefix, Host: r.Host, Ban: r.Ban, Soft: r.Soft, Partition: partitionOf(r.Tenant),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	for _, url := range r.URLs {
		n, err := p.purgeURL(ctx, url, r)
		if err != nil {
			return nil, err
		}
		done.Objects += n
	}
	return admin.PurgeResult{Purged: done.Objects, Bans: done.Bans, Took: time.Since(begin)}, nil
}

func (p *Process) purgeURL(ctx context.Context, url string, r admin.PurgeRequest) (int, error) {
	req, err := requestOf(admin.ExplainRequest{Method: "GET", URL: url})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	policy, req, _ := p.server.Current().Cached(req)
	if policy == nil {
		return 0, fmt.Errorf("%w: no cache policy holds for %s", admin.ErrInvalid, url)
	}
	if want := partitionOf(r.Tenant); want != "" && policy.Partition() != want {
		return 0, fmt.Errorf("%w: %s belongs to %s, not to %s", admin.ErrInvalid, url, policy.Partition(), want)
	}
	done, err := policy.PurgeURL(ctx, req, r.Soft)
	if err != nil {
		return 0, fmt.Errorf("purge %s: %w", url, err)
	}
	return done.Objects, nil
}

// cacheQuestion answers `fishplate cache …`.
func (p *Process) cacheQuestion(_ context.Context, r admin.CacheRequest) (any, error) {
	q := cache.Question{
		Store: r.Store, Partition: partitionOf(r.Tenant), Host: r.Host, Prefix: r.Prefix, Tag: r.Tag, Limit: r.Limit, Cursor: r.Cursor,
	}
	switch r.What {
	case "ls":
		list, next, scanned := p.caches.List(q)
		return admin.CacheList{Objects: report.List(list), Cursor: next, Scanned: scanned}, nil
	case "top":
		list, scanned := p.caches.Top(q)
		return admin.CacheList{Objects: report.List(list), Scanned: scanned}, nil
	case "show":
		return p.cacheShow(r)
	}
	return report.Stat(p.caches), nil
}

func (p *Process) cacheShow(r admin.CacheRequest) (any, error) {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	req, err := requestOf(admin.ExplainRequest{Method: method, URL: r.URL, Headers: r.Headers})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	policy, req, env := p.server.Current().Cached(req)
	if policy == nil {
		return nil, fmt.Errorf("%w: no cache policy holds for %s", admin.ErrInvalid, r.URL)
	}
	e, list := policy.Show(req, env)
	show := admin.CacheShow{Key: e.Key, Partition: e.Partition, Store: e.Store, Outcome: e.State, Why: e.Why, Variants: []admin.CacheVariant{}}
	for i := range list {
		v := &list[i]
		show.Variants = append(show.Variants, admin.CacheVariant{
			CacheObject: report.Object(&v.Entry), Selected: v.Selected, Arithmetic: v.Arithmetic, Head: v.Head,
		})
	}
	return show, nil
}
