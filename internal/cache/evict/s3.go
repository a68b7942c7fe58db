package evict

import "sync/atomic"

// A Node is an object's place in the queues. The zero value is in none.
type Node struct {
	next, prev uint32 // towards the tail, towards the head
	cost       uint32
	where      uint32
	freq       atomic.Uint32
}

// The queues that a Node may be in.
const (
	nowhere uint32 = iota
	inSmall
	inMain
)

// mostFreq is where counting uses stops.
const mostFreq = 3

// Touch counts a use of the object.
func (n *Node) Touch() {
	// Two concurrent uses may count as one: the number is a hint, and a plain
	// store keeps the line of a popular object free of locked operations.
	if f := n.freq.Load(); f < mostFreq {
		n.freq.Store(f + 1)
	}
}

// Queued reports whether the node is in a queue.
func (n *Node) Queued() bool { return n.where != nowhere }

// Neighbours returns the numbers of the nodes beside this one, 0 for none, for
// who wants them in the processor's cache. They may have changed already.
func (n *Node) Neighbours() (prev, next uint32) {
	return atomic.LoadUint32(&n.prev), atomic.LoadUint32(&n.next)
}

// Nodes finds nodes by number. Number 0 is no node.
type Nodes interface {
	Node(id uint32) *Node
	// Claim takes the object for eviction, and is false when it is in use.
	Claim(id uint32) bool
}

// list is a queue: nodes enter at the head and leave at the tail.
type list struct {
	head, tail uint32
	count      uint32
	cost       int64
}

func push[T Nodes](t T, l *list, id uint32) {
	n := t.Node(id)
	n.prev, n.next = 0, l.head
	if l.head != 0 {
		t.Node(l.head).prev = id
	} else {
		l.tail = id
	}
	l.head = id
	l.count++
	l.cost += int64(n.cost)
}

func unlink[T Nodes](t T, l *list, id uint32) {
	n := t.Node(id)
	if n.prev != 0 {
		t.Node(n.prev).next = n.next
	} else {
		l.head = n.next
	}
	if n.next != 0 {
		t.Node(n.next).prev = n.prev
	} else {
		l.tail = n.prev
	}
	n.prev, n.next = 0, 0
	l.count--
	l.cost -= int64(n.cost)
}

// S3 is a pair of queues. The zero value is empty.
type S3 struct {
	small, main list
}

// Len returns how many objects are queued.
func (s *S3) Len() int { return int(s.small.count) + int(s.main.count) }

// Cost returns the sum of what they cost.
func (s *S3) Cost() int64 { return s.small.cost + s.main.cost }

// Insert queues an object of the given cost (in a unit of the caller's). One
// that a Ghost remembers has proved its worth and goes to the main queue.
func Insert[T Nodes](s *S3, t T, id, cost uint32, remembered bool) {
	n := t.Node(id)
	n.cost = cost
	n.freq.Store(0)
	if remembered {
		n.where = inMain
		push(t, &s.main, id)
		return
	}
	n.where = inSmall
	push(t, &s.small, id)
}

// Remove takes an object out of its queue, if it is in one.
func Remove[T Nodes](s *S3, t T, id uint32) {
	n := t.Node(id)
	switch n.where {
	case inSmall:
		unlink(t, &s.small, id)
	case inMain:
		unlink(t, &s.main, id)
	}
	n.where = nowhere
}

// smallShare is the part of all cost that the small queue may hold: one tenth.
const smallShare = 10

// Evict takes the object that is worth least out of its queue and returns its
// number, claimed, or 0 when all are in use. young says that it never left the
// small queue: the caller then gives it to the Ghost.
func Evict[T Nodes](s *S3, t T) (id uint32, young bool) {
	busySmall, busyMain := uint32(0), uint32(0) // seen in use, in a row
	for {
		small := busySmall < s.small.count
		if small && busyMain < s.main.count {
			small = s.small.cost*smallShare > s.Cost()
		}
		switch {
		case small:
			id, young = s.small.tail, true
			if promote(s, t, id) {
				busyMain = 0 // it lies before those seen
				continue
			}
			if take(&s.small, t, id) {
				return id, true
			}
			busySmall++
		case busyMain < s.main.count:
			id = s.main.tail
			if again(s, t, id) {
				busyMain = 0
				continue
			}
			if take(&s.main, t, id) {
				return id, false
			}
			busyMain++
		default:
			return 0, false
		}
	}
}

// Tails returns the numbers of the nodes that are next to go, of either queue; 0
// for none.
func (s *S3) Tails() (small, main uint32) { return s.small.tail, s.main.tail }

// promote moves an object that was used twice in the small queue to the main one.
func promote[T Nodes](s *S3, t T, id uint32) bool {
	n := t.Node(id)
	if n.freq.Load() < 2 {
		return false
	}
	unlink(t, &s.small, id)
	n.where = inMain
	n.freq.Store(0)
	push(t, &s.main, id)
	return true
}

// again gives a used object of the main queue another round.
func again[T Nodes](s *S3, t T, id uint32) bool {
	n := t.Node(id)
	f := n.freq.Load()
	if f == 0 {
		return false
	}
	n.freq.Store(f - 1)
	unlink(t, &s.main, id)
	push(t, &s.main, id)
	return true
}

// take claims the object at the tail, or moves it to the head when it is in use.
func take[T Nodes](l *list, t T, id uint32) bool {
	claimed := t.Claim(id)
	unlink(t, l, id)
	if claimed {
		t.Node(id).where = nowhere
		return true
	}
	push(t, l, id)
	return false
}

// Walk calls fn for every queued object and returns what the queues add up to,
// for checks of the caller's books.
func Walk[T Nodes](s *S3, t T, fn func(id uint32)) (count int, cost int64) {
	for _, l := range []*list{&s.small, &s.main} {
		for id := l.head; id != 0; id = t.Node(id).next {
			fn(id)
			count++
			cost += int64(t.Node(id).cost)
		}
	}
	return count, cost
}
