package disk

import (
	"encoding/binary"
	"slices"

	"fishplate/internal/cache/segment"
	"fishplate/internal/cache/store"

	"github.com/zeebo/xxh3"
)

// The index has six kinds of keys:
//
//	o partition text           → the variants of that key, and where they lie
//	t partition len tag seq    → segment and key text of an object that has the tag
//	p partition                → the partition's name
//	i seq                      → a purge that is being worked on
//	b                          → the bans
//	n                          → a number above all sequence numbers
//
// A partition is the hash of its name, tag's length and sequence number are
// big-endian. A t key holds only while the o key still has a variant with that
// sequence number; a variant that goes leaves its t keys until its segment goes.
const (
	kindObject    = 'o'
	kindTag       = 't'
	kindPartition = 'p'
	kindIntent    = 'i'
	kindBans      = 'b'
	kindNext      = 'n'
)

// maxVariants bounds an entry; one more variant makes room by the oldest.
const maxVariants = store.MaxVariants

// A variant is one object of a key, as the index knows it. Its Meta is that of
// the record, but for Fresh, which a soft purge shortens.
type variant struct {
	segment.Place
	meta store.Meta
	vary []byte // valid as long as what was parsed
}

const variantFixed = 8*3 + 4 + 8*2 + segment.MetaSize + 2

// hashName is a partition's number in keys.
func hashName(name string) uint64 { return xxh3.HashString(name) }

func objectKey(dst []byte, part uint64, text []byte) []byte {
	dst = append(dst, kindObject)
	dst = binary.BigEndian.AppendUint64(dst, part)
	return append(dst, text...)
}

// objectText returns the key text in an o key.
func objectText(key []byte) []byte { return key[9:] }

// tagPrefix is the beginning of the t keys of a tag.
func tagPrefix(dst []byte, part uint64, tag []byte) []byte {
	dst = append(dst, kindTag)
	dst = binary.BigEndian.AppendUint64(dst, part)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(tag)))
	return append(dst, tag...)
}

func tagKey(dst []byte, part uint64, tag []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(tagPrefix(dst, part, tag), seq)
}

// tagSeq returns the sequence number in a t key.
func tagSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func tagValue(dst []byte, seg uint64, text []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(dst, seg), text...)
}

func partitionKey(part uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindPartition}, part)
}

func intentKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindIntent}, seq) }

// after returns the first key behind all that begin with prefix.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// appendVariants appends the value of an o key. Its last eight bytes are a
// checksum, because an entry decides where to read and how long to believe.
func appendVariants(dst []byte, list []variant) []byte {
	le := binary.LittleEndian
	start := len(dst)
	dst = append(dst, segment.RecordVersion, byte(len(list)))
	for i := range list {
		v := &list[i]
		dst = le.AppendUint64(dst, v.Seq)
		dst = le.AppendUint64(dst, v.Seg)
		dst = le.AppendUint64(dst, uint64(v.Off))
		dst = le.AppendUint32(dst, v.HeadLen)
		dst = le.AppendUint64(dst, uint64(v.Length))
		dst = le.AppendUint64(dst, v.HeadSum)
		dst = segment.AppendMeta(dst, &v.meta)
		dst = le.AppendUint16(dst, uint16(len(v.vary)))
		dst = append(dst, v.vary...)
	}
	return le.AppendUint64(dst, xxh3.Hash(dst[start:]))
}

// parseVariants appends the variants of b to dst, oldest first. They refer to b.
func parseVariants(dst []variant, b []byte) ([]variant, error) {
	le := binary.LittleEndian
	if len(b) < 10 || b[0] != segment.RecordVersion || xxh3.Hash(b[:len(b)-8]) != le.Uint64(b[len(b)-8:]) {
		return dst, segment.ErrCorrupt
	}
	count, b := int(b[1]), b[2:len(b)-8]
	for range count {
		if len(b) < variantFixed {
			return dst, segment.ErrCorrupt
		}
		v := variant{Place: segment.Place{
			Seq: le.Uint64(b), Seg: le.Uint64(b[8:]), Off: int64(le.Uint64(b[16:])),
			HeadLen: le.Uint32(b[24:]), Length: int64(le.Uint64(b[28:])), HeadSum: le.Uint64(b[36:]),
		}, meta: segment.ParseMeta(b[44:])}
		n := int(le.Uint16(b[44+segment.MetaSize:]))
		if b = b[variantFixed:]; n > len(b) {
			return dst, segment.ErrCorrupt
		}
		v.vary, b = b[:n:n], b[n:]
		dst = append(dst, v)
	}
	return dst, nil
}
