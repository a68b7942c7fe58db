package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"fishplate/internal/cache/index"
	"fishplate/internal/cache/segment"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// MinSize is the least Options.Size: the index has files of some size of its own.
const MinSize = 16 << 20

// Errors of an open tier.
var (
	ErrOff     = index.ErrOff       // it is closed, or has turned itself off
	ErrCorrupt = segment.ErrCorrupt // what was read is not what was written, and is not served
)

// Options say where a tier lies and how large it may be.
type Options struct {
	Path   string       // the directory; made when absent, owned by one process at a time
	Size   int64        // bytes of segments and index together, as du counts them
	Logger *slog.Logger // findings; nil: discarded

	// QueueObjects and QueueBytes bound what was offered and is not written yet,
	// and so what is pinned meanwhile; 0: 4096 objects, 64 MiB.
	QueueObjects int
	QueueBytes   int64

	fs vfs.FS // nil: the operating system's
}

// Tier is an open directory. All methods may be called by anybody at any time.
type Tier struct {
	opt  Options
	dir  *directory
	lock io.Closer
	log  *slog.Logger

	index *index.Index
	shelf segment.Shelf
	parts parts

	size     atomic.Int64  // the bound
	taken    atomic.Int64  // bytes of segment files
	seq      atomic.Uint64 // the last number given out
	reserved uint64        // all numbers below may be in use; guarded by the turn

	queue   chan job
	queued  atomic.Int64 // bytes of bodies in queue
	shut    sync.RWMutex // held for reading while something is put into queue
	closing bool
	poke    chan struct{}
	quit    chan struct{}
	life    context.Context // ends with quit
	die     context.CancelFunc
	ended   sync.WaitGroup
	events  events
	loaded  chan struct{} // closed when the leftovers were looked after
	chores  chan chore    // for the loader, after it has loaded

	shutOnce sync.Once
	fault    atomic.Pointer[error]
	broken   chan error // the first fault, for the one who closes the index

	away    chan struct{} // closed when a broken index was put away
	awayErr error         // why it could not be; read after away

	counters
}

// Open takes the directory and is ready to serve; counts and leftovers are
// looked after behind. Its errors are ErrLocked, ErrForeign, ErrNewer, or the
// system's, with the path. A directory that cannot be read any more is emptied
// with a finding, as a cache can be filled again.
func Open(o Options) (*Tier, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.QueueObjects == 0 {
		o.QueueObjects = 4096
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = 64 << 20
	}
	t, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("open disk cache %q: %w", o.Path, err)
	}
	return t, nil
}

