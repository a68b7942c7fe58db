package disk

import (
	"bytes"
	"encoding/binary"
	"errors"

	"fishplate/internal/cache/store"
	"fishplate/internal/message"

	"github.com/zeebo/xxh3"
)

// A record is an object in a segment: a head, then the body. All numbers are
// little-endian.
//
//	 0  magic          32  length of the body     64  Meta, 72 bytes
//	 4  version        40  sequence number       136  partition, key text, vary blob,
//	 8  length of head 48  number of the segment      tags (each after its length),
//	12  lengths of     56  offset in it               fields ("Name: value\r\n"),
//	    the texts                                     a checksum of each block of the body,
//	                                                  a checksum of the head
//
// Segment, offset and sequence number are in it, so that no head passes for
// another one that lay at the same place before.
const (
	recordMagic   = 0x424f5046 // "FPOB"
	recordVersion = 1
	recordFixed   = 136
	metaSize      = 72

	blockSize = 64 << 10 // bytes of a body under one checksum

	maxText = 4 << 10 // bytes of a key text, vary blob or tag
	maxName = 255     // bytes of a partition's name
	maxTags = 1 << 12
	maxWire = 1 << 20  // bytes of all fields
	maxHead = 64 << 20 // bytes of a head
)

// ErrCorrupt says that what was read is not what was written.
var ErrCorrupt = errors.New("checksum differs")

// place says where a record is and what its head's checksum was.
type place struct {
	seq, seg uint64
	off      int64
	headLen  uint32
	length   int64 // of the body
	headSum  uint64
}

// end is the offset behind the record.
func (p *place) end() int64 { return p.off + int64(p.headLen) + p.length }

// body is the offset of the body.
func (p *place) body() int64 { return p.off + int64(p.headLen) }

// blocks returns how many checksums a body of n bytes has.
func blocks(n int64) int64 { return (n + blockSize - 1) / blockSize }

// texts are the parts of a head. They lie in the buffer that was parsed.
type texts struct {
	partition, key, vary, wire, tagged []byte
	tags                               int
	sums                               []byte
}

// eachTag calls yield for each tag.
func (x *texts) eachTag(yield func(tag []byte) bool) {
	rest := x.tagged
	for range x.tags {
		n := int(binary.LittleEndian.Uint16(rest))
		if !yield(rest[2 : 2+n : 2+n]) {
			return
		}
		rest = rest[2+n:]
	}
}

// sum returns the checksum of block i.
func (x *texts) sum(i int64) uint64 { return binary.LittleEndian.Uint64(x.sums[i*8:]) }

// headSize returns the length of the head that texts and a body of n bytes make.
func headSize(x *texts, n int64) int64 {
	return recordFixed + int64(len(x.partition)+len(x.key)+len(x.vary)+len(x.tagged)+len(x.wire)) + 8*blocks(n) + 8
}

// appendHead appends a head, and completes p with its length and checksum.
func appendHead(dst []byte, p *place, m *store.Meta, x *texts) []byte {
	start := len(dst)
	p.headLen = uint32(headSize(x, p.length))
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, recordMagic)
	dst = append(dst, recordVersion, 0, 0, 0)
	dst = le.AppendUint32(dst, p.headLen)
	dst = le.AppendUint16(dst, uint16(len(x.partition)))
	dst = le.AppendUint16(dst, uint16(len(x.key)))
	dst = le.AppendUint16(dst, uint16(len(x.vary)))
	dst = le.AppendUint16(dst, uint16(x.tags))
	dst = le.AppendUint32(dst, uint32(len(x.tagged)))
	dst = le.AppendUint32(dst, uint32(len(x.wire)))
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint64(dst, uint64(p.length))
	dst = le.AppendUint64(dst, p.seq)
	dst = le.AppendUint64(dst, p.seg)
	dst = le.AppendUint64(dst, uint64(p.off))
	dst = appendMeta(dst, m)
	for _, text := range [...][]byte{x.partition, x.key, x.vary, x.tagged, x.wire, x.sums} {
		dst = append(dst, text...)
	}
	p.headSum = xxh3.Hash(dst[start:])
	return le.AppendUint64(dst, p.headSum)
}

