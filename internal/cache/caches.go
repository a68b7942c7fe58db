package cache

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/store"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// Options of New.
type Options struct {
	Logger *slog.Logger     // nil: discarded
	Clock  func() time.Time // nil: time.Now
}

// Caches is the estate of all stores: what they hold outlives a generation.
type Caches struct {
	logger *slog.Logger
	clock  func() time.Time

	mu     sync.Mutex
	stores map[string]*Store
	counts map[string]*metrics.Set // of partitions, by name
	homes  map[string]string       // of tenants' partitions: the store of their policy
	parts  []*model.Partition      // of the last Commit, which alone uses it
	closed chan struct{}
	relay  atomic.Pointer[Relay] // to the next process; nil: none
	tidies sync.WaitGroup
	coders *coders
	trial  atomic.Pointer[string] // the mark of the one that runs; nil: none
}

// A Store is one memory tier, perhaps with a disk behind it, its bans, and the
// fetches under way into it.
type Store struct {
	name     string
	caches   *Caches
	memory   *store.Store
	disk     atomic.Pointer[diskTier] // nil: none
	bans     *bans.List
	walk     walk // of the lurker
	flights  flights
	recent   recent
	saints   saints
	bound    atomic.Int64 // of memory, in bytes
	growing  atomic.Int64 // bytes promised to objects on their way
	counters *metrics.Set // metrics.Cache
}

// New returns an estate without stores.
func New(o Options) *Caches {
	c := &Caches{logger: o.Logger, clock: o.Clock, stores: make(map[string]*Store), counts: make(map[string]*metrics.Set), homes: make(map[string]string), closed: make(chan struct{}), coders: newCoders()}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	c.tidies.Go(c.tidy)
	return c
}

// Close ends background work and gives disks back. Nothing may use the stores.
func (c *Caches) Close() {
	if r := c.relay.Load(); r != nil {
		r.settle() // there is nothing here any more that could be struck
		r.Close()
	}
	close(c.closed)
	c.tidies.Wait()
	c.coders.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.stores {
		s.closeDisk((*diskTier).close)
	}
}

// An Update is a change of stores that is prepared. Exactly one of Commit and
// Abort is called.
type Update struct {
	c       *Caches
	stores  map[string]*Store    // of the new configuration
	fresh   []*Store             // made for it
	disks   map[*Store]*diskTier // opened for it
	declare []*model.Cache
	parts   []*model.Partition
}

// Prepare makes the stores that the configuration declares and that are not
// there. It changes nothing that runs.
func (c *Caches) Prepare(cfg *model.Config) (*Update, error) {
	u := &Update{c: c, stores: make(map[string]*Store), declare: cfg.Caches, parts: cfg.Partitions}
	for _, m := range cfg.Caches {
		c.mu.Lock()
		s := c.stores[m.Name]
		c.mu.Unlock()
		if s == nil {
			memory, err := store.New(store.Options{Memory: m.Memory, MaxObject: m.MaxObject})
			if err != nil {
				u.Abort()
				return nil, fmt.Errorf("make cache %q: %w", m.Name, err)
			}
			s = &Store{
				name: m.Name, caches: c, memory: memory, bans: bans.New(bans.DefaultLimit), counters: metrics.NewSet(0),
			}
			s.walk.s = s
			u.fresh = append(u.fresh, s)
		}
		if err := u.openDisk(s, m); err != nil {
			u.Abort()
			return nil, fmt.Errorf("open disk of cache %q: %w", m.Name, err)
		}
		u.stores[m.Name] = s
	}
	return u, nil
}

// Store returns a store of the new configuration.
func (u *Update) Store(name string) *Store { return u.stores[name] }

// Abort gives up what Prepare made.
func (u *Update) Abort() {
	u.abortDisks()
	for _, s := range u.fresh {
		s.memory.Close()
	}
}

// Commit makes the stores what the configuration says. A store that it does not
// name is emptied; what is being sent from it stays until it is sent.
func (u *Update) Commit() {
	c := u.c
	c.mu.Lock()
	var gone []*Store
	for name, s := range c.stores {
		if u.stores[name] == nil {
			gone = append(gone, s)
			delete(c.stores, name)
		}
	}
	for name, s := range u.stores {
		c.stores[name] = s
	}
	c.mu.Unlock()
	for _, m := range u.declare {
		s := u.stores[m.Name]
		s.bound.Store(m.Memory)
		if err := s.memory.Resize(m.Memory); err != nil {
			c.logger.Warn("resize cache", "cache", m.Name, "error", err)
		}
		s.memory.SetMaxObject(m.MaxObject)
		for _, p := range u.parts {
			s.memory.Partition(p.Name).SetQuota(p.Quota)
		}
	}
	u.commitDisks()
	u.dropStrangers()
	for _, s := range gone {
		s.empty()
	}
}

// empty gives the memory of a store that is no longer configured back. It stays
// usable for the exchanges that still know it.
func (s *Store) empty() {
	s.closeDisk((*diskTier).discard)
	s.each(nil, func(o *store.Object) bool { o.Remove(); return true })
	s.reap(nil)
	if err := s.memory.Resize(emptied); err != nil {
		s.caches.logger.Warn("empty cache", "cache", s.name, "error", err)
	}
}

// emptied is the bound of a store that is no longer configured, in bytes.
const emptied = 1 << 20

// all returns the stores by name.
func (c *Caches) all() []*Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*Store, 0, len(c.stores))
	for _, s := range c.stores {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Store) int { return cmp.Compare(a.name, b.name) })
	return list
}

// each calls fn for every object of a partition (nil: of all) until it returns
// false.
func (s *Store) each(p *store.Partition, fn func(*store.Object) bool) {
	var cursor store.Cursor
	for s.memory.Each(p, &cursor, 1024, fn) {
	}
}

// promised is what an object of unknown length is given at first, in bytes.
const promised = 256 << 10

// promise takes n bytes for an object on its way. Together such objects may have
// half of the memory: what cannot be evicted must not be all there is.
func (s *Store) promise(n int64) bool {
	if s.growing.Add(n) > s.bound.Load()/2 {
		s.growing.Add(-n)
		return false
	}
	return true
}

// tidyEvery is the pace of background work.
const tidyEvery = 100 * time.Millisecond

// lurkObjects is how many objects a step of the lurker looks at.
const lurkObjects = 20000

// tidy lets the lurkers work until the estate is closed.
func (c *Caches) tidy() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-tick.C:
		}
		for _, s := range c.all() {
			s.reap(c.closed)
			s.lurk(lurkObjects)
		}
	}
}

// reapObjects is how many dead objects are given back before somebody asks
// whether the estate is closed: less than a millisecond's work.
const reapObjects = 1024

// reap gives the memory back that purges left behind.
func (s *Store) reap(closed <-chan struct{}) {
	for s.memory.Reap(reapObjects) {
		select {
		case <-closed:
			return
		default:
		}
	}
}

// partition returns the counters of a partition.
func (c *Caches) partition(name string) *metrics.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := c.counts[name]
	if set == nil {
		set = metrics.NewSet(metrics.CacheObjects)
		c.counts[strings.Clone(name)] = set
	}
	return set
}
