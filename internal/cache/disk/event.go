package disk

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"
)

// What an event purges.
const (
	byKey    = iota // the text is a key text
	byTag           // a tag
	byPrefix        // the beginning of key texts
	byHost          // the host in key texts
)

// An event is a purge. It counts from the moment it has its number: whatever
// was offered with a lower one is purged, written already or still in the queue.
type event struct {
	seq  uint64
	by   uint8
	soft bool
	all  bool   // in all partitions
	part uint64 // the partition, unless all
	now  int64  // ns since 1970: what is purged softly is fresh no longer than that
	text []byte
}

// hits reports whether the event purges an object.
func (e *event) hits(part uint64, key []byte, tagged func(yield func([]byte) bool)) bool {
	if !e.all && e.part != part {
		return false
	}
	switch e.by {
	case byKey:
		return bytes.Equal(key, e.text)
	case byPrefix:
		return bytes.HasPrefix(key, e.text)
	case byHost:
		return bytes.EqualFold(HostOf(key), e.text)
	}
	for tag := range tagged {
		if bytes.Equal(tag, e.text) {
			return true
		}
	}
	return false
}

// HostOf returns the host in a key text, as PurgeHost compares it: what stands
// behind "://", without port. It is empty where keys hold no host.
func HostOf(key []byte) []byte {
	_, rest, ok := bytes.Cut(key, []byte("://"))
	if !ok {
		return nil
	}
	if bytes.HasPrefix(rest, []byte("[")) {
		return rest[:bytes.IndexByte(rest, ']')+1]
	}
	if end := bytes.IndexAny(rest, ":/?\n"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// expire makes what Meta describes stale at now, unless it is already.
func expire(m *store.Meta, now int64) { m.Fresh = min(m.Fresh, max(now-m.Born, 0)) }

// append writes the event as the value of an i key.
func (e *event) append(dst []byte) []byte {
	flags := byte(0)
	if e.soft {
		flags |= 1
	}
	if e.all {
		flags |= 2
	}
	dst = append(dst, segment.RecordVersion, e.by, flags)
	dst = binary.LittleEndian.AppendUint64(dst, e.part)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.now))
	return append(dst, e.text...)
}

func parseEvent(b []byte) (*event, bool) {
	if len(b) < 19 || b[0] != segment.RecordVersion || b[1] > byHost {
		return nil, false
	}
	le := binary.LittleEndian
	return &event{by: b[1], soft: b[2]&1 != 0, all: b[2]&2 != 0, part: le.Uint64(b[3:]), now: int64(le.Uint64(b[11:])), text: slices.Clone(b[19:])}, true
}

// recentEvents bounds the memory of purges. What was offered, or looked up,
// before the oldest of them counts as purged.
const recentEvents = 1024

// events are the purges of this process. Active ones are still being worked
// into the index; until then lookups compare what they find with them.
type events struct {
	active atomic.Pointer[[]*event]
	seen   atomic.Uint64 // seq of the last that began: behind active, so that whoever reads it first misses none

	mu     sync.Mutex
	recent []*event // by seq
	floor  uint64   // seq of the newest that was forgotten
}

// begin makes an event count. The caller has the turn, so that an edit sees all
// events before it or is seen by their work.
func (v *events) begin(e *event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.recent) == recentEvents {
		v.floor = v.recent[0].seq
		v.recent = slices.Delete(v.recent, 0, 1)
	}
	v.recent = append(v.recent, e)
	active := append(slices.Clone(v.list()), e)
	v.active.Store(&active)
	v.seen.Store(e.seq)
}

// end says that the index has no object any more that the event purges.
func (v *events) end(e *event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	active := slices.DeleteFunc(slices.Clone(v.list()), func(o *event) bool { return o == e })
	v.active.Store(&active)
}

// reset forgets all, before anybody else knows of them.
func (v *events) reset() {
	v.active.Store(nil)
	v.seen.Store(0)
	v.recent, v.floor = nil, 0
}

// list returns the active ones, which must not be changed.
func (v *events) list() []*event {
	if p := v.active.Load(); p != nil {
		return *p
	}
	return nil
}

// unfinished returns what the last process left to do.
func (v *events) unfinished() []*event { return slices.Clone(v.list()) }

// judge applies the events after seq to an object: it makes m stale for soft
// ones, and reports whether the object is still there.
func (v *events) judge(seq uint64, part uint64, key []byte, tagged func(yield func([]byte) bool), m *store.Meta) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq < v.floor {
		return false
	}
	for _, e := range slices.Backward(v.recent) {
		if e.seq <= seq {
			break
		}
		if !e.hits(part, key, tagged) {
			continue
		}
		if !e.soft {
			return false
		}
		expire(m, e.now)
	}
	return true
}

// judgeBy is judge by those events of a list that came after seq.
func judgeBy(list []*event, seq uint64, part uint64, key []byte, tagged func(yield func([]byte) bool), m *store.Meta) bool {
	for _, e := range list {
		if e.seq <= seq || !e.hits(part, key, tagged) {
			continue
		}
		if !e.soft {
			return false
		}
		expire(m, e.now)
	}
	return true
}