// headLength returns the length of the head that begins with b, which has at
// least 12 bytes.
func headLength(b []byte) (int64, bool) {
	le := binary.LittleEndian
	n := int64(le.Uint32(b[8:]))
	return n, le.Uint32(b) == recordMagic && b[4] == recordVersion && n >= recordFixed+8 && n <= maxHead
}

// parseHead checks a whole head and takes it apart.
func parseHead(b []byte) (p place, m store.Meta, x texts, err error) {
	if len(b) < recordFixed+8 {
		return p, m, x, ErrCorrupt
	}
	n, ok := headLength(b)
	if !ok || n != int64(len(b)) {
		return p, m, x, ErrCorrupt
	}
	le := binary.LittleEndian
	p.headLen, p.headSum = uint32(n), le.Uint64(b[n-8:])
	if xxh3.Hash(b[:n-8]) != p.headSum {
		return p, m, x, ErrCorrupt
	}
	p.length = int64(le.Uint64(b[32:]))
	p.seq, p.seg, p.off = le.Uint64(b[40:]), le.Uint64(b[48:]), int64(le.Uint64(b[56:]))
	m = parseMeta(b[64:])
	x.tags = int(le.Uint16(b[18:]))
	rest := b[recordFixed : n-8]
	cut := func(k int64) (part []byte) {
		if k < 0 || k > int64(len(rest)) {
			err = ErrCorrupt
			return nil
		}
		part, rest = rest[:k:k], rest[k:]
		return part
	}
	x.partition = cut(int64(le.Uint16(b[12:])))
	x.key = cut(int64(le.Uint16(b[14:])))
	x.vary = cut(int64(le.Uint16(b[16:])))
	x.tagged = cut(int64(le.Uint32(b[20:])))
	x.wire = cut(int64(le.Uint32(b[24:])))
	x.sums = cut(8 * blocks(max(p.length, 0)))
	if err == nil && (len(rest) != 0 || p.length < 0 || !wellTagged(&x)) {
		err = ErrCorrupt
	}
	return p, m, x, err
}

// wellTagged checks that the tags fill their place exactly.
func wellTagged(x *texts) bool {
	rest := x.tagged
	for range x.tags {
		if len(rest) < 2 {
			return false
		}
		n := 2 + int(binary.LittleEndian.Uint16(rest))
		if n > len(rest) {
			return false
		}
		rest = rest[n:]
	}
	return len(rest) == 0
}

func appendMeta(dst []byte, m *store.Meta) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint16(dst, m.Status)
	dst = append(dst, m.Encoding, 0)
	dst = le.AppendUint32(dst, m.Flags)
	for _, n := range [...]int64{m.Born, m.Stored, m.Fresh, m.Grace, m.Keep, m.StaleIfError, m.First, m.Total} {
		dst = le.AppendUint64(dst, uint64(n))
	}
	return dst
}

func parseMeta(b []byte) store.Meta {
	le := binary.LittleEndian
	at := func(i int) int64 { return int64(le.Uint64(b[8+8*i:])) }
	return store.Meta{
		Status: le.Uint16(b), Encoding: b[2], Flags: le.Uint32(b[4:]),
		Born: at(0), Stored: at(1), Fresh: at(2), Grace: at(3), Keep: at(4), StaleIfError: at(5), First: at(6), Total: at(7),
	}
}

// parseFields makes h the fields of wire, which it refers to.
func parseFields(h *message.Header, wire []byte) {
	h.Reset(wire)
	for at := 0; at < len(wire); {
		end := bytes.Index(wire[at:], []byte("\r\n"))
		colon := bytes.IndexByte(wire[at:], ':')
		if end < 0 || colon < 0 || colon+2 > end {
			return
		}
		h.ParsedField(message.LookupName(wire[at:at+colon]), at, colon, at+colon+2, end-colon-2)
		at += end + 2
	}
}
