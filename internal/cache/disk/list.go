package disk

import (
	"context"
	"encoding/binary"
	"errors"

	"fishplate/internal/cache/store"
)

// An Entry is one object in a list.
type Entry struct {
	Partition string
	Key, Vary []byte // valid during the call
	Meta      store.Meta
	Length    int64 // bytes of the body
}

// partOf returns the partition in an o or t key.
func partOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

// Each calls fn for the objects of a partition (All: of all), by key text,
// beginning at the cursor ("": the start), until it saw n of them, fn returned
// false or ctx ended. It returns the cursor to go on from, "" at the end.
// Variants of a key come together, so there may be a few more than n.
func (t *Tier) Each(ctx context.Context, partition, cursor string, n int, fn func(*Entry) bool) (next string, err error) {
	lower, upper := []byte{kindObject}, []byte{kindObject + 1}
	if partition != All {
		lower = objectKey(nil, hashName(partition), nil)
		upper = after(lower)
	}
	if cursor > string(lower) {
		lower = append([]byte(cursor), 0)
	}
	var list []variant
	err = t.index.Safely(func() error {
		return t.index.Scan(t.index.DB, lower, upper, func(key, value []byte) bool {
			p := t.parts.find(partOf(key))
			if p == nil {
				return true
			}
			list, _ = parseVariants(list[:0], value)
			for i := range list {
				v := &list[i]
				n--
				if !fn(&Entry{Partition: p.name, Key: objectText(key), Vary: v.vary, Meta: v.meta, Length: v.Length}) {
					n = 0
				}
			}
			if n <= 0 || ctx.Err() != nil {
				next = string(key)
				return false
			}
			return true
		})
	})
	if errors.Is(err, ErrOff) {
		err = nil // it holds nothing
	}
	return next, errors.Join(err, ctx.Err())
}
