package store

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"fishplate/internal/cache/evict"
	"fishplate/internal/cache/slab"
)

// core is the store as it lies in its range of memory, at the start. It holds
// no Go pointers: an Object finds its core by its own number, and both are
// nothing to the collector.
type core struct {
	slab.Heap // first

	// What lookups read comes first, up to the gap in index: publishers do not
	// write there.
	secret    [2]uint64     // of the index, so that nobody can aim at a bucket
	epoch     atomic.Uint32 // counts turnovers of an eighth of the memory
	maxObject atomic.Int64
	index     index

	seq    atomic.Uint64 // of objects, in the order of Publish
	purges atomic.Uint32
	tags   tagIndex
	ghost  struct {
		evict.Ghost
		area slab.Area
		mask atomic.Uint64 // slots - 1
	}
	parts struct {
		area slab.Area
		n    atomic.Uint32
	}

	graves graves

	objects atomic.Int64 // published
	dead    atomic.Int64 // killed by a purge, and not unlinked yet
	records atomic.Int64 // all, those being filled and those being read out included
	orphans atomic.Int64 // removed, and pinned
	heads   atomic.Int64 // bytes
	bodies  atomic.Int64
	slack   atomic.Int64
	evicted atomic.Int64  // bytes, since the epoch began
	giver   atomic.Uint32 // partition that gave way last
}

// Store is the memory tier. The Go heap has this structure and one of a few
// hundred bytes for each partition; what grows lies in the range.
type Store struct {
	core *core
	mem  []byte

	mu         sync.Mutex
	partitions map[string]*Partition
}

// Per 1024 bytes of memory, what areas may need at most: an object takes 256
// bytes at least and 13 of the index; a tag 32 in its object, 32 here and 6 in its table.
const (
	planIndex = 128
	planTags  = 1024
	planHeads = 192
	planGhost = 64
)

// New returns an empty store.
func New(o Options) (*Store, error) {
	h, areas, mem, err := slab.New(slab.Plan{
		Root:   int64(unsafe.Sizeof(core{})),
		Record: int(unsafe.Sizeof(Object{})),
		Memory: o.Memory,
		Areas:  []int64{planIndex, planTags, planHeads, planGhost, 1024},
	})
	if err != nil {
		return nil, err
	}
	c := (*core)(unsafe.Pointer(h))
	s := &Store{core: c, mem: mem, partitions: map[string]*Partition{}}
	c.index.area, c.tags.descs, c.tags.heads, c.ghost.area, c.parts.area = areas[0], areas[1], areas[2], areas[3], areas[4]
	var seed [16]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	c.secret = [2]uint64{binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])}
	c.graves.spared = batch
	c.setMaxObject(o.MaxObject, o.Memory)
	if !c.startIndex() || !c.startTags() || !c.growGhost(512) {
		_ = slab.Release(mem)
		return nil, fmt.Errorf("make store: no memory for its index")
	}
	return s, nil
}

// mostBody is how much a body's directory can list.
const mostBody = 12 << 30

func (c *core) setMaxObject(n, memory int64) {
	if n <= 0 {
		n = memory / 8
	}
	c.maxObject.Store(min(n, mostBody))
}

// Resize changes the bound. A smaller one evicts; when too much is pinned, the
// rest follows as objects come and go. A larger one than a multiple of the first
// is an error: addresses are reserved once.
func (s *Store) Resize(memory int64) error {
	c := s.core
	if err := c.SetLimit(memory); err != nil {
		return err
	}
	c.settle()
	return nil
}

// SetMaxObject changes the bound of one body; 0 is an eighth of the memory.
func (s *Store) SetMaxObject(n int64) { s.core.setMaxObject(n, s.core.Limit()) }

// Close gives all memory back. Nothing may be pinned.
func (s *Store) Close() {
	if s.mem == nil {
		return
	}
	s.core.audit()
	// Unmapping a whole mapping of ours cannot fail.
	_ = slab.Release(s.mem)
	s.core, s.mem = nil, nil
}

// object returns the record at a unit.
func (c *core) object(unit uint32) *Object { return (*Object)(c.Pointer(unit)) }

// coreOf finds the core of an object: at the start of the range.
func coreOf(o *Object) *core {
	return (*core)(unsafe.Add(unsafe.Pointer(o), -int64(o.self)*slab.Unit))
}

// Node is the object's place in its partition's queues (for evict).
func (c *core) Node(id uint32) *evict.Node { return &c.object(id).node }

// Claim takes an object for eviction unless somebody has it pinned (for evict).
func (c *core) Claim(id uint32) bool {
	o := c.object(id)
	return uint32(o.use.Load()) == 1 && o.kill()
}

// growGhost makes room for n ghosts, a power of two. Those that were there are
// mostly not found any more; objects will be many times before it grows again.
func (c *core) growGhost(n uint64) bool {
	if !c.Extend(&c.ghost.area, int64(n)*8) {
		return false
	}
	c.ghost.mask.Store(n - 1)
	return true
}

func (c *core) ghosts() []atomic.Uint64 {
	return unsafe.Slice((*atomic.Uint64)(c.Start(&c.ghost.area)), c.ghost.mask.Load()+1)
}
