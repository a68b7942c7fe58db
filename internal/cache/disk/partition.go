package disk

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// All names every partition where one may be named.
const All = "*"

// A part is a partition: a name, a bound and counts.
type part struct {
	hash  uint64
	name  string
	quota atomic.Int64
	saved bool // its name is in the index; whoever has the turn may look

	objects, bytes        atomic.Int64
	hits, misses, written atomic.Int64
}

// parts is the table of partitions.
type parts struct {
	mu     sync.RWMutex
	byHash map[uint64]*part
}

func (p *parts) find(hash uint64) *part {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byHash[hash]
}

// make returns the partition of that name; fresh reports that it is new. nil
// means that another name has the same hash, and this one gets nothing stored.
func (p *parts) make(name string) (_ *part, fresh bool) {
	hash := hashName(name)
	if q := p.find(hash); q != nil {
		if q.name != name {
			return nil, false
		}
		return q, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if q := p.byHash[hash]; q != nil {
		return q, false
	}
	q := &part{hash: hash, name: name}
	p.byHash[hash] = q
	return q, true
}

// named returns those that name means: one, or all.
func (p *parts) named(name string) []*part {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if name != All {
		if q := p.byHash[hashName(name)]; q != nil && q.name == name {
			return []*part{q}
		}
		return nil
	}
	list := make([]*part, 0, len(p.byHash))
	for _, q := range p.byHash {
		list = append(list, q)
	}
	return list
}

// Partitions returns the names of those that have objects on the disk, or had.
func (t *Tier) Partitions() []string {
	list := t.parts.named(All)
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.name
	}
	return names
}

// SetQuota bounds the bytes that a partition takes on the disk; 0 lifts the
// bound. A partition with a quota has segments of its own, of which the oldest
// goes when the quota is reached. What it wrote before it had one leaves with
// the segments it shares.
func (t *Tier) SetQuota(partition string, bytes int64) {
	if p, _ := t.parts.make(partition); p != nil {
		p.quota.Store(bytes)
		t.wake()
	}
}

// count adds a variant that came or went.
func (t *Tier) count(m *move) {
	if p := t.parts.find(m.part); p != nil {
		p.objects.Add(m.by)
		p.bytes.Add(m.by * m.size)
	}
	t.objects.Add(m.by)
	t.bytes.Add(m.by * m.size)
	if s := t.shelf.Find(m.seg); s != nil && s.Live.Add(m.by) == 0 && m.by < 0 {
		t.wake()
	}
}

// seqStep is how many sequence numbers are set apart at a time, so that a next
// process begins above all that this one used.
const seqStep = 1 << 20

// reserve adds to a batch what keeps the number of key n above all in use. The
// caller has the turn.
func (t *Tier) reserve(b *pebble.Batch) {
	if next := t.seq.Load() + seqStep/2; next > t.reserved {
		t.reserved = next + seqStep/2
		b.Set([]byte{kindNext}, binary.BigEndian.AppendUint64(nil, t.reserved), nil)
	}
}
