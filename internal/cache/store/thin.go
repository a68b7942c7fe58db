package store

import (
	"bytes"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"fishplate/internal/message"
)

// Store is the memory tier.
type Store struct {
	mu         sync.Mutex
	memory     int64
	maxObject  int64
	used       int64
	partitions map[string]*Partition
	objects    map[Key][]*Object
	order      []*Object
}

// Partition is a part of the store with a quota and statistics of its own.
type Partition struct {
	store *Store
	name  string
	id    uint32
	quota atomic.Int64
	stats PartitionStats
}

// Object is one stored answer.
type Object struct {
	store *Store
	part  *Partition
	key   Key
	meta  Meta
	fresh atomic.Int64
	text  []byte
	vary  []byte
	wire  []byte
	head  []field
	tags  [][]byte
	body  *body
	ban   atomic.Uint32
	hits  atomic.Uint32
	live  atomic.Bool
	pins  atomic.Int32
}

type field struct {
	id                             message.Name
	nameAt, nameLen, valAt, valLen int
}

type body struct {
	data     []byte
	buf      atomic.Pointer[[]byte]
	length   atomic.Int64
	complete atomic.Bool
	failed   atomic.Bool
}

// New returns an empty store.
func New(o Options) (*Store, error) {
	s := &Store{memory: o.Memory, maxObject: o.MaxObject, partitions: map[string]*Partition{}, objects: map[Key][]*Object{}}
	if s.maxObject == 0 {
		s.maxObject = o.Memory / 8
	}
	return s, nil
}

// Resize changes the bound; a smaller one evicts.
func (s *Store) Resize(memory int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = memory
	s.room(0)
	return nil
}

// Close gives all memory back. Nothing may be pinned.
func (s *Store) Close() {}

// Partition returns the partition of that name, which it makes when there is none.
func (s *Store) Partition(name string) *Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.partitions[name]
	if p == nil {
		p = &Partition{store: s, name: name, id: uint32(len(s.partitions)) + 1}
		s.partitions[name] = p
	}
	return p
}

// Partitions returns all of them, by number.
func (s *Store) Partitions() []*Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Partition
	for _, p := range s.partitions {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Partition) int { return int(a.id) - int(b.id) })
	return list
}

// ID returns the number that KeyOf takes. It is unique within the store.
func (p *Partition) ID() uint32 { return p.id }

// Name returns the name that it was asked for by.
func (p *Partition) Name() string { return p.name }

// SetQuota bounds the bytes of the partition's objects; 0 is no bound but the
// store's.
func (p *Partition) SetQuota(bytes int64) { p.quota.Store(bytes) }

// Stats returns the partition's counts.
func (p *Partition) Stats() PartitionStats {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	st := p.stats
	st.Quota = p.quota.Load()
	return st
}

// Lookup returns the newest object of the key that m accepts (any when m is
// nil), pinned, or nil. It counts as a use of the object.
func (s *Store) Lookup(p *Partition, k Key, text []byte, m Matcher) *Object {
	o := s.find(p, k, text, m)
	s.mu.Lock()
	if o != nil {
		o.hits.Add(1)
		p.stats.Hits++
	} else {
		p.stats.Misses++
	}
	s.mu.Unlock()
	return o
}

func (s *Store) find(p *Partition, k Key, text []byte, m Matcher) *Object {
	s.mu.Lock()
	list := slices.Clone(s.objects[k])
	s.mu.Unlock()
	for _, o := range slices.Backward(list) {
		if o.part == p && bytes.Equal(o.text, text) && (m == nil || m.Match(o)) {
			o.Pin()
			return o
		}
	}
	return nil
}

// Begin makes an object that nobody finds before Publish. It is pinned, and has
// an empty body, of which size bytes are expected (-1: not known). It evicts
// others when there is no room.
func (s *Store) Begin(p *Partition, k Key, m *Meta, parts *Parts, size int64) (*Object, error) {
	if size > s.maxObject {
		return nil, ErrTooLarge
	}
	return s.make(p, k, m, parts, &body{})
}

