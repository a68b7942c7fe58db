package cache

import (
	"cmp"
	"slices"
	"strconv"

	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/store"
	"fishplate/internal/metrics"
)

// StoreFigures is what a store has at this moment, and what it has done.
type StoreFigures struct {
	Name string
	store.Stats
	Bans    int64
	BanAge  int64 // of the oldest, in nanoseconds
	Tests   int64 // of an object against a ban
	Overdue bool  // the lurker does not keep up

	BanLimit   int   // of the list
	BanMatched int64 // objects that bans took out of service
	Disk       *DiskFigures
}

// AgeEdges returns the upper bounds of Ages, in seconds; the last bar has none.
func (f *StoreFigures) AgeEdges() (list []float64) {
	for _, d := range store.AgeEdges() {
		list = append(list, d.Seconds())
	}
	return list
}

// SizeEdges returns the upper bounds of Sizes, in bytes; the last bar has none.
func (f *StoreFigures) SizeEdges() (list []float64) {
	for _, n := range store.SizeEdges() {
		list = append(list, float64(n))
	}
	return list
}

// DiskFigures is the same of a disk tier.
type DiskFigures struct {
	Path string
	disk.Stats
}

// PartitionFigures is what the requests of one tenant, or of one virtual host
// without one, have in the stores and met there.
type PartitionFigures struct {
	Name                  string
	Objects, Bytes, Quota int64
	Evicted               [2]int64 // by its quota, by a store's bound
	Refused, Purged       int64
	Counters              *metrics.Set
}

// Stores returns the figures of every store, by name.
func (c *Caches) Stores() []StoreFigures {
	var list []StoreFigures
	for _, s := range c.all() {
		b := s.bans.Stats(c.clock())
		list = append(list, StoreFigures{
			Name: s.name, Stats: s.memory.Stats(), Bans: int64(b.Bans), BanAge: int64(b.Oldest), Tests: b.Tests,
			Overdue: b.Overdue, BanLimit: b.Limit, BanMatched: b.Matched, Disk: s.diskFigures(),
		})
	}
	return list
}

// Partitions returns the figures of every partition that has been, by name.
func (c *Caches) Partitions() []PartitionFigures {
	c.mu.Lock()
	list := make([]PartitionFigures, 0, len(c.counts))
	for name, set := range c.counts {
		list = append(list, PartitionFigures{Name: name, Counters: set})
	}
	c.mu.Unlock()
	slices.SortFunc(list, func(a, b PartitionFigures) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range c.all() {
		for _, p := range s.memory.Partitions() {
			i, ok := slices.BinarySearchFunc(list, p.Name(), func(f PartitionFigures, name string) int { return cmp.Compare(f.Name, name) })
			if !ok {
				continue
			}
			f, st := &list[i], p.Stats()
			f.Objects += st.Objects
			f.Bytes += st.Bytes
			f.Quota = max(f.Quota, st.Quota)
			f.Evicted[0] += int64(st.EvictedBy[0])
			f.Evicted[1] += int64(st.EvictedBy[1])
			f.Refused += int64(st.Refused)
			f.Purged += int64(st.Purged)
		}
	}
	return list
}

// Readings returns all counters of the cache, for /metrics.
func (c *Caches) Readings() []metrics.Reading {
	var list []metrics.Reading
	for _, f := range c.Partitions() {
		list = append(list, metrics.Reading{
			Table: &metrics.Partition, Values: []string{f.Name}, Set: f.Counters,
			More: []int64{f.Objects, f.Bytes, f.Quota, f.Evicted[0], f.Evicted[1], f.Refused, f.Purged},
		})
	}
	figures := c.Stores()
	for i, s := range c.all() {
		if i < len(figures) && figures[i].Name == s.name {
			list = append(list, metrics.Reading{Table: &metrics.Cache, Values: []string{s.name}, Set: s.counters, More: figures[i].cells()})
		}
	}
	return list
}

// cells lays the figures out as metrics.Cache names them.
func (f *StoreFigures) cells() []int64 {
	out := make([]int64, metrics.Cache.Cells())
	put := func(at int, values ...int64) { copy(out[at:], values) }
	put(metrics.StoreBytes, f.Index, f.Heads, f.Bodies, f.Free)
	put(metrics.StoreLimit, f.Memory, f.Slack, f.Objects, f.Pinned)
	put(metrics.StoreAges, f.Ages[:]...)
	put(metrics.StoreSizes, f.Sizes[:]...)
	put(metrics.StoreHits, int64(f.Hits), int64(f.Misses), int64(f.Stored), int64(f.Evicted), int64(f.Refused), int64(f.Replaced), int64(f.Purged))
	put(metrics.StoreBans, f.Bans, f.BanAge, f.Tests)
	if d := f.Disk; d != nil {
		loaded, refused := int64(0), int64(0)
		if d.Loaded {
			loaded = 1
		}
		for i, n := range d.Refused {
			if i != disk.RefusedQueue {
				refused += n
			}
		}
		put(metrics.StoreDiskBytes, d.SegmentBytes+d.IndexBytes, d.Size, d.Objects, d.Hits, d.Misses)
		put(metrics.StoreDiskWrites, d.Written, d.Refused[disk.RefusedQueue], refused, d.Corrupt)
		put(metrics.StoreDiskIn, d.WrittenBytes, d.ReadErrors, loaded)
	}
	return out
}

// diskFigures returns nil when the store has no disk.
func (s *Store) diskFigures() *DiskFigures {
	d := s.disk.Load()
	if d == nil {
		return nil
	}
	return &DiskFigures{Path: d.path, Stats: d.tier.Stats()}
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
