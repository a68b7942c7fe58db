package upstream

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// queue holds the requests that wait for a slot: highest priority first, and
// among equals the one that came first. A request that is pinned waits for its
// own server only.
//
// A slot that comes free is handed over: its connection count is not lowered in
// between, so nobody who comes later can take it.
type queue struct {
	mu     sync.Mutex // a leaf
	seq    uint64
	any    waitHeap
	pinned map[*Server]*waitHeap
	n      atomic.Int64
}

// waiter is one waiting request. It is pooled; the channel is empty and the
// timer stopped whenever it is in the pool.
type waiter struct {
	granted  chan *Server // capacity 1; a server with a slot taken, or nil: look again
	priority float64
	seq      uint64 // 0 = not yet placed
	want     *Server
	in       *waitHeap // nil = not in the queue
	at       int
	timer    *time.Timer
}

func newWaiter() *waiter {
	w := &waiter{granted: make(chan *Server, 1), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	return w
}

// waitHeap is ordered by priority, then by arrival.
type waitHeap []*waiter

func (h waitHeap) Len() int           { return len(h) }
func (h waitHeap) Less(i, j int) bool { return h[i].before(h[j]) }
func (h waitHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *waitHeap) Push(x any) {
	w := x.(*waiter)
	w.at = len(*h)
	*h = append(*h, w)
}

func (h *waitHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return w
}

func (w *waiter) before(v *waiter) bool {
	if w.priority != v.priority {
		return w.priority > v.priority
	}
	return w.seq < v.seq
}

// waiting returns how many requests wait.
func (q *queue) waiting() int { return int(q.n.Load()) }

// join places a request; it is refused when limit requests wait already. One
// that was in the queue before keeps its place and is never refused.
func (q *queue) join(w *waiter, limit int) bool {
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
	if w.want != nil {
		if q.pinned == nil {
			q.pinned = map[*Server]*waitHeap{}
		}
		if h = q.pinned[w.want]; h == nil {
			h = &waitHeap{}
			q.pinned[w.want] = h
		}
	}
	heap.Push(h, w)
	w.in = h
	q.n.Add(1)
	return true
}

// leave takes a request out. False means that it was granted something in the
// meantime, which then lies in its channel.
func (q *queue) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.in == nil {
		return false
	}
	q.remove(w)
	return true
}

// remove is called with the lock held.
func (q *queue) remove(w *waiter) {
	heap.Remove(w.in, w.at)
	if w.want != nil && w.in.Len() == 0 {
		delete(q.pinned, w.want)
	}
	w.in = nil
	q.n.Add(-1)
}

// grant gives the slot of s, which the caller has taken, to the request whose
// turn it is. open says that requests which are not pinned may have it too.
func (q *queue) grant(s *Server, open bool) bool {
	if q.n.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var w *waiter
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
	w.granted <- s
	return true
}

// stir makes every waiting request look again, after a server came back or the
// list of servers changed.
func (q *queue) stir() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.any) > 0 {
		w := q.any[0]
		q.remove(w)
		w.granted <- nil
	}
	for _, h := range q.pinned {
		for h.Len() > 0 {
			w := (*h)[0]
			q.remove(w)
			w.granted <- nil
		}
	}
}

// wants reports whether grant would find somebody.
func (q *queue) wants(s *Server, open bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return open && len(q.any) > 0 || q.pinned[s] != nil
}
