package disk

import (
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

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
	t.index.Begin()
	return &edit{tier: t, batch: t.index.DB.NewBatch(), entries: map[string][]variant{}}
}

// load returns the variants of an o key, as the edit has changed them so far.
func (e *edit) load(key []byte) ([]variant, error) {
	if list, ok := e.entries[string(key)]; ok {
		return list, nil
	}
	value, ok, err := e.tier.index.Get(nil, key)
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
	e.moves = append(e.moves, move{part: binary.BigEndian.Uint64(key[1:]), seg: v.Seg, size: int64(v.HeadLen) + v.Length, by: by})
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
		e.tier.index.End()
	}
}
