package load

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// schedule is what all threads of a run share: times in nanoseconds since base.
type schedule struct {
	base  time.Time
	opens int64 // the window
	shuts int64
}

func (s *schedule) now() int64 { return int64(time.Since(s.base)) }

// worker is one thread with its share of the connections.
type worker struct {
	plan    *Plan
	times   *schedule
	poller  int
	target  *peer
	sources []*peer
	turn    int // the next source

	conns  []conn
	free   []int32 // connections that are not open
	idle   []int32 // open ones without a transaction, in an open loop
	paused []int32 // those that failed, until pause
	pause  int64

	due   int64   // when the next transaction of the open loop is meant to begin
	place int64   // its number
	step  float64 // nanoseconds between two of this thread's
	first float64 // when its first is due

	buffer []byte
	events []unix.EpollEvent
	sweep  int64 // when time limits are looked at next

	tally   *Tally
	flying  atomic.Int64
	behind  atomic.Int64
	mu      sync.Mutex // guards recent
	recent  recent
	stopped atomic.Bool // by the context
}

// recent is what happened since the last look.
type recent struct {
	total    *histogram
	done     int64
	errors   int64
	connects int64
}

const (
	sweepEvery = int64(50 * time.Millisecond)
	retryAfter = int64(time.Millisecond)
	startsMax  = 64 // due transactions begun before events are looked at again
)

func newWorker(p *Plan, times *schedule, number, connections int) (*worker, error) {
	poller, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	w := &worker{
		plan: p, times: times, poller: poller, target: peerOf(p.Target), turn: number,
		conns: make([]conn, connections), buffer: make([]byte, 64<<10), events: make([]unix.EpollEvent, 256),
		tally: newTally(), recent: recent{total: newHistogram()},
	}
	for _, a := range p.Sources {
		w.sources = append(w.sources, peerOf(addrOnly(a)))
	}
	for i := range connections {
		w.conns[i].fd, w.conns[i].place = -1, int32(i)
		w.free = append(w.free, int32(connections-1-i))
	}
	if p.Rate > 0 {
		w.step = 1e9 / p.Rate * float64(p.Threads)
		w.first = 1e9 / p.Rate * float64(number)
		w.due = int64(w.first)
	}
	return w, nil
}

// run drives the connections until the window is over and the last answers are
// there or too late.
func (w *worker) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { _ = unix.Close(w.poller) }()
	for {
		now := w.times.now()
		if now >= w.times.shuts || w.stopped.Load() {
			break
		}
		w.begin(now)
		w.poll(w.patience(now))
	}
	if w.plan.Rate > 0 && !w.stopped.Load() {
		w.tally.Behind = w.dueBefore(w.times.shuts) - w.dueBefore(w.times.opens)
	}
	// The last answers: none of them begins anything.
	last := w.times.now() + int64(w.plan.Timeout)
	for now := w.times.now(); now < last && w.asking() && !w.stopped.Load(); now = w.times.now() {
		w.poll(int64(10 * time.Millisecond))
		w.expire(w.times.now())
	}
	for i := range w.conns {
		if c := &w.conns[i]; c.fd >= 0 {
			w.drop(c)
		}
	}
}

// asking reports whether a transaction of the window has not ended.
func (w *worker) asking() bool {
	for i := range w.conns {
		if c := &w.conns[i]; c.fd >= 0 && c.phase != resting && c.meant < w.times.shuts {
			return true
		}
	}
	return false
}

// begin starts what is due.
func (w *worker) begin(now int64) {
	if len(w.paused) > 0 && now >= w.pause {
		w.free = append(w.free, w.paused...)
		w.paused = w.paused[:0]
	}
	if now >= w.sweep {
		w.expire(now)
		w.sweep = now + sweepEvery
	}
	if w.plan.Rate == 0 {
		for n := len(w.free); n > 0 && len(w.free) > 0; n-- {
			meant := w.times.now()
			if meant >= w.times.shuts { // the thread stood still since it was asked to begin
				break
			}
			w.open(w.take(&w.free), meant)
		}
		return
	}
	for range startsMax {
		if w.due > now || w.due >= w.times.shuts || len(w.idle)+len(w.free) == 0 {
			break
		}
		meant := w.due
		w.place++
		w.due = int64(w.first + float64(w.place)*w.step)
		if meant >= w.times.opens && w.times.now()-meant > int64(time.Millisecond) {
			w.tally.Late++
		}
		if len(w.idle) > 0 {
			c := w.take(&w.idle)
			c.meant = meant
			w.ask(c)
		} else {
			w.open(w.take(&w.free), meant)
		}
	}
	w.behind.Store(w.dueBefore(min(now, w.times.shuts)))
}

