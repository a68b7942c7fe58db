package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"

	"github.com/zeebo/xxh3"
)

// smallBody is up to which length a body is read with its head, in one call.
const smallBody = 128 << 10

// unansweredMax is after how many failed reads in a row the tier gives up.
const unansweredMax = 8

// Found is an object on the disk. It belongs to one goroutine and stays readable
// until Close, whatever happens to the tier.
type Found struct {
	Meta   store.Meta
	Length int64 // bytes of the body

	tier  *Tier
	part  *part
	seg   *segment.Segment
	place segment.Place
	texts segment.Texts
	since uint64 // purges until then were seen

	body    []byte // the whole of it when small
	block   []byte // the last block that was read, compared with its checksum
	blockAt int64
}

// Get looks an object up. match picks among the variants of the key, newest
// first, and must not keep its arguments; nil takes any. A miss is nil without
// an error, and so is an object that cannot be read or whose head does not
// match its checksum: that one is forgotten. The whole of a body up to 128 KiB
// is compared with its checksums here, a longer one when it is read.
func (t *Tier) Get(ctx context.Context, partition string, text []byte, match func(meta *store.Meta, vary []byte) bool) (*Found, error) {
	p := t.parts.find(hashName(partition))
	if p == nil || p.name != partition || !t.on() || ctx.Err() != nil {
		t.misses.Add(1)
		return nil, ctx.Err()
	}
	f := t.find(p, text, match)
	if f == nil {
		t.misses.Add(1)
		p.misses.Add(1)
		return nil, nil
	}
	t.hits.Add(1)
	p.hits.Add(1)
	f.seg.Ask(f.place.Off)
	return f, nil
}

func (t *Tier) find(p *part, text []byte, match func(meta *store.Meta, vary []byte) bool) *Found {
	var keyRoom, valueRoom [512]byte
	key := objectKey(keyRoom[:0], p.hash, text)
	// Purges at work are noted before the entry is read: they may be done with it
	// a moment later. One that has its number and has not begun comes after.
	since, active := t.events.seen.Load(), t.events.list()
	var value []byte
	err := t.index.Safely(func() (err error) {
		value, _, err = t.index.Get(valueRoom[:0], key)
		return err
	})
	if err != nil {
		if t.on() && !errors.Is(err, ErrOff) {
			t.off(fmt.Errorf("index: %w", err))
		}
		return nil
	}
	if len(value) == 0 {
		return nil
	}
	list, _ := parseVariants(nil, value)
	for i := len(list) - 1; i >= 0; i-- {
		v := &list[i]
		if match != nil && !match(&v.meta, v.vary) {
			continue
		}
		f := t.fetch(p, text, v)
		if f == nil {
			return nil
		}
		f.since = since
		// Purges that are not worked into the index yet, and those that came
		// while this lookup was under way.
		if !judgeBy(active, v.Seq, p.hash, text, f.texts.EachTag, &f.Meta) || !t.events.judge(since, p.hash, text, f.texts.EachTag, &f.Meta) {
			f.Close()
			return nil
		}
		return f
	}
	return nil
}

// fetch reads what an entry leads to, and forgets what it cannot.
func (t *Tier) fetch(p *part, text []byte, v *variant) *Found {
	seg := t.shelf.Take(v.Seg)
	if seg == nil {
		return nil // its segment is being dropped
	}
	f := &Found{Meta: v.meta, Length: v.Length, tier: t, part: p, seg: seg, place: v.Place, texts: segment.Texts{Key: text}, blockAt: -1}
	if err := f.open(text); err != nil {
		f.failed(err)
		f.Close()
		return nil
	}
	t.unanswered.Store(0)
	return f
}

// open reads and compares the head, and a small body.
func (f *Found) open(text []byte) error {
	n := int64(f.place.HeadLen)
	if n < segment.RecordFixed+8 || n > segment.MaxHead || f.Length < 0 || f.place.End() > f.seg.Size.Load() {
		return segment.ErrCorrupt
	}
	if f.Length <= smallBody {
		n += f.Length
	}
	raw := make([]byte, n)
	if err := f.seg.ReadAt(raw, f.place.Off); err != nil {
		return err
	}
	p, _, x, err := segment.ParseHead(raw[:f.place.HeadLen])
	if err != nil {
		return err
	}
	if p != f.place || string(x.Partition) != f.part.name || !bytes.Equal(x.Key, text) {
		return segment.ErrCorrupt
	}
	f.texts = x
	if f.Length <= smallBody {
		f.body = raw[f.place.HeadLen:]
		if !segment.Sound(&x, f.body) {
			return segment.ErrCorrupt
		}
	}
	return nil
}

