package segment

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
	RecordVersion = 1
	RecordFixed   = 136 // bytes of a head before its texts
	MetaSize      = 72  // bytes of a Meta

	BlockSize = 64 << 10 // bytes of a body under one checksum

	MaxText = 4 << 10  // bytes of a key text, vary blob or tag
	MaxName = 255      // bytes of a partition's name
	MaxTags = 1 << 12  // of an object
	MaxWire = 1 << 20  // bytes of all fields
	MaxHead = 64 << 20 // bytes of a head
)

// ErrCorrupt says that what was read is not what was written.
var ErrCorrupt = errors.New("checksum differs")

// A Place says where a record is and what its head's checksum was.
type Place struct {
	Seq, Seg uint64
	Off      int64
	HeadLen  uint32
	Length   int64 // of the body
	HeadSum  uint64
}

// End is the offset behind the record.
func (p *Place) End() int64 { return p.Off + int64(p.HeadLen) + p.Length }

// Body is the offset of the body.
func (p *Place) Body() int64 { return p.Off + int64(p.HeadLen) }

// Blocks returns how many checksums a body of n bytes has.
func Blocks(n int64) int64 { return (n + BlockSize - 1) / BlockSize }

// Texts are the parts of a head. They lie in the buffer that was parsed.
type Texts struct {
	Partition, Key, Vary, Wire, Tagged []byte
	Tags                               int
	Sums                               []byte
}

// EachTag calls yield for each tag until it returns false.
func (x *Texts) EachTag(yield func(tag []byte) bool) {
	rest := x.Tagged
	for range x.Tags {
		n := int(binary.LittleEndian.Uint16(rest))
		if !yield(rest[2 : 2+n : 2+n]) {
			return
		}
		rest = rest[2+n:]
	}
}

// Sum returns the checksum of block i.
func (x *Texts) Sum(i int64) uint64 { return binary.LittleEndian.Uint64(x.Sums[i*8:]) }

// HeadSize returns the length of the head that texts and a body of n bytes make.
func HeadSize(x *Texts, n int64) int64 {
	return RecordFixed + int64(len(x.Partition)+len(x.Key)+len(x.Vary)+len(x.Tagged)+len(x.Wire)) + 8*Blocks(n) + 8
}

// AppendHead appends a head, and completes p with its length and checksum.
func AppendHead(dst []byte, p *Place, m *store.Meta, x *Texts) []byte {
	start := len(dst)
	p.HeadLen = uint32(HeadSize(x, p.Length))
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, recordMagic)
	dst = append(dst, RecordVersion, 0, 0, 0)
	dst = le.AppendUint32(dst, p.HeadLen)
	dst = le.AppendUint16(dst, uint16(len(x.Partition)))
	dst = le.AppendUint16(dst, uint16(len(x.Key)))
	dst = le.AppendUint16(dst, uint16(len(x.Vary)))
	dst = le.AppendUint16(dst, uint16(x.Tags))
	dst = le.AppendUint32(dst, uint32(len(x.Tagged)))
	dst = le.AppendUint32(dst, uint32(len(x.Wire)))
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint64(dst, uint64(p.Length))
	dst = le.AppendUint64(dst, p.Seq)
	dst = le.AppendUint64(dst, p.Seg)
	dst = le.AppendUint64(dst, uint64(p.Off))
	dst = AppendMeta(dst, m)
	for _, text := range [...][]byte{x.Partition, x.Key, x.Vary, x.Tagged, x.Wire, x.Sums} {
		dst = append(dst, text...)
	}
	p.HeadSum = xxh3.Hash(dst[start:])
	return le.AppendUint64(dst, p.HeadSum)
}

// headLength returns the length of the head that begins with b, which has at
// least 12 bytes.
func headLength(b []byte) (int64, bool) {
	le := binary.LittleEndian
	n := int64(le.Uint32(b[8:]))
	return n, le.Uint32(b) == recordMagic && b[4] == RecordVersion && n >= RecordFixed+8 && n <= MaxHead
}

// ParseHead checks a whole head and takes it apart. Its error is ErrCorrupt.
func ParseHead(b []byte) (p Place, m store.Meta, x Texts, err error) {
	if len(b) < RecordFixed+8 {
		return p, m, x, ErrCorrupt
	}
	n, ok := headLength(b)
	if !ok || n != int64(len(b)) {
		return p, m, x, ErrCorrupt
	}
	le := binary.LittleEndian
	p.HeadLen, p.HeadSum = uint32(n), le.Uint64(b[n-8:])
	if xxh3.Hash(b[:n-8]) != p.HeadSum {
		return p, m, x, ErrCorrupt
	}
	p.Length = int64(le.Uint64(b[32:]))
	p.Seq, p.Seg, p.Off = le.Uint64(b[40:]), le.Uint64(b[48:]), int64(le.Uint64(b[56:]))
	m = ParseMeta(b[64:])
	x.Tags = int(le.Uint16(b[18:]))
	rest := b[RecordFixed : n-8]
	cut := func(k int64) (part []byte) {
		if k < 0 || k > int64(len(rest)) {
			err = ErrCorrupt
			return nil
		}
		part, rest = rest[:k:k], rest[k:]
		return part
	}
	x.Partition = cut(int64(le.Uint16(b[12:])))
	x.Key = cut(int64(le.Uint16(b[14:])))
	x.Vary = cut(int64(le.Uint16(b[16:])))
	x.Tagged = cut(int64(le.Uint32(b[20:])))
	x.Wire = cut(int64(le.Uint32(b[24:])))
	x.Sums = cut(8 * Blocks(max(p.Length, 0)))
	if err == nil && (len(rest) != 0 || p.Length < 0 || !wellTagged(&x)) {
		err = ErrCorrupt
	}
	return p, m, x, err
}

// wellTagged checks that the tags fill their place exactly.
func wellTagged(x *Texts) bool {
	rest := x.Tagged
	for range x.Tags {
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

// AppendMeta appends m in MetaSize bytes.
func AppendMeta(dst []byte, m *store.Meta) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint16(dst, m.Status)
	dst = append(dst, m.Encoding, 0)
	dst = le.AppendUint32(dst, m.Flags)
	for _, n := range [...]int64{m.Born, m.Stored, m.Fresh, m.Grace, m.Keep, m.StaleIfError, m.First, m.Total} {
		dst = le.AppendUint64(dst, uint64(n))
	}
	return dst
}

// ParseMeta reads what AppendMeta wrote; b has at least MetaSize bytes.
func ParseMeta(b []byte) store.Meta {
	le := binary.LittleEndian
	at := func(i int) int64 { return int64(le.Uint64(b[8+8*i:])) }
	return store.Meta{
		Status: le.Uint16(b), Encoding: b[2], Flags: le.Uint32(b[4:]),
		Born: at(0), Stored: at(1), Fresh: at(2), Grace: at(3), Keep: at(4), StaleIfError: at(5), First: at(6), Total: at(7),
	}
}

// ParseFields makes h the fields of wire, which it refers to.
func ParseFields(h *message.Header, wire []byte) {
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
