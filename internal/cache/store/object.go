package store

import (
	"sync/atomic"

	"fishplate/internal/cache/evict"
	"fishplate/internal/invariant"
)

// Object is one stored answer. It lies outside the Go heap; its texts and body
// may be used while it is pinned.
//
// The first 16 bytes are read by lookups that found the object's number in the
// index and cannot know whether it still lives. Records are stable cells, so
// these bytes are always those of a record, and use is 0 in a free one.
type Object struct {
	use  atomic.Uint64 // low half: pins, and one for being published; high half: hits
	over atomic.Uint64 // the entry behind this one, when its bucket overflows

	key    Key
	self   uint32 // its unit
	part   uint32
	state  atomic.Uint32
	text   uint32        // cell of the texts, 0 = none
	body   atomic.Uint32 // first cell of the body, 0 = none
	ban    atomic.Uint32
	hash   uint32 // in the index
	purged atomic.Uint32

	keyLen, varyLen, wireLen, fields uint16

	fresh atomic.Int64
	meta  Meta
	node  evict.Node
	tags  uint16
	slack uint32 // of the text cell, in bytes
	seq   uint64
}

// Bits of an Object's state. One that is neither live nor dead is being made.
// Those from markShift on are the marks.
const (
	live uint32 = 1 << iota
	dead
	complete
	failed
	orphan // unlinked

	markShift = 16
)

const oneHit = 1 << 32

// pin adds a pin, and n hits, unless the object is free.
func (o *Object) pin(hits uint64) bool {
	for {
		v := o.use.Load()
		if uint32(v) == 0 {
			return false
		}
		if o.use.CompareAndSwap(v, v+1+hits*oneHit) {
			return true
		}
	}
}

// Pin keeps the object's memory until one more Unpin. The caller has it pinned.
func (o *Object) Pin() {
	v := o.use.Add(1)
	if invariant.On {
		invariant.Check(uint32(v) > 1, "a free object is pinned")
	}
}

// Unpin ends one pin.
func (o *Object) Unpin() {
	v := o.use.Add(^uint64(0))
	if uint32(v) == 0 {
		coreOf(o).free(o)
	}
	if invariant.On {
		invariant.Check(uint32(v) != ^uint32(0), "an object is unpinned once too often")
	}
}

// unhit ends a pin of a lookup that did not take the object.
func (o *Object) unhit() {
	o.use.Add(^uint64(oneHit - 1))
	o.Unpin()
}

// kill makes a live object dead. Who does so unlinks it.
func (o *Object) kill() bool {
	for {
		v := o.state.Load()
		if v&(live|dead) != live {
			return false
		}
		if o.state.CompareAndSwap(v, v&^live|dead) {
			return true
		}
	}
}

// Key returns the object's key.
func (o *Object) Key() Key { return o.key }

// PartitionID returns the number of the object's partition.
func (o *Object) PartitionID() uint32 { return o.part }

// Published reports whether Lookup can find the object.
func (o *Object) Published() bool { return o.state.Load()&live != 0 }

// Removed reports whether the object was taken out of the store, or replaced.
func (o *Object) Removed() bool { return o.state.Load()&dead != 0 }

// Complete reports whether Finish was called.
func (o *Object) Complete() bool { return o.state.Load()&complete != 0 }

// Failed reports whether Abort was called.
func (o *Object) Failed() bool { return o.state.Load()&failed != 0 }

// Finish says that the body is all there.
func (o *Object) Finish() {
	o.finishBody()
	o.state.Or(complete)
}

// Abort says that the body will never be complete.
func (o *Object) Abort() { o.state.Or(failed) }

// Meta returns the object's values.
func (o *Object) Meta() Meta {
	m := o.meta
	m.Fresh = o.fresh.Load()
	return m
}

// Marks returns what Mark left, 0 at first.
func (o *Object) Marks() uint16 { return uint16(o.state.Load() >> markShift) }

// Mark leaves bits on the object, so that what one caller found out about its
// body is not found out again by the next.
func (o *Object) Mark(bits uint16) { o.state.Or(uint32(bits) << markShift) }

// Hits returns how many lookups found the object.
func (o *Object) Hits() uint32 { return uint32(o.use.Load() >> 32) }

// SetFresh changes for how long after Born the object is fresh, in nanoseconds.
func (o *Object) SetFresh(ns int64) { o.fresh.Store(ns) }

// Expire makes the object stale at now, in nanoseconds since the Unix epoch
// (soft: it may still be served in grace and revalidated), or removes it.
func (o *Object) Expire(soft bool, now int64) {
	if !soft {
		o.Remove()
		return
	}
	for {
		left, fresh := now-o.meta.Born, o.fresh.Load()
		if left >= fresh || o.fresh.CompareAndSwap(fresh, left) {
			return
		}
	}
}

// Remove takes the object out of the store. Who has it pinned keeps it. An
// object that is not published yet never will be.
func (o *Object) Remove() {
	c := coreOf(o)
	switch {
	case o.kill():
		c.unlink(o)
	default:
		o.state.Or(dead)
	}
}

// Ban returns the highest stamp that SetBan left, 0 at first.
func (o *Object) Ban() uint32 { return o.ban.Load() }

// SetBan leaves a stamp, unless there is a higher one.
func (o *Object) SetBan(n uint32) {
	for {
		old := o.ban.Load()
		if old >= n || o.ban.CompareAndSwap(old, n) {
			return
		}
	}
}

// Size returns the memory of the object in bytes, rounding included.
func (o *Object) Size() int64 {
	n := recordSize
	if o.text != 0 {
		n += int64(coreOf(o).Heap.Size(o.text))
	}
	if b := o.data(); b != nil {
		n += b.held.Load()
	}
	return n
}
