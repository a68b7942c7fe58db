package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"

	"fishplate/internal/cache/store"
	"fishplate/internal/message"
)

// sample is a head with something in every place.
func sample() (Place, store.Meta, Texts) {
	var tagged []byte
	for _, tag := range []string{"a", "", "product-17"} {
		tagged = append(binary.LittleEndian.AppendUint16(tagged, uint16(len(tag))), tag...)
	}
	p := Place{Seq: 7, Seg: 3, Off: StartSize, Length: BlockSize + 1}
	m := store.Meta{
		Status: 206, Encoding: 2, Flags: 1 << 17, Born: 1, Stored: 2, Fresh: 3, Grace: 4, Keep: 5, StaleIfError: 6, First: math.MaxInt64, Total: -1,
	}
	return p, m, Texts{
		Partition: []byte("vhost/a"), Key: []byte("http://a.test/"), Vary: []byte("v"), Wire: []byte("ETag: \"x\"\r\nX: \r\n"),
		Tagged: tagged, Tags: 3, Sums: bytes.Repeat([]byte{9}, 16),
	}
}

func TestHeadComesBack(t *testing.T) {
	p, m, x := sample()
	head := AppendHead(nil, &p, &m, &x)
	if int64(len(head)) != HeadSize(&x, p.Length) || int64(len(head)) != int64(p.HeadLen) {
		t.Errorf("%d bytes; HeadSize says %d, the place %d", len(head), HeadSize(&x, p.Length), p.HeadLen)
	}
	gotP, gotM, gotX, err := ParseHead(head)
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range []string{cmp.Diff(p, gotP), cmp.Diff(m, gotM), cmp.Diff(x, gotX)} {
		if diff != "" {
			t.Error(diff)
		}
	}
	var tags []string
	gotX.EachTag(func(tag []byte) bool { tags = append(tags, string(tag)); return true })
	if diff := cmp.Diff([]string{"a", "", "product-17"}, tags); diff != "" {
		t.Error(diff)
	}
	var h message.Header
	ParseFields(&h, gotX.Wire)
	if v, ok := h.Get("ETag"); h.Len() != 2 || !ok || string(v) != `"x"` {
		t.Errorf("%d fields, ETag %q", h.Len(), v)
	}
}

// TestHeadIsWholeOrNothing flips every bit and cuts at every byte.
func TestHeadIsWholeOrNothing(t *testing.T) {
	p, m, x := sample()
	head := AppendHead(nil, &p, &m, &x)
	for i := range head {
		if _, _, _, err := ParseHead(head[:i]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("the first %d bytes: %v", i, err)
		}
		for bit := range 8 {
			head[i] ^= 1 << bit
			_, _, _, err := ParseHead(head)
			head[i] ^= 1 << bit
			// What stands between version and length is not used, but summed.
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

func TestStartComesBack(t *testing.T) {
	start := AppendStart([]byte("before"), 5, 6)[len("before"):]
	if chain, err := ParseStart(start, 5); len(start) != StartSize || chain != 6 || err != nil {
		t.Errorf("%d bytes, chain %d, %v", len(start), chain, err)
	}
	if _, err := ParseStart(start, 4); err == nil {
		t.Error("it passes for another number")
	}
	for i := range start {
		start[i] ^= 1
		if _, err := ParseStart(start, 5); err == nil {
			t.Errorf("byte %d may change", i)
		}
		start[i] ^= 1
	}
}

func TestNames(t *testing.T) {
	for _, id := range []uint64{0, 255, math.MaxUint64} {
		if got, ok := ID(Name(id)); !ok || got != id {
			t.Errorf("%s: %d %t", Name(id), got, ok)
		}
	}
	for _, name := range []string{"", ".seg", "0.seg", "000000000000000F.seg", "+00000000000000f.seg", "000000000000000f.seg.seg", "000000000000000f"} {
		if id, ok := ID(name); ok {
			t.Errorf("%q is segment %d", name, id)
		}
	}
}

// FuzzParseHead reads bytes that a disk may hold: with a right checksum too, so
// that what lies behind it is reached.
func FuzzParseHead(f *testing.F) {
	p, m, x := sample()
	f.Add(AppendHead(nil, &p, &m, &x))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= RecordFixed+8 && len(b) < 1<<20 {
			b = bytes.Clone(b)
			le := binary.LittleEndian
			le.PutUint32(b, recordMagic)
			b[4] = RecordVersion
			le.PutUint32(b[8:], uint32(len(b)))
			le.PutUint64(b[len(b)-8:], xxh3.Hash(b[:len(b)-8]))
		}
		p, m, x, err := ParseHead(b)
		if err != nil {
			return
		}
		n := 0
		x.EachTag(func([]byte) bool { n++; return true })
		if n != x.Tags {
			t.Errorf("%d tags, not %d", n, x.Tags)
		}
		var h message.Header
		ParseFields(&h, x.Wire)
		for i := range h.Len() {
			_, _ = h.Name(i), h.Value(i) // they must lie in wire
		}
		q := p
		_, m2, x2, err := ParseHead(AppendHead(nil, &q, &m, &x))
		if err != nil || m2 != m || cmp.Diff(x, x2) != "" {
			t.Errorf("written again: %v\n%s", err, cmp.Diff(x, x2))
		}
	})
}
