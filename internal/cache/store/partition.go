package store

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"fishplate/internal/cache/evict"
)

// maxPartitions bounds the table of partitions.
const maxPartitions = 1 << 16

// part is a partition as it lies in the range, at the start of a cache line. Its
// first line is read by lookups, which also count; publishers write the rest.
type part struct {
	id   uint32
	seen atomic.Uint32 // the epoch of its latest hit
	_    [56]byte

	lookups [lanes]counts

	mu     sync.Mutex // of queues
	queues evict.S3

	// Under the graves' lock:
	grave   [graveChains]uint64 // first links
	buried  int
	mourn   uint32 // next partition with a grave
	mourned bool   // this one is listed

	quota      atomic.Int64
	bytes      atomic.Int64
	objects    atomic.Int64
	dead       atomic.Int64
	stored     atomic.Int64
	evictedOwn atomic.Int64
	evictedAll atomic.Int64
	refused    atomic.Int64
	purged     atomic.Int64
	replaced   atomic.Int64
}

// counts are lookups counted by some goroutines, on a line of their own. There are
// so many that two processors seldom share one.
type counts struct {
	hits, misses atomic.Int64
	_            [48]byte
}

const (
	lanes    = 16
	partSize = int64(unsafe.Sizeof(part{})+63) &^ 63
)

// counts returns a lane of counters that other goroutines rarely use: by the
// place of this one's stack.
func (p *part) counts() *counts {
	var here byte
	at := uintptr(unsafe.Pointer(&here)) >> 11
	return &p.lookups[(at^at>>3^at>>7)%lanes]
}

// use marks the partition as used lately.
func (p *part) use(c *core) {
	if e := c.epoch.Load(); p.seen.Load() != e {
		p.seen.Store(e)
	}
}

// queue enters an object into the queues of its partition.
func (p *part) queue(c *core, o *Object) {
	units := uint32((o.Size() + 63) / 64)
	remembered := c.ghost.Take(c.ghosts(), ghostHash(o))
	p.mu.Lock()
	evict.Insert(&p.queues, c, o.self, units, remembered)
	p.mu.Unlock()
}

func (c *core) partOf(id uint32) *part {
	return (*part)(unsafe.Add(c.Start(&c.parts.area), int64(id-1)*partSize))
}

// Partition is a part of the store with a quota and statistics of its own.
type Partition struct {
	name string
	core *core
	part *part // nil: beyond the bound; it stores nothing

	owners atomic.Uint64 // that it had before
}

// goBytes is about what a partition takes of the Go heap.
const goBytes = 256

// Partition returns the partition of that name, which it makes when there is
// none. Of more than 65,536, the later ones store nothing: their lookups find
// nothing, and Begin returns ErrFull.
func (s *Store) Partition(name string) *Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.partitions[name]; p != nil {
		return p
	}
	c := s.core
	p := &Partition{name: name, core: c}
	n := c.parts.n.Load()
	if n == maxPartitions || !c.Extend(&c.parts.area, int64(n+1)*partSize) {
		return p
	}
	c.Charge(goBytes)
	p.part = c.partOf(n + 1)
	p.part.id = n + 1
	p.part.seen.Store(c.epoch.Load())
	c.parts.n.Store(n + 1)
	s.partitions[name] = p
	return p
}

// Partitions returns all of them, by number.
func (s *Store) Partitions() []*Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Partition, len(s.partitions))
	for _, p := range s.partitions {
		list[p.part.id-1] = p
	}
	return list
}

// ID returns the number that KeyOf takes. It is unique within the store, but
// for partitions that store nothing, which have 0.
func (p *Partition) ID() uint32 {
	if p.part == nil {
		return 0
	}
	return p.part.id
}

// Name returns the name that it was asked for by.
func (p *Partition) Name() string { return p.name }

// Owner tells whose it is from those who had it before.
func (p *Partition) Owner() uint64 { return p.owners.Load() }

// Disown says that whoever comes by its name is another owner.
func (p *Partition) Disown() { p.owners.Add(1) }

// SetQuota bounds the bytes of the partition's objects; 0 is no bound but the
// store's. A partition that is above a new quota shrinks with its next objects.
func (p *Partition) SetQuota(bytes int64) {
	if p.part != nil {
		p.part.quota.Store(bytes)
	}
}

// Stats returns the partition's counts.
func (p *Partition) Stats() (st PartitionStats) {
	if p.part != nil {
		p.part.addTo(&st)
		st.Quota = p.part.quota.Load()
	}
	return st
}

func (p *part) addTo(st *PartitionStats) {
	st.Objects += p.objects.Load()
	st.Dead += p.dead.Load()
	st.Bytes += p.bytes.Load()
	st.Stored += uint64(p.stored.Load())
	st.Refused += uint64(p.refused.Load())
	st.Purged += uint64(p.purged.Load())
	st.Replaced += uint64(p.replaced.Load())
	own, all := uint64(p.evictedOwn.Load()), uint64(p.evictedAll.Load())
	st.Evicted += own + all
	st.EvictedBy[0] += own
	st.EvictedBy[1] += all
	for i := range p.lookups {
		st.Hits += uint64(p.lookups[i].hits.Load())
		st.Misses += uint64(p.lookups[i].misses.Load())
	}
}
