package queue

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// Queue holds the requests that wait for a slot of a server (S): highest
// priority first, and among equals the one that came first. A request that is
// pinned waits for its own server only. The zero Queue is empty and usable.
//
// A slot that comes free is handed over: its connection count is not lowered in
// between, so nobody who comes later can take it.
type Queue[S comparable] struct {
	mu     sync.Mutex // a leaf
	seq    uint64
	any    waitHeap[S]
	pinned map[S]*waitHeap[S]
	n      atomic.Int64
}

// Waiter is one waiting request. It may be pooled: the channel is empty whenever
// it is in no queue.
type Waiter[S comparable] struct {
	Granted  chan S // capacity 1; a server with a slot taken, or the zero S: look again
	Timer    *time.Timer
	priority float64
	seq      uint64       // 0 = not yet placed
	want     S            // zero = any server
	in       *waitHeap[S] // nil = not in the queue
	at       int
}

// NewWaiter returns a waiter whose timer is stopped.
func NewWaiter[S comparable]() *Waiter[S] {
	w := &Waiter[S]{Granted: make(chan S, 1), Timer: time.NewTimer(time.Hour)}
	w.Timer.Stop()
	return w
}

// Set begins a new wait, for one server or, with the zero S, for any.
func (w *Waiter[S]) Set(want S, priority float64) { w.seq, w.want, w.priority = 0, want, priority }

// Want changes the server that is waited for, while w is in no queue; its place
// by arrival stays.
func (w *Waiter[S]) Want(s S) { w.want = s }

// waitHeap is ordered by priority, then by arrival.
type waitHeap[S comparable] []*Waiter[S]

func (h waitHeap[S]) Len() int           { return len(h) }
func (h waitHeap[S]) Less(i, j int) bool { return h[i].before(h[j]) }
func (h waitHeap[S]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *waitHeap[S]) Push(x any) {
	w := x.(*Waiter[S])
	w.at = len(*h)
	*h = append(*h, w)
}

func (h *waitHeap[S]) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return w
}

func (w *Waiter[S]) before(v *Waiter[S]) bool {
	if w.priority != v.priority {
		return w.priority > v.priority
	}
	return w.seq < v.seq
}

// Waiting returns how many requests wait.
func (q *Queue[S]) Waiting() int { return int(q.n.Load()) }

// Join places a request; it is refused when limit requests wait already. One
// that was in the queue before keeps its place and is never refused.
func (q *Queue[S]) Join(w *Waiter[S], limit int) bool {
	var none S
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.seq == 0 {
		if int(q.n.Load()) >= limit {
			return false
		}
		q.seq++
		w.seq = q.seq
	}
	h := &q.any
	if w.want != none {
		if q.pinned == nil {
			q.pinned = map[S]*waitHeap[S]{}
		}
		if h = q.pinned[w.want]; h == nil {
			h = &waitHeap[S]{}
			q.pinned[w.want] = h
		}
	}
	heap.Push(h, w)
	w.in = h
	q.n.Add(1)
	return true
}

// Leave takes a request out. False means that it was granted something in the
// meantime, which then lies in its channel.
func (q *Queue[S]) Leave(w *Waiter[S]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.in == nil {
		return false
	}
	q.remove(w)
	return true
}

// remove is called with the lock held.
func (q *Queue[S]) remove(w *Waiter[S]) {
	var none S
	heap.Remove(w.in, w.at)
	if w.want != none && w.in.Len() == 0 {
		delete(q.pinned, w.want)
	}
	w.in = nil
	q.n.Add(-1)
}

// Grant gives the slot of s, which the caller has taken, to the request whose
// turn it is. open says that requests which are not pinned may have it too.
func (q *Queue[S]) Grant(s S, open bool) bool {
	if q.n.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var w *Waiter[S]
	if open && len(q.any) > 0 {
		w = q.any[0]
	}
	if h := q.pinned[s]; h != nil && (w == nil || (*h)[0].before(w)) {
		w = (*h)[0]
	}
	if w == nil {
		return false
	}
	q.remove(w)
	w.Granted <- s
	return true
}

// Stir makes every waiting request look again, after a server came back or the
// list of servers changed.
func (q *Queue[S]) Stir() {
	var none S
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.any) > 0 {
		w := q.any[0]
		q.remove(w)
		w.Granted <- none
	}
	for _, h := range q.pinned {
		for h.Len() > 0 {
			w := (*h)[0]
			q.remove(w)
			w.Granted <- none
		}
	}
}

// Wants reports whether Grant would find somebody.
func (q *Queue[S]) Wants(s S, open bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return open && len(q.any) > 0 || q.pinned[s] != nil
}
