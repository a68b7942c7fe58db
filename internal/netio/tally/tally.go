package tally

import (
	"sync"
	"sync/atomic"
)

// Tally is what was counted at one address. It only grows. Any goroutine may use it.
type Tally struct {
	Accepted atomic.Int64
	Shed     atomic.Int64 // connections closed at once for want of descriptors
	Spun     atomic.Int64 // connections that came while the queue was looked at
	Looks    atomic.Int64 // connections whose processors were compared
	Hits     atomic.Int64 // and were the same
	Dropped  atomic.Int64 // connections and handshakes that the kernel dropped, as far as was looked
	Most     atomic.Int64 // the longest that the queue of a socket was found to be
	Full     atomic.Bool  // one was as long as it may be, at that time
}

// Found notes how long a queue is that may be as long as bound.
func (t *Tally) Found(length, bound int64) {
	Raise(&t.Most, length)
	if length >= bound {
		t.Full.Store(true)
	}
}

// Lost notes what a socket has dropped since it was made; told is what the socket has
// told before.
func (t *Tally) Lost(told *atomic.Int64, all int64) { t.Dropped.Add(Raise(told, all)) }

// Raise makes n the value unless that is as great, and returns by how much it grew.
func Raise(value *atomic.Int64, n int64) (by int64) {
	for {
		was := value.Load()
		if n <= was {
			return 0
		}
		if value.CompareAndSwap(was, n) {
			return n - was
		}
	}
}

// Book has the tallies of a process, by address. The zero value is an empty one.
type Book struct {
	mu   sync.Mutex
	list map[string]*Tally
}

// Of returns the tally of an address, which it has from then on; a nil Book makes one
// that nobody else has.
func (b *Book) Of(address string) *Tally {
	if b == nil {
		return &Tally{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = map[string]*Tally{}
	}
	if b.list[address] == nil {
		b.list[address] = &Tally{}
	}
	return b.list[address]
}
