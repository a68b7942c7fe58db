package main

import (
	"container/list"
	"sync/atomic"

	"fishplate/internal/cache/evict"
)

// lru is the policy that everybody knows.
type lru struct {
	bytes, used int64
	order       *list.List // of request, the front used last
	at          map[uint32]*list.Element
}

func newLRU(bytes int64, _ int) policy {
	return &lru{bytes: bytes, order: list.New(), at: map[uint32]*list.Element{}}
}

func (l *lru) request(r request) bool {
	if e := l.at[r.key]; e != nil {
		l.order.MoveToFront(e)
		return true
	}
	if int64(r.size) > l.bytes {
		return false
	}
	l.push(r)
	for l.used > l.bytes {
		l.pop()
	}
	return false
}

func (l *lru) push(r request) {
	l.at[r.key] = l.order.PushFront(r)
	l.used += int64(r.size)
}

func (l *lru) last() request { return l.order.Back().Value.(request) }

func (l *lru) pop() request {
	r := l.last()
	l.remove(r.key)
	return r
}

func (l *lru) remove(key uint32) {
	e := l.at[key]
	l.used -= int64(e.Value.(request).size)
	l.order.Remove(e)
	delete(l.at, key)
}

// s3 drives the store's policy: node key+1 is the object's.
type s3 struct {
	bytes  int64
	nodes  []evict.Node
	queues evict.S3
	ghost  evict.Ghost
	slots  []atomic.Uint64
}

func newS3(bytes int64, keys int) policy {
	return &s3{bytes: bytes, nodes: make([]evict.Node, keys+1), slots: make([]atomic.Uint64, 64)}
}

func (s *s3) Node(id uint32) *evict.Node { return &s.nodes[id] }
func (s *s3) Claim(uint32) bool          { return true }

func hash(id uint32) uint64 {
	h := (uint64(id) + 1) * 0x9e3779b97f4a7c15
	return (h ^ h>>29) * 0xbf58476d1ce4e5b9
}

func (s *s3) request(r request) bool {
	id := r.key + 1
	if s.nodes[id].Queued() {
		s.nodes[id].Touch()
		return true
	}
	if int64(r.size) > s.bytes {
		return false
	}
	for s.queues.Cost()+int64(r.size) > s.bytes {
		n := uint32(s.queues.Len())
		gone, young := evict.Evict(&s.queues, s)
		if !young {
			continue
		}
		s.ghost.SetSpan(n)
		for int(n) > len(s.slots) {
			s.slots = make([]atomic.Uint64, 2*len(s.slots))
		}
		s.ghost.Add(s.slots, hash(gone))
	}
	evict.Insert(&s.queues, s, id, r.size, s.ghost.Take(s.slots, hash(id)))
	return false
}

// tinyLFU is W-TinyLFU: a window of a hundredth, a main part of which four fifths
// are protected, and a sketch of how often keys were asked for, halved from time to
// time, that decides who of the window's and the main part's last may stay.
type tinyLFU struct {
	bytes                        int64
	window, probation, protected *lru
	sketch                       []uint8 // four rows
	mask                         uint64
	seen, reset                  int
}

func newTinyLFU(bytes int64, keys int) policy {
	width := 64
	for width < keys {
		width *= 2
	}
	window := max(bytes/100, 1)
	return &tinyLFU{
		bytes: bytes, window: newLRU(window, 0).(*lru), probation: newLRU(bytes, 0).(*lru),
		protected: newLRU((bytes-window)*4/5, 0).(*lru), sketch: make([]uint8, 4*width), mask: uint64(width - 1), reset: 10 * keys / 4,
	}
}

func (t *tinyLFU) rows(key uint32, fn func(*uint8)) {
	h := hash(key)
	for row := range uint64(4) {
		fn(&t.sketch[row*(t.mask+1)+(h>>(row*16)^h*(row+1))&t.mask])
	}
}

func (t *tinyLFU) count(key uint32) {
	t.rows(key, func(c *uint8) { *c = min(*c+1, 15) })
	if t.seen++; t.seen == t.reset {
		t.seen = 0
		for i := range t.sketch {
			t.sketch[i] /= 2
		}
	}
}

func (t *tinyLFU) often(key uint32) uint8 {
	least := uint8(255)
	t.rows(key, func(c *uint8) { least = min(least, *c) })
	return least
}

func (t *tinyLFU) request(r request) bool {
	t.count(r.key)
	switch {
	case t.window.at[r.key] != nil:
		t.window.order.MoveToFront(t.window.at[r.key])
		return true
	case t.protected.at[r.key] != nil:
		t.protected.order.MoveToFront(t.protected.at[r.key])
		return true
	case t.probation.at[r.key] != nil:
		t.probation.remove(r.key)
		t.protected.push(r)
		for t.protected.used > t.protected.bytes && len(t.protected.at) > 1 {
			t.probation.push(t.protected.pop())
		}
		return true
	}
	if int64(r.size) > t.bytes {
		return false
	}
	t.window.push(r)
	for t.window.used > t.window.bytes {
		t.admit(t.window.pop())
	}
	return false
}

// admit lets an object that leaves the window into the main part, if it is asked
// for more often than those that it would push out.
func (t *tinyLFU) admit(r request) {
	room := t.bytes - t.window.bytes
	for t.probation.used+t.protected.used+int64(r.size) > room {
		part := t.probation
		if len(part.at) == 0 {
			part = t.protected
		}
		if len(part.at) == 0 || t.often(part.last().key) >= t.often(r.key) {
			return
		}
		part.pop()
	}
	t.probation.push(r)
}
