package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// indexCache is how many bytes of blocks pebble keeps in memory.
const indexCache = 32 << 20

// An index is the pebble database. Anybody may read it; who changes it has the
// turn, so that reading an entry and writing it again are one step.
type index struct {
	db    *pebble.DB
	guard *guard
	users gate
	turn  chan struct{}
}

// openIndex opens the index in dir; failed is told of what goes wrong later.
func openIndex(d *directory, size int64, failed func(error)) (*index, error) {
	x := &index{turn: make(chan struct{}, 1)}
	x.users.done = make(chan struct{})
	x.guard = newGuard(d.fs, failed)
	dir := d.join(indexDir)
	if err := x.guard.measure(dir); err != nil {
		return nil, err
	}
	o := indexOptions(x.guard, size, d.log, failed)
	// On a goroutine of its own, because what pebble calls fatal ends it.
	err := apart(func() (err error) {
		x.db, err = pebble.Open(dir, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	x.guard.armed.Store(true)
	return x, nil
}

func indexOptions(g *guard, size int64, log *slog.Logger, failed func(error)) *pebble.Options {
	o := &pebble.Options{
		FS:                          g,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		CacheSize:                   indexCache,
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
// error.
func apart(op func() error) error {
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
	return <-done
}

// safely runs op unless the index is closed, and turns a panic of pebble into
// the end of the tier.
func (x *index) safely(op func() error) (err error) {
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

// get appends the value of key to dst; ok is false when there is none.
func (x *index) get(dst, key []byte) (value []byte, ok bool, err error) {
	v, closer, err := x.db.Get(key)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			err = nil
		}
		return dst, false, err
	}
	return append(dst, v...), true, closer.Close()
}

// scan calls fn for the keys from lower to upper until it returns false. What
// fn is given is valid during the call.
func (x *index) scan(from pebble.Reader, lower, upper []byte, fn func(key, value []byte) bool) error {
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

// sync makes durable what was committed before.
func (x *index) sync() error { return x.db.LogData(nil, pebble.Sync) }

// close awaits the users and closes the database.
func (x *index) close() error {
	x.users.close()
	return apart(x.db.Close)
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

// close shuts the gate and waits until all have left. It is called once.
func (g *gate) close() {
	if g.inside.Add(math.MinInt64) == math.MinInt64 {
		g.once.Do(func() { close(g.done) })
	}
	<-g.done
}

// An edit gathers changes of entries and commits them as one. Its maker has
// the turn.
type edit struct {
	tier    *Tier
	batch   *pebble.Batch
	entries map[string][]variant // by o key
	moves   []move
}

// A move is one variant that came (1) or went (-1), to be counted.
type move struct {
	part uint64
	seg  uint64
	size int64
	by   int64
}

// edit begins one. It must end in commit or drop.
func (t *Tier) edit() *edit {
	t.index.turn <- struct{}{}
	return &edit{tier: t, batch: t.index.db.NewBatch(), entries: map[string][]variant{}}
}

// load returns the variants of an o key, as the edit has changed them so far.
func (e *edit) load(key []byte) ([]variant, error) {
	if list, ok := e.entries[string(key)]; ok {
		return list, nil
	}
	value, ok, err := e.tier.index.get(nil, key)
	if err != nil || !ok {
		return nil, err
	}
	list, err := parseVariants(nil, value)
	if err != nil {
		// An entry that cannot be read is no entry.
		e.entries[string(key)] = nil
		return nil, nil
	}
	return list, nil
}

// save replaces the variants of an o key.
func (e *edit) save(key []byte, list []variant) { e.entries[string(key)] = list }

// came and went count a variant of an o key.
func (e *edit) came(key []byte, v *variant) { e.moved(key, v, 1) }
func (e *edit) went(key []byte, v *variant) { e.moved(key, v, -1) }

func (e *edit) moved(key []byte, v *variant, by int64) {
	e.moves = append(e.moves, move{part: binary.BigEndian.Uint64(key[1:]), seg: v.seg, size: int64(v.headLen) + v.length, by: by})
}

// remove takes out the variants that match, which is told each one, and returns
// how many they were.
func (e *edit) remove(key []byte, match func(*variant) bool) (int, error) {
	list, err := e.load(key)
	if err != nil {
		return 0, err
	}
	kept := slices.Clone(list)
	n := 0
	kept = slices.DeleteFunc(kept, func(v variant) bool {
		if !match(&v) {
			return false
		}
		e.went(key, &v)
		n++
		return true
	})
	if n > 0 {
		e.save(key, kept)
	}
	return n, nil
}

// commit writes the changes and ends the turn. The counts follow.
func (e *edit) commit() error {
	defer e.drop()
	var value []byte
	for key, list := range e.entries {
		if len(list) == 0 {
			e.batch.Delete([]byte(key), nil)
			continue
		}
		value = appendVariants(value[:0], list)
		e.batch.Set([]byte(key), value, nil)
	}
	e.tier.reserve(e.batch)
	if e.batch.Empty() {
		return nil
	}
	if err := e.batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	for i := range e.moves {
		e.tier.count(&e.moves[i])
	}
	return nil
}

// drop ends the turn without a change, if it has not ended.
func (e *edit) drop() {
	if e.batch != nil {
		e.batch.Close()
		e.batch = nil
		<-e.tier.index.turn
	}
}
