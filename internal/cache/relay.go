package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/cache/store"
	"fishplate/internal/records"
)

// Handed counts what went from one process to the next.
type Handed struct {
	Objects int
	Bytes   int64 // of memory
	Left    int   // objects that were not taken along, for want of room
}

// A Relay hands what the stores have in memory to the process that takes this
// one's place, and every purge, ban and invalidation that ends while it lasts: the
// next process strikes what it has before it serves any of it. It starts one
// goroutine that writes and one that reads answers, and ends them in Close.
type Relay struct {
	c    *Caches
	out  *os.File
	in   *os.File // numbers of the strikes that the other process has done
	w    *records.Writer
	most int64 // bytes of memory that it may have

	tasks  sync.WaitGroup
	broken chan struct{} // closed by the first error, and by Close
	wake   chan struct{} // there is something to write
	landed atomic.Bool   // Settle was called: nothing is done again here

	mu      sync.Mutex // a leaf
	handed  Handed
	queue   [][]byte // strikes that were not written yet
	number  uint64   // of the last that was queued
	line    uint64   // number of the line; 0: it was not drawn
	done    uint64   // by the other process
	moved   chan struct{}
	after   []*blow // behind the line
	over    bool    // Close has seen to them
	failure error
}

// Bounds of a Relay.
const (
	mostStrikes = 1 << 17          // that wait for the objects before them
	strikeWait  = 20 * time.Second // for the other process to have done one
)

// Relay begins to write to out what the stores have in memory, at most so many
// bytes of it: of what was used, and of the rest as far as there is room. From now
// on strikes are passed on, those that are under way included. It owns both files.
func (c *Caches) Relay(out, in *os.File, most int64) *Relay {
	r := &Relay{c: c, out: out, in: in, most: most, broken: make(chan struct{}), wake: make(chan struct{}, 1), moved: make(chan struct{})}
	r.w = records.NewWriter(out, passKind, passVersion)
	c.relay.Store(r)
	r.tasks.Go(func() { r.fail(r.write()) })
	r.tasks.Go(func() { r.fail(r.read()) })
	return r
}

var errRelayClosed = errors.New("the hand-over of caches has ended")

// fail ends the relay with its first error.
func (r *Relay) fail(err error) {
	r.mu.Lock()
	first := r.failure == nil
	if first {
		r.failure = err
		r.queue = nil
		close(r.broken)
	}
	r.mu.Unlock()
	if first {
		_, _ = r.out.Close(), r.in.Close() // nothing is owed to whoever does not read
	}
}

// Close ends the relay and awaits its goroutines. What was struck behind the line
// is struck here again unless the other process has taken over: this one's disks
// were closed then.
func (r *Relay) Close() {
	r.c.relay.CompareAndSwap(r, nil)
	r.fail(errRelayClosed)
	r.tasks.Wait()
	if r.landed.Load() {
		return
	}
	r.mu.Lock()
	after := r.after
	r.after, r.over = nil, true
	r.mu.Unlock()
	for _, b := range after {
		_ = r.c.land(b) // it was understood once
	}
}

// Settle says that the other process serves: it has what is struck from now on,
// and what is in memory here is given back, behind the caller's back.
func (r *Relay) Settle() {
	r.settle()
	r.c.tidies.Go(r.c.Shed)
}

func (r *Relay) settle() {
	r.landed.Store(true)
	r.mu.Lock()
	r.after = nil
	r.mu.Unlock()
}

// Line draws the line behind which strikes wait for the other process's disks, and
// returns what was handed over once that process has done all before it.
func (r *Relay) Line(within time.Duration) (Handed, error) {
	n := r.post(nil, records.AppendInt(nil, passLine))
	if !r.await(n, within) {
		r.fail(fmt.Errorf("hand over caches: the new process did not take them within %v", within))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handed, r.failure
}

// post queues a record and returns its number. b is nil for the line. 0: Close was
// called meanwhile, and did not see it.
func (r *Relay) post(b *blow, record []byte) uint64 {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return 0
	}
	r.number++
	n, full := r.number, len(r.queue) >= mostStrikes
	if r.failure == nil {
		r.queue = append(r.queue, record)
	}
	switch {
	case b == nil:
		r.line = n
	case r.line != 0 && !r.landed.Load():
		r.after = append(r.after, b)
	}
	r.mu.Unlock()
	if full {
		r.fail(errors.New("hand over caches: more was purged meanwhile than is remembered"))
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return n
}

// await waits until the other process has done number n; false: it did not.
func (r *Relay) await(n uint64, within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		r.mu.Lock()
		done, moved := r.done >= n, r.moved
		r.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-moved:
		case <-r.broken:
			return false
		case <-late.C:
			return false
		}
	}
}

