package store

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// A Key names all variants of one thing. It is a 128-bit hash of the key text
// with the partition's number, so that two partitions never share an object,
// and the text itself is compared as well before an object is handed out.
type Key [2]uint64

// KeyOf hashes a key text within a partition.
func KeyOf(partition uint32, text []byte) Key {
	seed := binary.LittleEndian.AppendUint32(nil, partition)
	h := xxh3.Hash128Seed(text, uint64(binary.LittleEndian.Uint32(seed))*0x9e3779b97f4a7c15+1)
	return Key{h.Hi, h.Lo}
}
