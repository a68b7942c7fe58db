package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/cache/store"
	"fishplate/internal/invariant"
)

// A Flight is one fetch of an object: from the decision to ask the origin until
// the last byte of the body. Its leader is the exchange that asks; it settles
// the flight exactly once (carry, refuse or fail). Others wait for that, and
// then read the growing object, each at its own pace.
type Flight struct {
	table *flights // nil: nobody can join
	id    store.Key
	since uint64 // purges before it are known to its answer
	limit int64  // of the body in bytes; 0 = the store's
	size  int64  // of a body whose last byte settles the flight at once; 0 = not known

	mu      sync.Mutex
	news    chan struct{} // closed at the next change; nil while nobody waits
	state   flightState
	object  *store.Object // pinned by the flight while it is carried
	readers []*Reader     // of the object while it grows
	over    bool          // the object outgrew its bound, or the store's room: it is not kept
	trimmed int64         // bytes of it that are given back
	spill   []byte        // what followed the object last
	spillAt int64         // its position

	waiting atomic.Int32 // readers that wait for bytes
}

type flightState uint8

const (
	pending flightState = iota // the origin has not decided
	carried                    // there is an object, which grows
	landed                     // the object is complete
	refused                    // the answer may not be shared
	failed                     // there is no answer, or it broke
)

// flights are the fetches under way, by the key that they fetch.
type flights struct {
	shards [64]struct {
		mu   sync.Mutex
		byID map[store.Key]*Flight
		_    [40]byte
	}
}

func (t *flights) shard(id store.Key) (*sync.Mutex, *map[store.Key]*Flight) {
	s := &t.shards[id[0]%uint64(len(t.shards))]
	return &s.mu, &s.byID
}

// join returns the flight for an id; lead says that it is new and that the
// caller leads it.
func (t *flights) join(id store.Key) (f *Flight, lead bool) {
	mu, byID := t.shard(id)
	mu.Lock()
	defer mu.Unlock()
	if f := (*byID)[id]; f != nil {
		return f, false
	}
	if *byID == nil {
		*byID = make(map[store.Key]*Flight)
	}
	f = &Flight{table: t, id: id}
	(*byID)[id] = f
	return f, true
}

// leave takes the flight out of the table: nobody joins it any more.
func (f *Flight) leave() {
	if f.table == nil {
		return
	}
	mu, byID := f.table.shard(f.id)
	mu.Lock()
	if (*byID)[f.id] == f {
		delete(*byID, f.id)
	}
	mu.Unlock()
}

// carry settles the flight with an object, of which it keeps a pin.
func (f *Flight) carry(o *store.Object) {
	o.Pin()
	f.mu.Lock()
	invariant.Check(f.state == pending, "a flight settled twice")
	f.object, f.state = o, carried
	f.tell()
	f.mu.Unlock()
}

// settle ends the flight. Its pin is given back; readers have their own.
func (f *Flight) settle(s flightState) {
	f.leave()
	f.mu.Lock()
	o := f.object
	f.object, f.state = nil, s
	f.tell()
	f.mu.Unlock()
	if o != nil {
		o.Unpin()
	}
}

// rest settles the flight as failed, and keeps others of its key away for a while.
func (f *Flight) rest(d time.Duration) {
	f.mu.Lock()
	f.state = failed
	f.tell()
	f.mu.Unlock()
	time.AfterFunc(d, f.leave)
}

// tell wakes whoever waits. f.mu is held.
func (f *Flight) tell() {
	if f.news != nil {
		close(f.news)
		f.news = nil
	}
}

// listen returns a channel that is closed at the next change. f.mu is held.
func (f *Flight) listen() <-chan struct{} {
	if f.news == nil {
		f.news = make(chan struct{})
	}
	return f.news
}

