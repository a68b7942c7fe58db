package proxy

import (
	"sync"
	"time"

	"fishplate/internal/netio"
)

// The kernel chooses among the sockets of an address without a look at their
// queues: clients of one whose acceptor does not get on would wait while the others
// are idle. So the queues are looked at, and another goroutine takes what waits in
// one that is more than half full at two looks, or not empty at ten.
const (
	lookEvery = 100 * time.Millisecond
	stalled   = 10 // marks of one queue in successive looks
	halfFull  = 5  // marks of a look, 1 when the queue is less full and 0 when it is empty
)

// marks counts against one shard; it is the watcher's.
type marks struct {
	n       int
	helping chan struct{} // a token while a helper runs
}

// watch helps the shards of l until done is closed, and returns when its helpers have ended.
func (s *Server) watch(l *netio.Listener, name func() string, done <-chan struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var shards []*marks
	var helpers sync.WaitGroup
	defer helpers.Wait()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		for i, q := range l.Queues() {
			if i == len(shards) {
				shards = append(shards, &marks{helping: make(chan struct{}, 1)})
			}
			if m := shards[i]; m.look(q) {
				helpers.Add(1)
				s.help(l, i, name, func() {
					<-m.helping
					helpers.Done()
				})
			}
		}
	}
}

// look marks a shard, and says whether it is to be helped, which takes its token.
func (m *marks) look(q netio.Queue) bool {
	switch {
	case q.Len <= 0:
		m.n = 0
	case 2*q.Len > q.Cap:
		m.n += halfFull
	default:
		m.n++
	}
	if m.n < stalled {
		return false
	}
	m.n = 0
	select {
	case m.helping <- struct{}{}:
		return true
	default: // its helper does not get on either
		return false
	}
}
