package disk

import (
	"encoding/binary"
	"slices"

	"fishplate/internal/cache/index"
	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"

	"github.com/zeebo/xxh3"
)

// writer is the goroutine that owns the chains. It takes offered objects from
// the queue by the hundreds, appends their records, and enters them in the
// index. Nobody who reads waits for it.
type writer struct {
	tier   *Tier
	chains map[uint64]*chain

	buf     []byte // records that are not in the file yet
	bufOf   *chain // whose file that is
	puts    []put  // records that are not in the index yet
	pinned  []*store.Object
	checked int64 // bytes that may be written before free space is looked at

	spared     []spared
	spareBytes int64
	sums       []byte
}

// A put is an entry to be made.
type put struct {
	part    *part
	since   uint64 // purges since then count
	variant variant
	key     []byte
	texts   segment.Texts
}

const (
	writeBuffer = 1 << 20 // bytes gathered for one write
	batchBytes  = 4 << 20 // bytes after which the index is told
	batchJobs   = 256
)

func newWriter(t *Tier, chains map[uint64]*chain) *writer {
	return &writer{tier: t, chains: chains}
}

// run works until the queue is closed.
func (w *writer) run() {
	t := w.tier
	defer t.ended.Done()
	for {
		select {
		case j, ok := <-t.queue:
			if !ok {
				w.end()
				return
			}
			w.batch(j)
		case <-t.poke:
			if t.on() {
				w.fit()
			}
		}
		w.rewrite()
	}
}

// batch takes jobs until none is waiting, or enough, and tells the index.
func (w *writer) batch(j job) {
	t := w.tier
	bytes := int64(0)
	for n := 0; ; {
		if j.flushed != nil {
			j.flushed <- w.flushAll()
		} else {
			size := j.object.Available()
			w.write(j)
			w.pinned = append(w.pinned, j.object)
			t.queued.Add(-size)
			bytes += size
		}
		if n++; n >= batchJobs || bytes >= batchBytes {
			break
		}
		select {
		case next, ok := <-t.queue:
			if ok {
				j = next
				continue
			}
		default:
		}
		break
	}
	w.commit()
}

// end closes the files. What is left in the queue was taken out by batch or is
// dropped here.
func (w *writer) end() {
	w.commit()
	for _, c := range w.chains {
		if c.file != nil {
			c.file.Close()
		}
	}
}

// write appends an object's record.
func (w *writer) write(j job) {
	t, o := w.tier, j.object
	select {
	case <-t.quit:
		t.refused[RefusedQueue].Add(1)
		return
	default:
	}
	if !t.on() {
		t.refused[RefusedOff].Add(1)
		return
	}
	m := o.Meta()
	x := segment.Texts{Partition: []byte(j.part.name), Key: o.KeyText(), Vary: o.Vary(), Wire: o.WireHead()}
	for tag := range o.Tags() {
		x.Tagged = binary.LittleEndian.AppendUint16(x.Tagged, uint16(len(tag)))
		x.Tagged = append(x.Tagged, tag...)
		x.Tags++
	}
	p := put{part: j.part, since: j.seq, key: x.Key, texts: x, variant: variant{Place: segment.Place{Seq: j.seq}, meta: m, vary: x.Vary}}
	if !t.events.judge(j.seq, j.part.hash, x.Key, x.EachTag, &p.variant.meta) {
		w.puts = append(w.puts, p) // without a record, for enter to forget what it replaced
		return
	}
	length := o.Available()
	w.sum(length, o.Segment)
	p.texts.Sums, p.variant.Length = w.sums, length
	if !w.append(p, o.Segment) {
		t.refused[RefusedSpace].Add(1)
		t.forget(j.part.hash, x.Key, 0)
		return
	}
	t.written.Add(1)
	t.writtenBytes.Add(length)
	j.part.written.Add(1)
}

// sum fills sums with the checksums of a body.
func (w *writer) sum(length int64, body func(at int64) []byte) {
	w.sums = w.sums[:0]
	var h xxh3.Hasher
	for at := int64(0); at < length; {
		left := min(segment.BlockSize-at%segment.BlockSize, length-at)
		piece := body(at)
		piece = piece[:min(int64(len(piece)), left)]
		at += int64(len(piece))
		last := at%segment.BlockSize == 0 || at == length
		if int64(len(piece)) == segment.BlockSize || (last && (at-int64(len(piece)))%segment.BlockSize == 0) {
			w.sums = binary.LittleEndian.AppendUint64(w.sums, xxh3.Hash(piece))
			continue
		}
		h.Write(piece)
		if last {
			w.sums = binary.LittleEndian.AppendUint64(w.sums, h.Sum64())
			h.Reset()
		}
	}
}