// failed counts an object that cannot be read and forgets it.
func (f *Found) failed(err error) {
	t := f.tier
	if errors.Is(err, segment.ErrCorrupt) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.corrupt.Add(1)
	} else {
		t.readErrors.Add(1)
		if t.unanswered.Add(1) >= unansweredMax {
			t.off(err)
		}
	}
	t.log.Warn("object of the disk cache cannot be read and is forgotten", "path", f.seg.Path, "offset", f.place.Off, "cause", err.Error())
	t.forget(f.part.hash, f.texts.Key, f.place.Seq)
}

// Key is the key text.
func (f *Found) Key() []byte { return f.texts.Key }

// Vary is the variant's blob.
func (f *Found) Vary() []byte { return f.texts.Vary }

// WireHead returns the stored fields as "Name: value\r\n" each.
func (f *Found) WireHead() []byte { return f.texts.Wire }

// Head makes h the stored fields; they are valid as long as the Found.
func (f *Found) Head(h *message.Header) { segment.ParseFields(h, f.texts.Wire) }

// Tags calls yield for each tag.
func (f *Found) Tags(yield func(tag []byte) bool) { f.texts.EachTag(yield) }

// Body returns the whole body when it is small, compared with its checksums,
// else nil.
func (f *Found) Body() []byte { return f.body }

// Live reports that nothing purged the object since it was looked up. Who copies
// it into memory asks after the copy was published, and removes that when the
// answer is no.
func (f *Found) Live() bool {
	m := f.Meta
	return f.tier.events.judge(f.since, f.part.hash, f.texts.Key, f.texts.EachTag, &m) && m.Fresh == f.Meta.Fresh
}

// ReadAt is of io.ReaderAt. It returns only bytes that match their checksums;
// ErrCorrupt says that those asked for do not.
func (f *Found) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, os.ErrInvalid
	}
	for n < len(p) && at < f.Length {
		var k int
		switch {
		case f.body != nil:
			k = copy(p[n:], f.body[at:])
		case f.seg.IsVerified(f.place.Off):
			k = int(min(int64(len(p)-n), f.Length-at))
			err = f.seg.ReadAt(p[n:n+k], f.place.Body()+at)
		default:
			k, err = f.readBlock(p[n:], at)
		}
		if err != nil {
			f.failed(err)
			return n, fmt.Errorf("read disk cache: %w", err)
		}
		n += k
		at += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readBlock copies from the block in which at lies, which it reads and compares
// whole: straight into p where that holds all of it.
func (f *Found) readBlock(p []byte, at int64) (int, error) {
	i := at / segment.BlockSize
	start := i * segment.BlockSize
	size := min(segment.BlockSize, f.Length-start)
	if at == start && int64(len(p)) >= size {
		return int(size), f.block1(p[:size], i)
	}
	if f.blockAt != i {
		if f.block == nil {
			f.block = make([]byte, segment.BlockSize)
		}
		f.blockAt = -1
		if err := f.block1(f.block[:size], i); err != nil {
			return 0, err
		}
		f.blockAt = i
	}
	return copy(p, f.block[at-start:size]), nil
}

// block1 reads block i and compares it.
func (f *Found) block1(p []byte, i int64) error {
	if err := f.seg.ReadAt(p, f.place.Body()+i*segment.BlockSize); err != nil {
		return err
	}
	if xxh3.Hash(p) != f.texts.Sum(i) {
		clear(p) // nothing of it may be served
		return segment.ErrCorrupt
	}
	return nil
}

// Verify compares the whole body with its checksums, once in the life of the
// process and the object: what was right when it was read is what the page
// cache then holds. It has to come before File.
func (f *Found) Verify(ctx context.Context) error {
	if f.body != nil || f.seg.IsVerified(f.place.Off) {
		return nil
	}
	if f.block == nil {
		f.block = make([]byte, segment.BlockSize)
	}
	f.blockAt = -1
	for i := int64(0); i < segment.Blocks(f.Length); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := min(segment.BlockSize, f.Length-i*segment.BlockSize)
		if err := f.block1(f.block[:size], i); err != nil {
			f.failed(err)
			return fmt.Errorf("verify object on disk: %w", err)
		}
	}
	f.seg.Verify(f.place.Off)
	return nil
}

// File is the segment and the offset of the body in it, for sendfile: nil where
// the body was not verified, and where files have no descriptor. The file is
// shared: only positioned reads may be made, and not after Close.
func (f *Found) File() (file *os.File, offset int64) {
	if f.body == nil && !f.seg.IsVerified(f.place.Off) {
		return nil, 0
	}
	return f.seg.OSFile(), f.place.Body()
}

// Close lets the segment go. It is called once.
func (f *Found) Close() { f.seg.Unpin() }