func (s *Store) make(p *Partition, k Key, m *Meta, parts *Parts, b *body) (*Object, error) {
	o := &Object{store: s, part: p, key: k, meta: *m, text: slices.Clone(parts.Key), vary: slices.Clone(parts.Vary), body: b}
	o.fresh.Store(m.Fresh)
	if parts.Head != nil {
		for i := range parts.Head.Len() {
			n, v := parts.Head.Name(i), parts.Head.Value(i)
			o.head = append(o.head, field{parts.Head.ID(i), len(o.wire), len(n), len(o.wire) + len(n) + 2, len(v)})
			o.wire = append(append(append(append(o.wire, n...), ": "...), v...), "\r\n"...)
		}
	}
	for _, t := range parts.Tags {
		o.tags = append(o.tags, slices.Clone(t))
	}
	o.pins.Store(1)
	return o, nil
}

// Refresh makes an object with new values and texts that shares the body of
// old, which must be complete and pinned by the caller.
func (s *Store) Refresh(old *Object, m *Meta, parts *Parts) (*Object, error) {
	return s.make(old.part, old.key, m, parts, old.body)
}

// Append copies p behind the body. It takes all of p or, with an error, part.
func (o *Object) Append(p []byte) (n int, err error) {
	b := o.body
	if int64(len(b.data)+len(p)) > o.store.maxObject {
		return 0, ErrTooLarge
	}
	b.data = append(b.data, p...)
	data := b.data
	b.buf.Store(&data)
	b.length.Store(int64(len(data)))
	return len(p), nil
}

// Reserve returns memory behind the body, at least one byte, to be filled and
// then committed.
func (o *Object) Reserve() ([]byte, error) {
	b := o.body
	if int64(len(b.data)) >= o.store.maxObject {
		return nil, ErrTooLarge
	}
	b.data = slices.Grow(b.data, 16<<10)
	free := b.data[len(b.data):cap(b.data)]
	return free, nil
}

// Commit makes the first n bytes of what Reserve returned part of the body.
func (o *Object) Commit(n int) {
	b := o.body
	b.data = b.data[:len(b.data)+n]
	data := b.data
	b.buf.Store(&data)
	b.length.Store(int64(len(data)))
}

// Trim frees what lies before offset upto of a body that will not be published:
// the caller knows that no reader needs it any more.
func (o *Object) Trim(upto int64) {}

// Finish says that the body is all there.
func (o *Object) Finish() { o.body.complete.Store(true) }

// Abort says that the body will never be complete.
func (o *Object) Abort() { o.body.failed.Store(true) }

// Publish lets Lookup find the object, in place of one with an equal Vary blob.
func (o *Object) Publish() {
	s := o.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.objects[o.key] {
		if bytes.Equal(other.vary, o.vary) && bytes.Equal(other.text, o.text) {
			s.drop(other)
			o.part.stats.Replaced++
			break
		}
	}
	s.room(o.Size())
	s.objects[o.key] = append(s.objects[o.key], o)
	s.order = append(s.order, o)
	s.used += o.Size()
	o.part.stats.Objects++
	o.part.stats.Bytes += o.Size()
	o.part.stats.Stored++
	o.live.Store(true)
}

func (s *Store) room(n int64) {
	for s.used+n > s.memory && len(s.order) > 0 {
		s.order[0].part.stats.Evicted++
		s.drop(s.order[0])
	}
}

func (s *Store) drop(o *Object) {
	if !o.live.Swap(false) {
		return
	}
	is := func(x *Object) bool { return x == o }
	s.objects[o.key] = slices.DeleteFunc(slices.Clone(s.objects[o.key]), is)
	s.order = slices.DeleteFunc(s.order, is)
	s.used -= o.Size()
	o.part.stats.Objects--
	o.part.stats.Bytes -= o.Size()
}

// Remove takes the object out of the index. Who has it pinned keeps it.
func (o *Object) Remove() {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	o.store.drop(o)
}

// Pin keeps the object's memory until one more Unpin. The caller has it pinned.
func (o *Object) Pin() { o.pins.Add(1) }

// Unpin ends one pin.
func (o *Object) Unpin() { o.pins.Add(-1) }

// Available returns how many bytes of the body are there.
func (o *Object) Available() int64 { return o.body.length.Load() }

// Complete reports whether Finish was called.
func (o *Object) Complete() bool { return o.body.complete.Load() }

// Failed reports whether Abort was called.
func (o *Object) Failed() bool { return o.body.failed.Load() }

// Published reports whether Lookup can find the object.
func (o *Object) Published() bool { return o.live.Load() }