// await waits until the flight is settled, for at most d. The object, when
// there is one, is pinned for the caller.
func (f *Flight) await(d time.Duration, done <-chan struct{}) (s flightState, o *store.Object) {
	var timer *time.Timer
	for {
		f.mu.Lock()
		if f.state != pending {
			s, o = f.state, f.object
			if o != nil {
				o.Pin()
			}
			f.mu.Unlock()
			if timer != nil {
				timer.Stop()
			}
			return s, o
		}
		news := f.listen()
		f.mu.Unlock()
		if timer == nil {
			timer = time.NewTimer(d)
		}
		select {
		case <-news:
		case <-timer.C:
			return pending, nil
		case <-done:
			timer.Stop()
			return pending, nil
		}
	}
}

// A Reader reads the body of an object from its first byte on, which may still
// be on its way. It holds no pin of its own: whoever has it has pinned the object.
type Reader struct {
	object *store.Object
	flight *Flight // nil: the object was complete
	at     atomic.Int64
	base   int64 // position of the object's first byte in what is read

	// Client is whom the bytes go to, so that a write that has stood still can be
	// ended; nil: it cannot.
	Client interface{ SetWriteDeadline(time.Time) error }
	lost   bool // it held up others and is cut off; guarded by the flight's mu
}

// read attaches the reader to the flight. False means that the object's first
// bytes are gone.
func (f *Flight) read(r *Reader, o *store.Object) bool {
	r.object, r.flight, r.base, r.lost = o, f, 0, false
	r.at.Store(0)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over && f.trimmed > 0 {
		return false
	}
	if f.state == carried {
		f.readers = append(f.readers, r)
	}
	return true
}

// close takes the reader from its flight.
func (r *Reader) close() {
	f := r.flight
	if f == nil {
		return
	}
	r.flight = nil
	f.mu.Lock()
	for i, other := range f.readers {
		if other == r {
			last := len(f.readers) - 1
			f.readers[i] = f.readers[last]
			f.readers[last] = nil
			f.readers = f.readers[:last]
			break
		}
	}
	if f.over {
		f.tell() // the writer may wait for us
	}
	f.mu.Unlock()
}