// tell passes a strike on that was done here. Behind the line it returns when the
// other process has done it too. began is the relay of the moment at which it
// began: what ends after that relay may have missed the disks, which were closed,
// and is done again.
func (k *strike) tell(began *Relay, kind int64, text []byte) {
	r := k.s.caches.relay.Load()
	if r == nil {
		r = began
	}
	if r == nil {
		return
	}
	b := k.blow(kind, append([]byte(nil), text...))
	n := r.post(b, b.append(nil))
	if n == 0 {
		_ = r.c.land(b) // it was understood once
		return
	}
	r.mu.Lock()
	behind := r.line != 0 && n > r.line
	r.mu.Unlock()
	if behind && !r.await(n, strikeWait) && r.landed.Load() {
		r.c.logger.Warn("a purge did not reach the process that has taken over", "cache", b.store, "problem", r.why())
	}
}

func (r *Relay) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// read hears which strikes the other process has done.
func (r *Relay) read() error {
	var b [8]byte
	for {
		if _, err := io.ReadFull(r.in, b[:]); err != nil {
			return fmt.Errorf("hand over caches: %w", err)
		}
		r.mu.Lock()
		r.done = max(r.done, binary.BigEndian.Uint64(b[:]))
		close(r.moved)
		r.moved = make(chan struct{})
		r.mu.Unlock()
	}
}

// write writes the objects, and then the strikes as they come.
func (r *Relay) write() error {
	if err := r.objects(); err != nil {
		return fmt.Errorf("hand over caches: %w", err)
	}
	for {
		r.mu.Lock()
		list := r.queue
		r.queue = nil
		r.mu.Unlock()
		for _, b := range list {
			if err := r.w.Put(b); err != nil {
				return fmt.Errorf("hand over caches: %w", err)
			}
		}
		if err := r.w.Flush(); err != nil {
			return fmt.Errorf("hand over caches: %w", err)
		}
		select {
		case <-r.wake:
		case <-r.broken:
			return errRelayClosed
		}
	}
}

// objects writes what is in memory. The next process has no more room than this
// one: what is written last has the best chance to stay, and that is what was used.
func (r *Relay) objects() error {
	used := int64(0)
	for _, s := range r.c.all() {
		s.each(nil, func(o *store.Object) bool {
			if o.Hits() > 0 {
				used += o.Size()
			}
			return true
		})
	}
	for _, want := range []bool{false, true} {
		left := r.most
		if !want {
			left -= used
		}
		for _, s := range r.c.all() {
			if err := r.some(s, want, &left); err != nil {
				return err
			}
		}
	}
	r.mu.Lock()
	h := r.handed
	r.mu.Unlock()
	if err := r.w.Put(records.AppendInt(records.AppendInt(nil, passEnd), int64(h.Objects))); err != nil {
		return err
	}
	return r.w.Flush()
}

// some writes the objects of a store that were used, or the others.
func (r *Relay) some(s *Store, used bool, left *int64) (err error) {
	names := map[uint32]string{}
	for _, p := range s.memory.Partitions() {
		names[p.ID()] = p.Name()
	}
	now := r.c.clock().UnixNano()
	s.each(nil, func(o *store.Object) bool {
		if o.Hits() > 0 != used || !o.Complete() || o.Failed() || names[o.PartitionID()] == "" || over(o, now) {
			return true
		}
		if !s.bans.Passed(o.Ban()) {
			if verdict, number := s.bans.Test(s.view(o)); !s.banish(o, verdict, number, now) {
				return true
			}
		}
		size := o.Size()
		r.mu.Lock()
		if *left -= size; *left < 0 {
			*left += size
			r.handed.Left++
			r.mu.Unlock()
			return true
		}
		r.handed.Objects++
		r.handed.Bytes += size
		r.mu.Unlock()
		err = r.object(s, names[o.PartitionID()], o)
		return err == nil
	})
	return err
}

// over reports whether nothing can come of the object any more.
func over(o *store.Object, now int64) bool {
	m := o.Meta()
	return now-m.Born >= m.Fresh+max(m.Grace, m.Keep, m.StaleIfError)
}

func (r *Relay) object(s *Store, partition string, o *store.Object) error {
	if err := r.w.Put(s.appendObject(nil, partition, o)); err != nil {
		return err
	}
	size := o.Available()
	for at := int64(0); at < size; {
		piece := o.Segment(at)
		if len(piece) == 0 {
			return errors.New("a body has a hole")
		}
		piece = piece[:min(int64(len(piece)), size-at, passPiece)]
		if err := r.w.Put(append(records.AppendInt(make([]byte, 0, len(piece)+1), passBody), piece...)); err != nil {
			return err
		}
		at += int64(len(piece))
	}
	return nil
}

// shedRoom is what a store that sheds its memory keeps, in bytes, beside what is
// on its way into it.
const shedRoom = 4 << 20

// Shed empties the memory of all stores and gives it back to the system. What is
// being sent, or filled, goes on; the bounds stay.
func (c *Caches) Shed() {
	for _, s := range c.all() {
		s.each(nil, func(o *store.Object) bool {
			o.Remove()
			select {
			case <-c.closed:
				return false
			default:
				return true
			}
		})
		s.reap(c.closed)
		st := s.memory.Stats()
		_ = s.memory.Resize(min(s.bound.Load(), st.Used-st.Free+shedRoom)) // idle memory goes at a lower bound
		if err := s.memory.Resize(s.bound.Load()); err != nil {
			c.logger.Warn("resize cache", "cache", s.name, "error", err)
		}
	}
}
