package main

import (
	"context"
	"fmt"
	"time"

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
func (p *process) purge(ctx context.Context, r admin.PurgeRequest) (any, error) {
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

func (p *process) purgeURL(ctx context.Context, url string, r admin.PurgeRequest) (int, error) {
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
func (p *process) cacheQuestion(_ context.Context, r admin.CacheRequest) (any, error) {
	q := cache.Question{
		Store: r.Store, Partition: partitionOf(r.Tenant), Host: r.Host, Prefix: r.Prefix, Tag: r.Tag, Limit: r.Limit, Cursor: r.Cursor,
	}
	switch r.What {
	case "ls":
		list, next, scanned := p.caches.List(q)
		return admin.CacheList{Objects: objectsOf(list), Cursor: next, Scanned: scanned}, nil
	case "top":
		list, scanned := p.caches.Top(q)
		return admin.CacheList{Objects: objectsOf(list), Scanned: scanned}, nil
	case "show":
		return p.cacheShow(r)
	}
	return p.cacheStat(), nil
}

func objectsOf(list []cache.Entry) []admin.CacheObject {
	out := make([]admin.CacheObject, len(list))
	for i := range list {
		out[i] = objectOf(&list[i])
	}
	return out
}

func objectOf(e *cache.Entry) admin.CacheObject {
	return admin.CacheObject{
		URL: e.URL, Key: e.Key, Store: e.Store, Partition: e.Partition, Tier: "memory", State: e.State, Status: e.Status, Size: e.Size,
		Memory: e.Memory, Age: e.Age.Seconds(), TTL: e.Left.Seconds(), Hits: e.Hits, Tags: e.Tags, Vary: e.Vary, Coding: e.Coding,
	}
}

func (p *process) cacheShow(r admin.CacheRequest) (any, error) {
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
			CacheObject: objectOf(&v.Entry), Selected: v.Selected, Arithmetic: v.Arithmetic, Head: v.Head,
		})
	}
	return show, nil
}

// cacheStat joins the status of the stores with their histograms.
func (p *process) cacheStat() admin.CacheStat {
	st := p.cacheStatus()
	out := admin.CacheStat{Stores: []admin.CacheStore{}, Partitions: st.Partitions}
	counts := map[string]int64{}
	for _, part := range st.Partitions {
		for word, n := range part.Requests {
			counts[word] += n
		}
	}
	for i, f := range p.caches.Stores() {
		if i >= len(st.Stores) {
			break
		}
		row := admin.CacheStore{
			StoreStatus: st.Stores[i], Index: f.Index, Heads: f.Heads, Bodies: f.Bodies, Free: f.Free, Refused: int64(f.Refused),
			BanList: admin.CacheBans{
				Active: int(f.Bans), Limit: f.BanLimit, Oldest: time.Duration(f.BanAge).Seconds(), Overdue: f.Overdue, Tests: f.Tests, Matched: f.BanMatched,
			},
			Counts: counts,
		}
		for i, n := range f.Ages {
			row.Ages = append(row.Ages, admin.CacheBucket{Upto: edge(f.AgeEdges(), i), Count: n})
		}
		for i, n := range f.Sizes {
			row.Sizes = append(row.Sizes, admin.CacheBucket{Upto: edge(f.SizeEdges(), i), Count: n})
		}
		out.Stores = append(out.Stores, row)
	}
	return out
}

// edge is the upper bound of a bar; 0 for the last.
func edge(edges []float64, i int) float64 {
	if i < len(edges) {
		return edges[i]
	}
	return 0
}