// Next returns the bytes that follow, as many as lie together, without waiting;
// nil when there are none yet, or no more.
func (r *Reader) Next(at int64) []byte {
	at -= r.base
	f := r.flight
	if p := r.object.Segment(at); f == nil || len(p) > 0 && at+int64(len(p)) != f.size {
		return p
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	piece, _ := f.held(r.object, at)
	return piece
}

// Took says that the reader will not ask for bytes before at again.
func (r *Reader) Took(at int64) {
	r.at.Store(at - r.base)
	if f := r.flight; f != nil {
		f.mu.Lock()
		if f.over {
			f.tell()
		}
		f.mu.Unlock()
	}
}

// Await waits until there are bytes at that offset or the body has ended, and
// reports which: more, or whole. Neither means that the rest will not come.
func (r *Reader) Await(at int64, done <-chan struct{}) (more, whole bool) {
	at -= r.base
	f := r.flight
	if f == nil {
		return r.object.Available() > at, true
	}
	if at > r.at.Load() {
		r.Took(at + r.base) // who waits for a range wants nothing before it
	}
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	for {
		f.mu.Lock()
		state := f.state
		piece, gone := f.held(r.object, at)
		gone = gone || r.lost
		var news <-chan struct{}
		if len(piece) == 0 && !gone && state == carried {
			news = f.listen()
		}
		f.mu.Unlock()
		switch {
		case gone:
			return false, false
		case len(piece) > 0:
			return true, false
		case state == landed:
			return false, true
		case news == nil:
			return false, false
		}
		select {
		case <-news:
		case <-done:
			return false, false
		}
	}
}

// How long the writer of an object that is over waits for its slowest reader:
// not long when others wait too, who would all go at that one's pace.
const (
	overrunWait = 30 * time.Second // without any progress
	laggardWait = time.Second
)

const (
	trimStep   = 64 << 10 // the least that is trimmed at once, in bytes
	spillBytes = 64 << 10
)

// Append adds bytes to the object. A body that outgrows its bound, or for which
// the store has no more room, is not kept; its readers get it all the same: the
// object is trimmed behind them, and the rest goes through a buffer of the
// flight's own, at the pace of the slowest. False means that nobody reads it, or
// that a reader has stood still.
func (f *Flight) Append(o *store.Object, p []byte) bool {
	if !f.over {
		p = p[f.appendNow(o, p):]
	}
	for len(p) > 0 {
		n := f.spillOver(o, p)
		if n == 0 {
			return false
		}
		p = p[n:]
	}
	return true
}

// appendNow adds as much of p as there is room for, and returns how much that was.
func (f *Flight) appendNow(o *store.Object, p []byte) (n int) {
	if room := f.limit - o.Available(); f.limit > 0 && int64(len(p)) > room {
		p = p[:max(room, 0)]
	}
	n, _ = o.Append(p) // what did not fit is seen by its length
	if f.waiting.Load() > 0 && o.Available() != f.size {
		f.mu.Lock()
		f.tell()
		f.mu.Unlock()
	}
	return n
}

// spillOver puts bytes into the buffer when every reader has passed what is in
// it, and returns how many.
func (f *Flight) spillOver(o *store.Object, p []byte) int {
	f.leave()
	timer, hurry := time.NewTimer(overrunWait), time.NewTimer(laggardWait)
	defer timer.Stop()
	defer hurry.Stop()
	late, seen := false, int64(-1)
	for {
		f.mu.Lock()
		if !f.over {
			f.over, f.spillAt = true, o.Available()
		}
		last, least := f.slowest()
		if last == nil {
			f.mu.Unlock()
			return 0
		}
		if late && len(f.readers) > 1 {
			last.lose() // its memory is free when it has gone
		}
		if to := min(least, o.Available()); to >= f.trimmed+trimStep {
			o.Trim(to)
			f.trimmed = to
		}
		if least >= f.spillAt+int64(len(f.spill)) {
			f.spillAt += int64(len(f.spill))
			f.spill = append(f.spill[:0], p[:min(len(p), spillBytes)]...)
			n := len(f.spill)
			f.tell()
			f.mu.Unlock()
			return n
		}
		news := f.listen()
		f.mu.Unlock()
		if least > seen {
			seen = least
			timer.Reset(overrunWait)
		}
		select {
		case <-news:
		case <-hurry.C:
			late = true
		case <-timer.C:
			return 0
		}
	}
}

// deserted reports whether nobody reads.
func (f *Flight) deserted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers) == 0
}

// slowest returns the reader that has come least far. f.mu is held.
func (f *Flight) slowest() (last *Reader, at int64) {
	for _, r := range f.readers {
		if is := r.at.Load(); last == nil || is < at {
			last, at = r, is
		}
	}
	return last, at
}

// held returns the bytes at that offset that lie together, nil when there are
// none, and whether there ever will be. The last ones are nobody's before the
// flight is settled: who has the whole finds it in the store. f.mu is held.
func (f *Flight) held(o *store.Object, at int64) (piece []byte, gone bool) {
	if at < f.trimmed {
		return nil, true
	}
	piece = o.Segment(at)
	if off := at - f.spillAt; len(piece) == 0 && f.over {
		if off < 0 || off > int64(len(f.spill)) {
			return nil, true
		}
		piece = f.spill[off:]
	}
	if f.state == carried && at+int64(len(piece)) == f.size {
		return nil, false
	}
	return piece, false
}

// lose cuts a reader off. f.mu is held.
func (r *Reader) lose() {
	if !r.lost && r.Client != nil {
		r.lost = true
		_ = r.Client.SetWriteDeadline(time.Unix(1, 0)) // a closed connection is as good
	}
}

// keep is carry for an object of which each use needs a word of the origin:
// nobody comes aboard any more.
func (f *Flight) keep(o *store.Object) {
	f.leave()
	f.carry(o)
}

// Landed reports whether the whole body is there.
func (r *Reader) Landed() bool { return r.flight == nil || r.object.Complete() }
