package proxy

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
)

// sweepEvery is how often watches are looked at, and so how late a timeout may
// come.
const sweepEvery = 50 * time.Millisecond

// deadliner is the part of a connection that a sweep uses.
type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Values of watch.due that are not instants.
const (
	watchIdle   = 0
	watchFiring = -1 // the sweep is setting the deadline
	watchFired  = -2 // it has been set
)

// A watch bounds the blocking calls of one goroutine. Arming it is two stores;
// when its time has come the sweep sets a deadline in the past, which ends the
// blocked call with os.ErrDeadlineExceeded. Only its goroutine arms and disarms
// it; a connection is never touched by the sweep after disarm has returned.
type watch struct {
	due atomic.Int64 // nanoseconds of wheel.now, or one of the values above
	cut atomic.Bool  // it fires as soon as it is armed
	// What may block: written before due, read by the sweep after it took due.
	reads, writes deadliner

	shard      *wheelShard // nil while it is not swept
	next, prev *watch      // guarded by shard.mu
}

// arm bounds the following reads from one connection and writes to another,
// either of which may be nil, to the time until due, an instant of wheel.now.
// The watch must be idle.
func (w *watch) arm(reads, writes deadliner, due int64) {
	w.reads, w.writes = reads, writes
	w.due.Store(due)
	if w.cut.Load() {
		w.fire()
	}
}

// sever ends what is blocked now and everything that is armed from now on. Any
// goroutine may call it.
func (w *watch) sever() {
	w.cut.Store(true)
	w.fire()
}

// fire sets the deadline if the watch is armed.
func (w *watch) fire() {
	if due := w.due.Load(); due > 0 && w.due.CompareAndSwap(due, watchFiring) {
		w.set(past())
		w.due.Store(watchFired)
	}
}

// disarm ends the bound and reports whether it had passed. The connection's
// deadline is cleared if it had.
func (w *watch) disarm() (fired bool) {
	for {
		switch due := w.due.Load(); due {
		case watchIdle:
			return false
		case watchFiring:
			runtime.Gosched()
		case watchFired:
			w.set(time.Time{})
			w.due.Store(watchIdle)
			return true
		default:
			if w.due.CompareAndSwap(due, watchIdle) {
				return false
			}
		}
	}
}

func (w *watch) set(t time.Time) {
	if w.reads != nil {
		_ = w.reads.SetReadDeadline(t)
	}
	if w.writes != nil {
		_ = w.writes.SetWriteDeadline(t)
	}
}

// past is a deadline that has passed.
func past() time.Time { return time.Unix(1, 0) }

// A wheel sweeps the watches of a server. Its goroutine ends when stop is
// closed; Server.Close awaits it.
type wheel struct {
	base   time.Time
	wall   func() time.Time
	coarse atomic.Int64 // nanoseconds since base, at the last sweep
	skew   atomic.Int64 // nanoseconds by which the wall clock was set since base, see look
	all    atomic.Bool  // every armed watch fires at the next sweep
	shards [16]wheelShard
}

type wheelShard struct {
	mu   sync.Mutex
	head watch // ring
	_    [32]byte
}

func newWheel() *wheel {
	w := &wheel{base: time.Now(), wall: time.Now}
	w.coarse.Store(1)
	for i := range w.shards {
		head := &w.shards[i].head
		head.next, head.prev = head, head
	}
	return w
}

// now returns the instant of the last sweep: cheap, and up to sweepEvery old.
func (w *wheel) now() int64 { return w.coarse.Load() }

// exact returns the present instant.
func (w *wheel) exact() int64 { return int64(time.Since(w.base)) }

// time converts an instant to a time of the wall clock, as that is set now.
func (w *wheel) time(at int64) time.Time {
	t := w.base.Add(time.Duration(at))
	if skew := w.skew.Load(); skew != 0 {
		return t.Round(0).Add(time.Duration(skew))
	}
	return t
}

// deadline converts an instant to a time that passes when the instant does, however
// the wall clock is set.
func (w *wheel) deadline(at int64) time.Time { return w.base.Add(time.Duration(at)) }

// skewed is how far the wall clock may be from the monotonic one before it counts as
// set: less is the pace of the two, or this goroutine's bad luck.
const skewed = time.Second

// look compares the clocks. The wall clock is set by people and by time servers, and
// goes on while a machine is saved to disk or moved, which the other one does not
// count: ages, dates and the log follow it, timeouts do not.
func (w *wheel) look(now int64) {
	skew := w.wall().UnixNano() - w.base.UnixNano() - now
	if d := skew - w.skew.Load(); d > int64(skewed) || d < -int64(skewed) {
		w.skew.Store(skew)
	}
}

// add makes the sweep look at watch t.
func (w *wheel) add(t *watch, shard metrics.Shard) {
	s := &w.shards[uint32(shard)%uint32(len(w.shards))]
	s.mu.Lock()
	t.shard = s
	t.prev, t.next = &s.head, s.head.next
	t.next.prev = t
	s.head.next = t
	s.mu.Unlock()
}

// remove ends that. The watch must be idle.
func (w *wheel) remove(t *watch) {
	s := t.shard
	if s == nil {
		return
	}
	s.mu.Lock()
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev, t.shard = nil, nil, nil
	s.mu.Unlock()
	t.reads, t.writes = nil, nil
}

// run sweeps until stop is closed.
func (w *wheel) run(stop <-chan struct{}) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			w.sweep()
		}
	}
}

// stood is how late a sweep must be for the process to have stood still: stopped,
// or its machine. A watch does not count that time, in which nobody could have
// answered: all that are armed now were armed before, or by the instant before.
const stood = 500 * time.Millisecond

func (w *wheel) sweep() {
	now, all := w.exact(), w.all.Load()
	still := now - w.coarse.Swap(now)
	if still < int64(stood) {
		still = 0
	}
	w.look(now)
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		for t := s.head.next; t != &s.head; t = t.next {
			due := t.due.Load()
			if due > 0 && still > 0 && t.due.CompareAndSwap(due, due+still) {
				due += still
			}
			if due > 0 && (due <= now || all) && t.due.CompareAndSwap(due, watchFiring) {
				t.set(past())
				t.due.Store(watchFired)
			}
		}
		s.mu.Unlock()
	}
}
