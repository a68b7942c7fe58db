package share

import "sync/atomic"

const (
	// spare is how many of the last descriptors no client and no pipe gets, a quarter
	// of them all when that is less: calls of the admin, files, checks and servers
	// need some.
	spare = 32
	// Where there are many pipes, the kernel gives each of them less room than a
	// buffer has, and copying costs less.
	mostPipes = 1024
	perPipe   = 2 // descriptors
)

// Roof is the first descriptor that no client gets, of as many as there may be.
func Roof(limit int64) int64 { return limit - min(spare, limit/4) }

// Pipes is how many pipes there may be: an eighth of the descriptors.
func Pipes(limit int64) int64 { return min(mostPipes, limit/8/perPipe) }

// Clients is how many clients there may be when each of them is to find a descriptor
// for its server, beside as many others as are open anyway.
func Clients(limit, others int64) int64 {
	return max(1, (Roof(limit)-others-perPipe*Pipes(limit))/2)
}

// Quota says which clients are let in. The zero Quota lets everybody in but for the
// last descriptors.
type Quota struct {
	// Open is how many clients there are that may want a server; nil: none does.
	Open func() int64

	roof   atomic.Int64 // as the limit was when it was looked at; 0: look
	most   atomic.Int64 // Clients, as it was then
	lowest atomic.Int64 // descriptor that a client got, and one: as many are open besides
}

// Admits reports whether a client that was accepted may stay. The system gives out
// the lowest descriptor that is free.
func (q *Quota) Admits(fd int) bool { return q.admits(int64(fd), Limit) }

func (q *Quota) admits(fd int64, limit func() int64) bool {
	if low := q.lowest.Load(); low == 0 || fd < low-1 {
		q.lowest.Store(fd + 1)
	}
	if q.within(fd) {
		return true
	}
	most := limit()
	q.most.Store(Clients(most, q.lowest.Load()-1))
	q.roof.Store(Roof(most))
	return q.within(fd)
}

func (q *Quota) within(fd int64) bool {
	return fd < q.roof.Load() && (q.Open == nil || q.Open() < q.most.Load())
}

// Forget makes the quota look at the limit again: it may be lower than it was.
func (q *Quota) Forget() { q.roof.Store(0) }