func open(o Options) (*Tier, error) {
	if o.Size < MinSize {
		return nil, fmt.Errorf("a size of %d bytes is below %d", o.Size, MinSize)
	}
	if !filepath.IsAbs(o.Path) {
		return nil, errors.New("the path is not absolute")
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	t := &Tier{opt: o, log: o.Logger,
		dir:   &directory{fs: o.fs, path: filepath.Clean(o.Path), log: o.Logger},
		shelf: segment.Shelf{ByID: map[uint64]*segment.Segment{}}, parts: parts{byHash: map[uint64]*part{}},
		queue: make(chan job, o.QueueObjects), poke: make(chan struct{}, 1), quit: make(chan struct{}),
		loaded: make(chan struct{}), chores: make(chan chore, 16), broken: make(chan error, 1), away: make(chan struct{}),
	}
	t.life, t.die = context.WithCancel(context.Background())
	t.size.Store(o.Size)
	if err := o.fs.MkdirAll(t.dir.path, 0o700); err != nil {
		return nil, err
	}
	t.lock = io.NopCloser(nil)
	if vfs.Root(o.fs) == vfs.Default {
		lock, err := lockDirectory(t.dir.path)
		if err != nil {
			return nil, err
		}
		t.lock = lock
	}
	if err := t.start(); err != nil {
		if t.index != nil {
			t.index.Close()
		}
		return nil, errors.Join(err, t.lock.Close())
	}
	return t, nil
}

// start reads what is there and starts the goroutines.
func (t *Tier) start() error {
	if err := t.dir.prepare(); err != nil {
		return err
	}
	if err := t.openIndex(); err != nil {
		return err
	}
	chains, err := t.openSegments()
	if err != nil {
		return err
	}
	before := t.index.DB.NewSnapshot()
	intents := t.events.unfinished()
	w := newWriter(t, chains)
	t.ended.Add(3)
	go t.watch()
	go w.run()
	go t.load(before, intents)
	return nil
}

// openIndex opens the index, and empties the directory when the index cannot be
// read: purges that it knew of may be lost, so what lies in the segments must
// not be served.
func (t *Tier) openIndex() error {
	err := t.tryIndex()
	var number syscall.Errno
	if err == nil || errors.As(err, &number) && number != syscall.ENOENT {
		return err // nil, or the disk's fault, which may pass
	}
	t.log.Warn("index of the disk cache cannot be read; the cache starts empty", "path", t.dir.path, "cause", err.Error())
	if t.index != nil {
		t.index.Freeze()
		t.index.Close()
	}
	if t.fault.Swap(nil) != nil {
		<-t.broken
	}
	if err := t.clear(); err != nil {
		return err
	}
	return t.tryIndex()
}

func (t *Tier) tryIndex() (err error) {
	t.parts.byHash = map[uint64]*part{}
	t.events.reset()
	t.index, err = index.Open(t.dir.fs, t.dir.join(indexDir), t.opt.Size, t.log, t.off)
	if err != nil {
		return err
	}
	return t.index.Safely(t.recall)
}

func (t *Tier) clear() error {
	if err := t.dir.empty(); err != nil {
		return err
	}
	return t.dir.fs.MkdirAll(t.dir.join(indexDir), 0o700)
}

// openSegments lists the segments, and removes those that hold nothing, or
// nothing that can be read.
func (t *Tier) openSegments() (map[uint64]*chain, error) {
	ids, err := t.dir.segments()
	if err != nil {
		return nil, err
	}
	chains := map[uint64]*chain{}
	for _, id := range ids {
		t.lastSegment = max(t.lastSegment, id)
		number, size, err := t.dir.readHead(id)
		if err != nil || size == segment.StartSize {
			if err != nil {
				t.log.Warn("segment of the disk cache is removed", "path", t.dir.path, "segment", segment.Name(id), "cause", err.Error())
			}
			if err := t.dir.fs.Remove(t.dir.join(segmentDir, segment.Name(id))); err != nil {
				return nil, err
			}
			continue
		}
		s := segment.New(t.dir.fs, t.dir.join(segmentDir), id, number)
		s.Size.Store(size)
		t.shelf.Put(s)
		c := chains[number]
		if c == nil {
			c = &chain{number: number}
			chains[number] = c
		}
		c.sealed = append(c.sealed, s)
		c.taken += index.OnDisk(size)
		t.taken.Add(index.OnDisk(size))
	}
	return chains, nil
}

// recall reads the small keys: partitions, unfinished purges, the number.
func (t *Tier) recall() error {
	x := t.index
	number := func(b []byte) uint64 {
		if len(b) != 8 {
			return 0
		}
		return binary.BigEndian.Uint64(b)
	}
	value, _, err := x.Get(nil, []byte{kindNext})
	if err != nil {
		return err
	}
	t.seq.Store(number(value))
	err = x.Scan(x.DB, []byte{kindPartition}, []byte{kindPartition + 1}, func(_, value []byte) bool {
		if p, _ := t.parts.make(string(value)); p != nil {
			p.saved = true
		}
		return true
	})
	if err != nil {
		return err
	}
	err = x.Scan(x.DB, []byte{kindIntent}, []byte{kindIntent + 1}, func(key, value []byte) bool {
		if e, ok := parseEvent(value); ok {
			e.seq = number(key[1:])
			t.seq.Store(max(t.seq.Load(), e.seq))
			t.events.begin(e)
		}
		return true
	})
	if err != nil {
		return err
	}
	t.events.floor = t.seq.Load()
	t.events.seen.Store(t.events.floor)
	b := x.DB.NewBatch()
	defer b.Close()
	t.reserve(b)
	// Durable before the first number is used: records outlive a kill that takes
	// the end of the index's log, and no two of them may have one number.
	return b.Commit(pebble.Sync)
}

// off turns the tier off. It is called from anywhere, under pebble's locks
// too, so it only says so; watch does the rest.
func (t *Tier) off(err error) {
	if t.fault.CompareAndSwap(nil, &err) {
		t.broken <- err
	}
}

// on reports that the tier serves.
func (t *Tier) on() bool { return t.fault.Load() == nil }

// Fault is why the tier turned itself off, or nil.
func (t *Tier) Fault() error {
	if p := t.fault.Load(); p != nil {
		return *p
	}
	return nil
}

// watch waits for the first fault or the end.
func (t *Tier) watch() {
	defer t.ended.Done()
	select {
	case err := <-t.broken:
		t.log.Error("disk cache turns itself off", "path", t.dir.path, "cause", err.Error())
		t.shutIndex()
	case <-t.quit:
	}
}

// shutIndex closes the index, once. After a fault the index is put away, because
// the purges to come could not be written into it, and what they purge must not
// come back with the next start.
func (t *Tier) shutIndex() (err error) {
	t.shutOnce.Do(func() {
		if t.on() {
			// Out of the log, whose end cannot be told from a damaged one.
			t.index.Safely(t.index.DB.Flush)
			if err = t.index.Close(); t.on() {
				return
			}
		} else {
			t.index.Freeze()
			t.index.Close()
		}
		t.shelf.Clear()
		defer close(t.away)
		if err := t.dir.retire(); err != nil {
			t.awayErr = err
			t.log.Error("index of the disk cache cannot be put away; empty the directory before the next start", "path", t.dir.path, "cause", err.Error())
		}
	})
	return err
}

// wake makes the writer look at quotas, size and empty segments.
func (t *Tier) wake() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// Resize changes Options.Size of an open tier; a smaller one drops segments soon.
func (t *Tier) Resize(size int64) error {
	if size < MinSize {
		return fmt.Errorf("resize disk cache: a size of %d bytes is below %d", size, MinSize)
	}
	t.size.Store(size)
	t.wake()
	return nil
}

// PutBans keeps the bans' list for the next process, durably.
func (t *Tier) PutBans(list []byte) error {
	err := t.index.Safely(func() error {
		return t.index.DB.Set([]byte{kindBans}, list, pebble.Sync)
	})
	if err != nil {
		return fmt.Errorf("keep bans: %w", err)
	}
	return nil
}

// LoadBans returns what PutBans kept last, or nil.
func (t *Tier) LoadBans() (list []byte, err error) {
	err = t.index.Safely(func() error {
		list, _, err = t.index.Get(nil, []byte{kindBans})
		return err
	})
	return list, err
}

// Close drops what is still queued, awaits the goroutines and frees the
// directory. Flush before, to keep what is queued. What was found stays
// readable until its own Close.
func (t *Tier) Close() error { return t.close(nil) }

// Discard is Close, after which the directory holds nothing any more: purges to
// come will not reach it, and what they mean must not come back with it.
func (t *Tier) Discard() error { return t.close(t.dir.retire) }

// close ends the tier and then, while the directory is still ours, calls last.
func (t *Tier) close(last func() error) error {
	t.shut.Lock()
	if t.closing {
		t.shut.Unlock()
		return nil
	}
	t.closing = true
	close(t.queue)
	t.shut.Unlock()
	close(t.quit)
	t.die()
	t.ended.Wait()
	err := t.shutIndex()
	t.shelf.Clear()
	if last != nil && t.on() { // after a fault that was done
		err = errors.Join(err, last())
	}
	return errors.Join(err, t.lock.Close())
}

// Flush waits until what was offered before is durable, even against a loss of
// power, or until ctx ends. A program that ends calls it with what time it has.
func (t *Tier) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	if !t.send(ctx, job{flushed: done}) {
		return errors.Join(ErrOff, ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
