package disk

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// A chore is work for the loader that nobody waits for.
type chore struct {
	sweep   bool // look for entries whose segment is gone
	compact bool // make the index smaller
}

// chore asks for one, unless enough are waiting.
func (t *Tier) chore(c chore) {
	select {
	case t.chores <- c:
	default:
	}
}

// load is the goroutine that does what a start left for later: it finishes the
// purges of the last process, counts what is there, as the index was at the
// start, and removes entries that lead nowhere. After that it does chores.
func (t *Tier) load(before *pebble.Snapshot, intents []*event) {
	defer t.ended.Done()
	t.index.Safely(func() error {
		defer before.Close()
		for _, e := range intents {
			if _, err := t.work(t.life, e); err != nil {
				return err
			}
		}
		lost, err := t.tally(before)
		if err != nil {
			return err
		}
		if lost {
			t.chore(chore{sweep: true})
		}
		return nil
	})
	if t.life.Err() != nil {
		return
	}
	close(t.loaded)
	t.wake()
	for {
		select {
		case c := <-t.chores:
			err := t.index.Safely(func() error { return t.do(c) })
			if err != nil && t.on() && t.life.Err() == nil {
				t.log.Warn("chore of the disk cache", "path", t.dir.path, "cause", err.Error())
			}
		case <-t.quit:
			return
		}
	}
}

func (t *Tier) do(c chore) error {
	if c.sweep {
		if err := t.sweep(); err != nil {
			return err
		}
	}
	if c.compact {
		return t.index.DB.Compact(t.life, []byte{kindBans}, []byte{kindTag + 1}, false)
	}
	return nil
}

// tally counts the objects of a snapshot. Changes since then count themselves.
// It reports whether some entries cannot be read or have no segment.
func (t *Tier) tally(from *pebble.Snapshot) (lost bool, err error) {
	var list []variant
	err = t.index.Scan(from, []byte{kindObject}, []byte{kindObject + 1}, func(key, value []byte) bool {
		list, err = parseVariants(list[:0], value)
		lost = lost || err != nil
		for i := range list {
			v := &list[i]
			t.count(&move{part: partOf(key), seg: v.Seg, size: int64(v.HeadLen) + v.Length, by: 1})
			lost = lost || t.shelf.Find(v.Seg) == nil
		}
		return t.life.Err() == nil
	})
	return lost, err
}

// sweep removes entries whose segment is gone or that cannot be read.
func (t *Tier) sweep() error {
	for _, kind := range []byte{kindObject, kindTag} {
		var keys [][]byte
		flush := func() error {
			defer clear(keys)
			err := t.sweepKeys(keys)
			keys = keys[:0]
			return err
		}
		var list []variant
		var err error
		scanned := t.index.Scan(t.index.DB, []byte{kind}, []byte{kind + 1}, func(key, value []byte) bool {
			if t.led(kind, &list, value) {
				return t.life.Err() == nil
			}
			keys = append(keys, slices.Clone(key))
			if len(keys) == purgeStep {
				err = flush()
			}
			return err == nil && t.life.Err() == nil
		})
		if err == nil {
			err = scanned
		}
		if err == nil {
			err = flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// led reports that an entry is well and all its segments are there.
func (t *Tier) led(kind byte, room *[]variant, value []byte) bool {
	if kind == kindTag {
		return t.shelf.Find(segmentOf(value)) != nil
	}
	list, err := parseVariants((*room)[:0], value)
	*room = list
	return err == nil && !slices.ContainsFunc(list, func(v variant) bool { return t.shelf.Find(v.Seg) == nil })
}

// sweepKeys looks at the entries again, with the turn, and removes what leads
// nowhere.
func (t *Tier) sweepKeys(keys [][]byte) error {
	e := t.edit()
	defer e.drop()
	var room []variant
	for _, key := range keys {
		value, ok, err := t.index.Get(nil, key)
		switch {
		case err != nil:
			return err
		case !ok || t.led(key[0], &room, value):
		case key[0] == kindTag:
			e.batch.Delete(key, nil)
		default:
			if _, err := parseVariants(nil, value); err != nil {
				e.batch.Delete(key, nil)
				continue
			}
			if _, err := e.remove(key, func(v *variant) bool { return t.shelf.Find(v.Seg) == nil }); err != nil {
				return err
			}
		}
	}
	return e.commit()
}