// dueBefore counts transactions that were due before that time and did not
// begin.
func (w *worker) dueBefore(when int64) int64 {
	if when <= w.due {
		return 0
	}
	return int64(float64(when-1-w.due)/w.step) + 1
}

// take removes the last connection of a list.
func (w *worker) take(list *[]int32) *conn {
	n := len(*list) - 1
	c := &w.conns[(*list)[n]]
	*list = (*list)[:n]
	return c
}

// patience is how long the thread may wait for events.
func (w *worker) patience(now int64) int64 {
	until := min(w.times.shuts, w.sweep)
	if len(w.paused) > 0 {
		until = min(until, w.pause)
	}
	if w.plan.Rate > 0 && len(w.idle)+len(w.free) > 0 {
		until = min(until, w.due)
	}
	return until - now
}

func (w *worker) poll(nanoseconds int64) {
	n := wait(w.poller, w.events, nanoseconds)
	for i := range n {
		ev := &w.events[i]
		if c := &w.conns[ev.Fd]; c.fd >= 0 {
			w.happened(c, ev.Events)
		}
	}
}

// expire ends transactions that took too long.
func (w *worker) expire(now int64) {
	for i := range w.conns {
		c := &w.conns[i]
		if c.fd >= 0 && c.phase != resting && now-c.begun > int64(w.plan.Timeout) {
			w.fail(c, "timeout", 0)
		}
	}
}

// stood counts a connection that came to stand.
func (w *worker) stood(c *conn, now int64) {
	c.stood = now
	if c.meant >= w.times.opens && now < w.times.shuts {
		w.tally.Connections++
	}
	if w.counts(c) {
		record(w.tally.Connect, now-c.begun)
	}
	w.mu.Lock()
	w.recent.connects++
	w.mu.Unlock()
}

// counts reports whether the transaction was meant to begin in the window.
func (w *worker) counts(c *conn) bool { return c.meant >= w.times.opens && c.meant < w.times.shuts }

// finish counts a transaction that succeeded. In an open loop its latency
// counts from when it was meant to begin.
func (w *worker) finish(c *conn) {
	now := w.times.now()
	if now >= w.times.opens && now < w.times.shuts {
		w.tally.Transactions++
	}
	took := now - c.meant
	if w.counts(c) {
		record(w.tally.Total, took)
		if c.answered == 0 {
			c.answered = now
		}
		record(w.tally.First, c.answered-c.meant)
	}
	w.mu.Lock()
	w.recent.done++
	record(w.recent.total, took)
	w.mu.Unlock()
}

// fail counts a transaction that did not, and closes its connection. After a
// moment another takes its place.
func (w *worker) fail(c *conn, where string, errno syscall.Errno) {
	name := where
	if errno != 0 {
		if s := unix.ErrnoName(errno); s != "" {
			name += " " + s
		} else {
			name += " " + errno.Error()
		}
	}
	if w.counts(c) {
		w.tally.Errors[name]++
	}
	w.mu.Lock()
	w.recent.errors++
	w.mu.Unlock()
	if c.fd >= 0 {
		w.drop(c)
	}
	if len(w.paused) == 0 {
		w.pause = w.times.now() + retryAfter
	}
	w.paused = append(w.paused, c.place)
}

// drop closes the descriptor; the poller forgets it by that.
func (w *worker) drop(c *conn) {
	closeFD(c.fd)
	c.fd = -1
	w.flying.Add(-1)
}

// look returns what happened since the last look, and begins anew.
func (w *worker) look(into *histogram) recent {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.recent
	into.Merge(r.total)
	r.total.Reset()
	w.recent = recent{total: r.total}
	return r
}
