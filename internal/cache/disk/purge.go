package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// purgeStep is how many objects are purged under one turn: others who change
// the index wait no longer than that takes.
const purgeStep = 512

// What says which objects a purge means.
type What struct {
	by   uint8
	text []byte
}

// Key means all variants of a key text.
func Key(text []byte) What { return What{byKey, text} }

// Tag means what carries the tag.
func Tag(tag []byte) What { return What{byTag, tag} }

// Prefix means what has a key text that begins so; "" means everything.
func Prefix(text []byte) What { return What{byPrefix, text} }

// Host means what is of a host, on all ports and schemes.
func Host(name []byte) What { return What{byHost, bytes.ToLower(name)} }

// A Strike is a purge that holds: nothing it means is found any more.
type Strike struct {
	tier   *Tier
	events []*event
	begun  bool
	err    error
}

// Strike begins to purge a partition, or all of them (All). It holds at once, for
// what is in the queue as well. Work must follow.
func (t *Tier) Strike(partition string, soft bool, what ...What) *Strike {
	s := &Strike{tier: t}
	for _, w := range what {
		s.events = append(s.events, &event{
			by: w.by, soft: soft, all: partition == All, part: hashName(partition), text: slices.Clone(w.text), now: time.Now().UnixNano(),
		})
	}
	s.err = t.index.Safely(func() error {
		t.index.Begin()
		defer t.index.End()
		for _, e := range s.events {
			e.seq = t.seq.Add(1)
			t.events.begin(e)
		}
		s.begun = true
		return nil
	})
	return s
}

// Work writes the purge down, works it into the index, and returns how many objects
// it meant, in the order of what it was told. Those that it makes stale only are
// there still. It is durable when Work returns; when ctx ends before, it holds all
// the same and goes on behind. When the tier is off there is nothing to do once the
// index is put away: nothing of it is served, now or after.
func (s *Strike) Work(ctx context.Context) ([]int, error) {
	t, counts, err := s.tier, make([]int, len(s.events)), s.err
	if err == nil {
		err = t.index.Safely(func() error { return s.work(ctx, counts) })
	}
	switch {
	case !t.on():
		select {
		case <-t.away:
			err = t.awayErr
		case <-ctx.Done():
			err = ctx.Err()
		}
	case s.begun && ctx.Err() != nil:
		for _, e := range s.events {
			t.later(e)
		}
		err = fmt.Errorf("goes on behind: %w", ctx.Err())
	}
	if err != nil {
		return counts, fmt.Errorf("purge disk cache: %w", err)
	}
	return counts, nil
}