// Segment returns bytes of the body from offset at as far as they lie in one
// piece, or nil when there are none yet.
func (o *Object) Segment(at int64) []byte {
	b := o.body
	n := b.length.Load()
	if at >= n {
		return nil
	}
	return (*b.buf.Load())[at:n]
}

// Meta returns the object's values.
func (o *Object) Meta() Meta {
	m := o.meta
	m.Fresh = o.fresh.Load()
	return m
}

// Key returns the object's key.
func (o *Object) Key() Key { return o.key }

// PartitionID returns the number of the object's partition.
func (o *Object) PartitionID() uint32 { return o.part.id }

// KeyText returns the key text.
func (o *Object) KeyText() []byte { return o.text }

// Vary returns the variant's name.
func (o *Object) Vary() []byte { return o.vary }

// WireHead returns the fields as "Name: value\r\n" each.
func (o *Object) WireHead() []byte { return o.wire }

// Head makes h the stored fields, whose texts stay in pinned memory.
func (o *Object) Head(h *message.Header) {
	h.Reset(o.wire)
	for _, f := range o.head {
		h.ParsedField(f.id, f.nameAt, f.nameLen, f.valAt, f.valLen)
	}
}

// Tags yields the tags.
func (o *Object) Tags() iter.Seq[[]byte] { return slices.Values(o.tags) }

// Hits returns how many lookups found the object.
func (o *Object) Hits() uint32 { return o.hits.Load() }

// Size returns the memory of the object in bytes, rounding included.
func (o *Object) Size() int64 {
	return int64(len(o.text)+len(o.vary)+len(o.wire)) + o.body.length.Load() + 256
}

// SetFresh changes for how long after Born the object is fresh, in nanoseconds.
func (o *Object) SetFresh(ns int64) { o.fresh.Store(ns) }

// Expire makes the object stale at now (soft: it may still be served in grace
// and revalidated), or removes it.
func (o *Object) Expire(soft bool, now int64) {
	if !soft {
		o.Remove()
		return
	}
	if left := now - o.meta.Born; left < o.fresh.Load() {
		o.fresh.Store(left)
	}
}

// Ban returns the stamp that SetBan left, 0 at first.
func (o *Object) Ban() uint32 { return o.ban.Load() }

// SetBan leaves a stamp.
func (o *Object) SetBan(n uint32) { o.ban.Store(n) }

// PurgeTag removes the objects of partition p (nil: of all) that have the tag,
// or makes them stale at now when soft. It returns how many.
func (s *Store) PurgeTag(p *Partition, tag []byte, soft bool, now int64) int {
	n := 0
	for _, o := range s.snapshot() {
		if p != nil && o.part != p || !slices.ContainsFunc(o.tags, func(t []byte) bool { return bytes.Equal(t, tag) }) {
			continue
		}
		o.Expire(soft, now)
		n++
	}
	return n
}

// PurgeKey is PurgeTag of all variants of a key.
func (s *Store) PurgeKey(p *Partition, k Key, text []byte, soft bool, now int64) int {
	n := 0
	for _, o := range s.snapshot() {
		if o.part == p && o.key == k && bytes.Equal(o.text, text) {
			o.Expire(soft, now)
			n++
		}
	}
	return n
}

func (s *Store) snapshot() []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Each calls fn for about n objects of p (nil: of all), pinned for the call,
// beginning at the cursor, which it moves. It returns false at the end of the
// store, or when fn did. No lock is held while fn runs. An object that stays
// from the first call to the last is seen at least once.
func (s *Store) Each(p *Partition, c *Cursor, n int, fn func(*Object) bool) bool {
	list := s.snapshot()
	for ; n > 0 && c.at < uint64(len(list)); n-- {
		o := list[c.at]
		c.at++
		if (p == nil || o.part == p) && !fn(o) {
			return false
		}
	}
	return c.at < uint64(len(list))
}

// Stats returns the store's counts.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Memory: s.memory, Used: s.used, Bodies: s.used}
	for _, p := range s.partitions {
		st.Objects += p.stats.Objects
		st.Bytes += p.stats.Bytes
		st.Hits += p.stats.Hits
		st.Misses += p.stats.Misses
		st.Stored += p.stats.Stored
		st.Evicted += p.stats.Evicted
		st.Purged += p.stats.Purged
		st.Replaced += p.stats.Replaced
	}
	return st
}
