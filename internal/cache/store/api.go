package store

import (
	"errors"
	"time"

	"fishplate/internal/message"
)

// Errors of Begin, Refresh and Append.
var (
	ErrFull     = errors.New("store object: everything that could make room is in use")
	ErrTooLarge = errors.New("store object: larger than max_object")
)

// MaxVariants is how many objects one key may have. Publishing one more
// removes the oldest.
const MaxVariants = 32

// Options of New.
type Options struct {
	Memory    int64 // bytes that the store may use altogether
	MaxObject int64 // bytes of one body; 0 = an eighth of Memory
}

// Meta are the plain values of an object. Times are nanoseconds: Born and
// Stored since the Unix epoch, the others durations that begin at Born.
type Meta struct {
	Status       uint16
	Encoding     uint8 // the face's number of the content coding
	Flags        uint32
	Born         int64 // when the answer's age was 0
	Stored       int64 // when it came here
	Fresh        int64
	Grace        int64
	Keep         int64
	StaleIfError int64
	First        int64 // offset of a partial object's first byte in its representation
	Total        int64 // length of the whole representation, -1 unknown
}

// Parts are the texts of an object. They are copied.
type Parts struct {
	Key  []byte          // the key text
	Vary []byte          // names the variant: equal blobs replace each other
	Head *message.Header // the fields to store; nil for none
	Tags [][]byte
}

// A Matcher picks among the variants of a key, newest first. It is called
// without any lock held, and must not keep the object.
type Matcher interface{ Match(o *Object) bool }

// PartitionStats counts one partition, or all of them.
type PartitionStats struct {
	Objects   int64
	Dead      int64  // objects that a purge removed and whose memory Reap will give back
	Bytes     int64  // memory of its objects, the dead too, rounding included
	Quota     int64  // 0 = none
	Hits      uint64 // lookups that found an object
	Misses    uint64
	Stored    uint64 // objects published
	Evicted   uint64 // objects that made room for others
	Refused   uint64 // objects that found no room
	Purged    uint64
	Replaced  uint64    // by a newer variant, or as the oldest of too many
	EvictedBy [2]uint64 // Evicted: by the partition's own quota, by the store's bound
}

// Stats describes the store. The kinds of bytes add up to Used.
type Stats struct {
	PartitionStats
	Memory int64 // the bound
	Used   int64 // resident memory: all of the below
	Index  int64 // table of keys and tags, slab table
	Heads  int64 // object records, key texts, fields, tags
	Bodies int64
	Free   int64 // free cells in slabs, and slabs kept for reuse
	Slack  int64 // part of Heads and Bodies: bytes lost to rounding
	Pinned int64 // objects removed but still being read

	// Ages and Sizes count live objects: Ages[i] those stored less than AgeEdges[i]
	// ago, Sizes[i] those whose body is below SizeEdges[i]; the last row is the rest.
	Ages  [10]int64
	Sizes [12]int64
}

// AgeEdges are the upper bounds of Stats.Ages but for its last row.
func AgeEdges() [9]time.Duration {
	return [9]time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour,
		6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}
}

// SizeEdges are the upper bounds of Stats.Sizes but for its last row, in bytes.
func SizeEdges() [11]int64 {
	return [11]int64{1, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}
}

// A Cursor says where Each goes on. The zero value is the beginning.
type Cursor struct{ at uint64 }

// At returns the place as a number, for CursorAt.
func (c Cursor) At() uint64 { return c.at }

// CursorAt returns the cursor of a place. Any number is a place.
func CursorAt(at uint64) Cursor { return Cursor{at} }