func (s *Strike) work(ctx context.Context, counts []int) (err error) {
	db := s.tier.index.DB
	intents := db.NewBatch()
	defer func() { _ = intents.Close() }() // it is committed, or of no use
	for _, e := range s.events {
		if err := intents.Set(intentKey(e.seq), e.append(nil), nil); err != nil {
			return err
		}
	}
	if err := intents.Commit(pebble.Sync); err != nil {
		return err
	}
	for i, e := range s.events {
		if counts[i], err = s.tier.work(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Purge is Strike and Work of one thing.
func (t *Tier) Purge(ctx context.Context, partition string, what What, soft bool) (int, error) {
	counts, err := t.Strike(partition, soft, what).Work(ctx)
	return counts[0], err
}

// later leaves the rest of a purge to the loader.
func (t *Tier) later(e *event) {
	t.shut.RLock()
	defer t.shut.RUnlock()
	if !t.closing {
		t.ended.Add(1)
		go func() {
			defer t.ended.Done()
			t.index.Safely(func() error {
				_, err := t.work(t.life, e)
				return err
			})
		}()
	}
}

// work takes what the event purges out of the index, and then the event. A
// second run does no harm.
func (t *Tier) work(ctx context.Context, e *event) (n int, err error) {
	parts := t.parts.named(All)
	if !e.all {
		parts = slices.DeleteFunc(parts, func(p *part) bool { return p.hash != e.part })
	}
	for _, p := range parts {
		k, err := t.workPart(ctx, e, p.hash)
		n += k
		if err != nil {
			return n, err
		}
	}
	t.events.end(e)
	return n, t.index.DB.Delete(intentKey(e.seq), pebble.NoSync)
}

// workPart is work within one partition: it gathers o keys, and edits them by
// the hundreds.
func (t *Tier) workPart(ctx context.Context, e *event, part uint64) (n int, err error) {
	var found []target
	flush := func() bool {
		var k int
		k, err = t.purgeTargets(e, found)
		n += k
		found = found[:0]
		if err == nil {
			err = ctx.Err()
		}
		return err == nil
	}
	for _, lower := range e.ranges(part) {
		upper := after(lower)
		if e.by == byKey {
			upper = append(slices.Clone(lower), 0)
		}
		scanned := t.index.Scan(t.index.DB, lower, upper, func(key, value []byte) bool {
			found = e.target(found, part, key, value)
			return len(found) < purgeStep || flush()
		})
		if err == nil {
			err = scanned
		}
		if err != nil {
			return n, err
		}
	}
	if len(found) > 0 {
		flush()
	}
	return n, err
}

// A target is an entry that an event may purge. For tags it names the variant,
// and the t key that led there.
type target struct {
	key, tag []byte
	seq      uint64
}

// ranges returns the beginnings of the keys among which the targets are.
func (e *event) ranges(part uint64) [][]byte {
	switch e.by {
	case byTag:
		return [][]byte{tagPrefix(nil, part, e.text)}
	case byHost:
		var list [][]byte
		for _, scheme := range [...]string{"://", "http://", "https://"} {
			list = append(list, objectKey(nil, part, append([]byte(scheme), e.text...)))
		}
		return list
	}
	return [][]byte{objectKey(nil, part, e.text)}
}

// target appends what a key of the index leads to, if anything. What came after
// the event keeps its t key, by which a later purge has to find it.
func (e *event) target(dst []target, part uint64, key, value []byte) []target {
	switch {
	case e.by == byTag:
		if len(value) < 8 || tagSeq(key) >= e.seq {
			return dst
		}
		return append(dst, target{key: objectKey(nil, part, value[8:]), tag: slices.Clone(key), seq: tagSeq(key)})
	case e.hits(part, objectText(key), nil):
		return append(dst, target{key: slices.Clone(key)})
	}
	return dst
}

// purgeTargets edits entries under one turn. Variants that came after the event
// stay.
func (t *Tier) purgeTargets(e *event, list []target) (n int, err error) {
	d := t.edit()
	defer d.drop()
	for i := range list {
		o := &list[i]
		meant := func(v *variant) bool { return v.Seq < e.seq && (o.tag == nil || v.Seq == o.seq) }
		var k int
		if e.soft {
			k, err = d.expire(o.key, e.now, meant)
		} else {
			k, err = d.remove(o.key, meant)
		}
		if err != nil {
			return n, err
		}
		n += k
		if o.tag != nil && !e.soft {
			d.batch.Delete(o.tag, nil)
		}
	}
	if err := d.commit(); err != nil {
		return 0, err
	}
	t.purged.Add(int64(n))
	return n, nil
}

// expire shortens the freshness of the variants that are meant.
func (e *edit) expire(key []byte, now int64, meant func(*variant) bool) (n int, err error) {
	list, err := e.load(key)
	if err != nil {
		return 0, err
	}
	list = slices.Clone(list)
	for i := range list {
		if meant(&list[i]) {
			expire(&list[i].meta, now)
			n++
		}
	}
	if n > 0 {
		e.save(key, list)
	}
	return n, nil
}

// Forget gives up what the index has of a key, without the word of a purge: the
// object in memory is gone, and an older one must not come back in its place. It
// neither waits for the disk, nor means what is still queued.
func (t *Tier) Forget(partition string, text []byte) {
	if p := t.parts.find(hashName(partition)); p != nil && p.name == partition && t.on() {
		t.forget(p.hash, text, 0)
	}
}

// forget takes out one variant, or all of them when seq is 0, without an event:
// it could not be read, or a newer one was not written.
func (t *Tier) forget(part uint64, text []byte, seq uint64) {
	t.index.Safely(func() error {
		key := objectKey(nil, part, text)
		if _, ok, err := t.index.Get(nil, key); !ok {
			return err
		}
		d := t.edit()
		defer d.drop()
		if _, err := d.remove(key, func(v *variant) bool { return seq == 0 || v.Seq == seq }); err != nil {
			return err
		}
		return d.commit()
	})
}

// segmentOf returns the segment in the value of a t key.
func segmentOf(value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}
