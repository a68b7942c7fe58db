package report

import (
	"fmt"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/metrics"
)

// Status describes the stores and who has what in them.
func Status(caches *cache.Caches) *admin.CacheStatus {
	c := &admin.CacheStatus{Stores: []admin.StoreStatus{}, Partitions: []admin.PartitionStatus{}}
	for _, s := range caches.Stores() {
		row := admin.StoreStatus{Name: s.Name, Objects: s.Objects, Bytes: s.Used, Limit: s.Memory, Evicted: int64(s.Evicted), Bans: s.Bans}
		if d := s.Disk; d != nil {
			row.Disk = &admin.DiskStatus{
				Path: d.Path, Objects: d.Objects, Bytes: d.SegmentBytes + d.IndexBytes, Limit: d.Size, Loaded: d.Loaded,
			}
			for _, n := range d.Refused {
				row.Disk.Dropped += n
			}
		}
		c.Objects += row.Objects
		c.Bytes += row.Bytes
		c.Stores = append(c.Stores, row)
	}
	for _, f := range caches.Partitions() {
		row := admin.PartitionStatus{Name: f.Name, Objects: f.Objects, Bytes: f.Bytes, Quota: f.Quota, Requests: map[string]int64{}}
		for i, word := range metrics.CacheWords() {
			n := f.Counters.Value(metrics.CacheRequests + i)
			row.Requests[word] = n
			c.Requests += n
			switch i {
			case metrics.CacheHit, metrics.CacheHitStale, metrics.CacheCoalesced:
				c.Hits += n
			}
		}
		c.Partitions = append(c.Partitions, row)
	}
	return c
}

// Findings says what an operator ought to know of the stores.
func Findings(stores []cache.StoreFigures) (list []admin.Finding) {
	for _, s := range stores {
		if s.Overdue {
			list = append(list, admin.Finding{
				ID: "cache." + s.Name + ".bans", Severity: "warn",
				Text: fmt.Sprintf("cache %q: a ban is %s old and still not tested against all objects: bans come faster than they are worked off; purge by tag, prefix or host instead", s.Name, time.Duration(s.BanAge).Round(time.Second)),
			})
		}
		if d := s.Disk; d != nil && !d.On {
			list = append(list, admin.Finding{
				ID: "cache." + s.Name + ".disk", Severity: "fail",
				Text: fmt.Sprintf("cache %q: the disk at %s failed and is not used; memory serves on", s.Name, d.Path),
			})
		}
	}
	return list
}

// Objects counts what is stored in a store, for a vhost or for a tenant, or in
// the partition of that name where no kind is given.
func Objects(caches *cache.Caches, kind, key string) int64 {
	if kind == "cache" {
		for _, s := range caches.Stores() {
			if s.Name == key {
				return s.Objects
			}
		}
		return 0
	}
	if kind != "" {
		key = kind + "/" + key
	}
	for _, f := range caches.Partitions() {
		if f.Name == key {
			return f.Objects
		}
	}
	return 0
}

// List turns entries into what ls and top answer.
func List(list []cache.Entry) []admin.CacheObject {
	out := make([]admin.CacheObject, len(list))
	for i := range list {
		out[i] = Object(&list[i])
	}
	return out
}

// Object is one stored object as the API shows it.
func Object(e *cache.Entry) admin.CacheObject {
	return admin.CacheObject{
		URL: e.URL, Key: e.Key, Store: e.Store, Partition: e.Partition, Tier: "memory", State: e.State, Status: e.Status, Size: e.Size,
		Memory: e.Memory, Age: e.Age.Seconds(), TTL: e.Left.Seconds(), Hits: e.Hits, Tags: e.Tags, Vary: e.Vary, Coding: e.Coding,
	}
}

// Stat joins the status of the stores with their histograms.
func Stat(caches *cache.Caches) admin.CacheStat {
	st := Status(caches)
	out := admin.CacheStat{Stores: []admin.CacheStore{}, Partitions: st.Partitions}
	counts := map[string]int64{}
	for _, part := range st.Partitions {
		for word, n := range part.Requests {
			counts[word] += n
		}
	}
	for i, f := range caches.Stores() {
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
