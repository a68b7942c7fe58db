package index

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// indexCache is how many bytes of blocks pebble keeps in memory.
const indexCache = 32 << 20

// An Index is the pebble database. Anybody may read it; who changes it has the
// turn, so that reading an entry and writing it again are one step.
type Index struct {
	DB    *pebble.DB // for use within Safely
	guard *guard
	users gate
	turn  chan struct{}

	caches func()        // frees them
	broken chan struct{} // closed by the first fault
}

// ErrOff says that the index is closed.
var ErrOff = errors.New("disk tier is off")

// Used is how many bytes the files of the index take on the disk.
func (x *Index) Used() int64 { return x.guard.used.Load() }

// Freeze stops all changes of the disk, as a failed one does.
func (x *Index) Freeze() { x.guard.frozen.Store(true) }

// Begin takes the turn, End gives it back.
func (x *Index) Begin() { x.turn <- struct{}{} }

// End gives the turn back.
func (x *Index) End() { <-x.turn }

// abandonAfter is how long pebble may take to open or close after a fault: a
// goroutine that a fatal error ended may have left others waiting for good.
const abandonAfter = 3 * time.Second

// Open opens the index in a directory that exists, for a tier of size bytes.
// failed is told of what goes wrong later: it must not wait for anything.
func Open(fs vfs.FS, dir string, size int64, log *slog.Logger, failed func(error)) (*Index, error) {
	x := &Index{turn: make(chan struct{}, 1), broken: make(chan struct{})}
	x.users.done = make(chan struct{})
	var opened atomic.Bool
	var first atomic.Pointer[error]
	tell := func(err error) {
		if first.CompareAndSwap(nil, &err) {
			close(x.broken)
		}
		if opened.Load() {
			failed(err)
		}
	}
	x.guard = newGuard(fs, tell)
	if err := x.guard.measure(dir); err != nil {
		return nil, err
	}
	o := options(x.guard, size, log, tell)
	// When Open fails, pebble frees caches that its flushes and compactions still
	// use, and panics. Ours outlive that: a failed start leaks them.
	o.Cache = pebble.NewCache(indexCache)
	o.FileCache = pebble.NewFileCache(1, 256)
	x.caches = func() { o.FileCache.Unref(); o.Cache.Unref() }
	// On a goroutine of its own, because what pebble calls fatal ends it.
	var db *pebble.DB
	err := x.apart(func() (err error) {
		db, err = pebble.Open(dir, o)
		return err
	})
	opened.Store(true)
	if cause := first.Load(); cause != nil {
		if err == nil {
			x.DB = db
			x.guard.frozen.Store(true)
			x.Close()
		}
		return nil, *cause
	}
	if err != nil {
		return nil, err
	}
	x.DB = db
	return x, nil
}

func options(g *guard, size int64, log *slog.Logger, failed func(error)) *pebble.Options {
	o := &pebble.Options{
		FS:                          g,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		MemTableSize:                uint64(min(max(size/1024, 256<<10), 4<<20)),
		MemTableStopWritesThreshold: 4,
		L0StopWritesThreshold:       64,
		MaxManifestFileSize:         1 << 20,
		MaxOpenFiles:                256,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		Logger:                      indexLog{log, failed},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { failed(fmt.Errorf("index: %w", err)) },
			DataCorruption:  func(i pebble.DataCorruptionInfo) { failed(fmt.Errorf("index: %w", i.Details)) },
		},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// indexLog is pebble's logger. Its chatter is nobody's concern.
type indexLog struct {
	log    *slog.Logger
	failed func(error)
}

func (indexLog) Infof(string, ...any) {}

func (l indexLog) Errorf(text string, args ...any) {
	l.log.Debug("cache index", "text", fmt.Sprintf(text, args...))
}

// Fatalf must not return, and must not end the process either: it ends the
// goroutine, one of pebble's or that of apart.
func (l indexLog) Fatalf(text string, args ...any) {
	l.failed(fmt.Errorf("index: "+text, args...))
	runtime.Goexit()
}

// errEnded says that pebble panicked or called an error fatal.
var errEnded = errors.New("index gave up")

// apart runs op on a goroutine of its own and turns what would end that into an
// error. After a fault it does not wait for it much longer.
func (x *Index) apart(op func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errEnded
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", errEnded, p)
			}
			done <- err
		}()
		err = op()
	}()
	select {
	case err := <-done:
		return err
	case <-x.broken:
	}
	select {
	case err := <-done:
		return err
	case <-time.After(abandonAfter):
		return errEnded
	}
}

// Safely runs op unless the index is closed, and turns a panic of pebble into
// the end of the tier.
func (x *Index) Safely(op func() error) (err error) {
	if !x.users.enter() {
		return ErrOff
	}
	defer x.users.leave()
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(error); ok && errors.Is(e, pebble.ErrClosed) {
				err = ErrOff
				return
			}
			err = fmt.Errorf("%w: %v", errEnded, p)
			x.guard.failed(err)
		}
	}()
	return op()
}

// Get appends the value of key to dst; ok is false when there is none.
func (x *Index) Get(dst, key []byte) (value []byte, ok bool, err error) {
	v, closer, err := x.DB.Get(key)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			err = nil
		}
		return dst, false, err
	}
	return append(dst, v...), true, closer.Close()
}

// Scan calls fn for the keys from lower to upper until it returns false. What
// fn is given is valid during the call.
func (x *Index) Scan(from pebble.Reader, lower, upper []byte, fn func(key, value []byte) bool) error {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if !fn(it.Key(), value) {
			break
		}
	}
	return it.Close()
}

// Sync makes durable what was committed before.
func (x *Index) Sync() error { return x.DB.LogData(nil, pebble.Sync) }

// Close awaits the users and closes the database. After a fault its caches stay:
// what the fault ended may have left references to them, and pebble panics when
// they are freed then.
func (x *Index) Close() error {
	x.users.close()
	err := x.apart(x.DB.Close)
	select {
	case <-x.broken:
	default:
		if err == nil {
			x.caches()
		}
	}
	return err
}

// A gate counts those inside, and once closed lets nobody in.
type gate struct {
	inside atomic.Int64
	once   sync.Once
	done   chan struct{}
}

func (g *gate) enter() bool {
	if g.inside.Add(1) > 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.inside.Add(-1) == math.MinInt64 {
		g.once.Do(func() { close(g.done) })
	}
}

// Close shuts the gate and waits until all have left. It is called once.
func (g *gate) close() {
	if g.inside.Add(math.MinInt64) == math.MinInt64 {
		g.once.Do(func() { close(g.done) })
	}
	<-g.done
}
