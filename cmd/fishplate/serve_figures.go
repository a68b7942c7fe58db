package main

import (
	"fmt"
	"time"

	"fishplate/internal/admin"
	"fishplate/internal/cache"
	"fishplate/internal/metrics"
)

// cacheStatus describes the stores and who has what in them.
func (p *process) cacheStatus() *admin.CacheStatus {
	c := &admin.CacheStatus{Stores: []admin.StoreStatus{}, Partitions: []admin.PartitionStatus{}}
	for _, s := range p.caches.Stores() {
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
	for _, f := range p.caches.Partitions() {
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

// cacheFindings says what an operator ought to know of the stores.
func cacheFindings(stores []cache.StoreFigures) (list []admin.Finding) {
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

// cachedObjects counts what is stored in a store, for a vhost or for a tenant.
func (p *process) cachedObjects(kind, key string) int64 {
	if kind == "cache" {
		for _, s := range p.caches.Stores() {
			if s.Name == key {
				return s.Objects
			}
		}
		return 0
	}
	for _, f := range p.caches.Partitions() {
		if f.Name == kind+"/"+key {
			return f.Objects
		}
	}
	return 0
}