// append appends a record to its chain. The entry follows with commit.
func (w *writer) append(p put, body func(at int64) []byte) bool {
	t := w.tier
	quota := p.part.quota.Load()
	number := uint64(0)
	if quota > 0 {
		number = p.part.hash
	}
	c := w.chains[number]
	if c == nil {
		c = &chain{number: number}
		w.chains[number] = c
	}
	v := &p.variant
	size := segment.HeadSize(&p.texts, v.Length) + v.Length
	if !w.spacious(size) || !w.room(c, quota, size) {
		return false
	}
	if w.bufOf != c {
		w.flush()
		w.bufOf = c
	}
	v.Seg, v.Off = c.active.ID, c.end
	w.buf = segment.AppendHead(w.buf, &v.Place, &v.meta, &p.texts)
	for at := int64(0); at < v.Length; {
		piece := body(at)
		piece = piece[:min(int64(len(piece)), writeBuffer, v.Length-at)]
		w.buf = append(w.buf, piece...)
		at += int64(len(piece))
		if len(w.buf) >= writeBuffer && !w.flush() {
			return false
		}
	}
	w.take(c, index.OnDisk(v.End())-index.OnDisk(c.end))
	c.end = v.End()
	p.texts.Sums = nil
	w.puts = append(w.puts, p)
	return t.on()
}

// spacious looks now and then whether the file system has room to spare, so that
// others who use it, and the index, do not meet its end.
func (w *writer) spacious(n int64) bool {
	if w.checked -= n; w.checked > 0 {
		return true
	}
	d := w.tier.dir
	usage, err := d.fs.GetDiskUsage(d.path)
	if err != nil {
		w.checked = freeBytes
		return true
	}
	if int64(usage.AvailBytes) < freeBytes+n {
		w.checked = 0
		return false
	}
	w.checked = (int64(usage.AvailBytes) - freeBytes) / 4
	return true
}

// flush writes what was gathered into the file.
func (w *writer) flush() bool {
	t := w.tier
	c := w.bufOf
	if len(w.buf) > 0 && t.on() {
		n := int64(len(w.buf))
		if _, err := c.file.Write(w.buf); err != nil {
			t.off(err)
		} else {
			c.active.Size.Add(n)
		}
	}
	w.buf = w.buf[:0]
	return t.on()
}

// commit writes what was gathered and enters it in the index: data first. Then
// nobody needs the objects any more.
func (w *writer) commit() bool {
	t := w.tier
	if w.flush() && len(w.puts) > 0 {
		err := t.index.Safely(func() error {
			e := t.edit()
			defer e.drop()
			for i := range w.puts {
				if err := w.enter(e, &w.puts[i]); err != nil {
					return err
				}
			}
			return e.commit()
		})
		if err != nil && t.on() {
			t.off(err)
		}
	}
	clear(w.puts)
	w.puts = w.puts[:0]
	for _, o := range w.pinned {
		o.Unpin()
	}
	clear(w.pinned)
	w.pinned = w.pinned[:0]
	return t.on()
}

// enter makes the entry of one record, unless it was purged meanwhile or a
// newer one is there that answers for it. A purged one takes with it what it
// had replaced: an older answer does not come back because a newer one went.
func (w *writer) enter(e *edit, p *put) error {
	t := w.tier
	v := &p.variant
	key := objectKey(nil, p.part.hash, p.key)
	if !t.events.judge(p.since, p.part.hash, p.key, p.texts.EachTag, &v.meta) {
		t.refused[RefusedPurged].Add(1)
		_, err := e.remove(key, func(o *variant) bool {
			return o.Seq < v.Seq && (len(o.vary) == 0 || slices.Equal(o.vary, v.vary))
		})
		return err
	}
	list, err := e.load(key)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Seq > v.Seq && (slices.Equal(list[i].vary, v.vary) || len(v.vary) == 0) {
			return nil
		}
	}
	kept := make([]variant, 0, len(list)+1)
	for i := range list {
		// What did not vary would match every request, once answers do.
		if slices.Equal(list[i].vary, v.vary) || len(list[i].vary) == 0 || len(list)-i >= maxVariants {
			e.went(key, &list[i])
			t.replaced.Add(1)
			continue
		}
		kept = append(kept, list[i])
	}
	v.vary = slices.Clone(v.vary)
	e.save(key, append(kept, *v))
	e.came(key, v)
	for tag := range p.texts.EachTag {
		e.batch.Set(tagKey(nil, p.part.hash, tag, v.Seq), tagValue(nil, v.Seg, p.key), nil)
	}
	if !p.part.saved {
		e.batch.Set(partitionKey(p.part.hash), []byte(p.part.name), nil)
		p.part.saved = true
	}
	return nil
}

// rewrite gives what was kept aside its second life, as far as there is room.
func (w *writer) rewrite() {
	t := w.tier
	list := w.spared
	w.spared, w.spareBytes = nil, 0
	for i := range list {
		s := &list[i]
		p := t.parts.find(hashName(string(s.texts.Partition)))
		size := int64(s.place.HeadLen) + s.place.Length
		if p == nil || !t.on() || t.over(size-t.headroom()/2) {
			t.evicted.Add(1)
			continue
		}
		w.append(put{part: p, since: s.since, key: s.texts.Key, texts: s.texts,
			variant: variant{Place: segment.Place{Seq: s.place.Seq, Length: s.place.Length}, meta: s.meta, vary: s.texts.Vary}},
			func(at int64) []byte { return s.body[at:] })
	}
	if len(list) > 0 {
		w.commit()
		w.spared, w.spareBytes = nil, 0 // what a full quota set aside meanwhile
	}
}

// flushAll makes everything that was taken from the queue durable.
func (w *writer) flushAll() error {
	t := w.tier
	if !w.commit() {
		return ErrOff
	}
	w.rewrite()
	if err := w.syncAll(t.life); err != nil {
		t.off(err)
		return err
	}
	return t.index.Safely(t.index.Sync)
}
