package filter

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/zeebo/xxh3"

	"fishplate/internal/records"
)

// Save writes the buckets that are not full, for a process that takes this one's
// place. Keys are in it as hashes alone, and the seed that they were made with.
func (r *Rates) Save(w *records.Writer) error {
	if err := w.Put(binary.BigEndian.AppendUint64(nil, r.seed)); err != nil {
		return err
	}
	at := time.Now().UnixNano()
	var b []byte
	for i := range r.buckets {
		s := &r.buckets[i]
		b = b[:0]
		s.mu.Lock()
		for h, full := range s.full {
			if full > at {
				b = binary.BigEndian.AppendUint64(b, h.Hi)
				b = binary.BigEndian.AppendUint64(b, h.Lo)
				b = binary.BigEndian.AppendUint64(b, uint64(full))
			}
		}
		s.mu.Unlock()
		if err := w.Put(b); err != nil {
			return err
		}
	}
	return nil
}

const savedBucket = 24 // bytes

// RatesLongest bounds a record of Save: a shard of the largest number of keys.
const RatesLongest = savedBucket << 20

// Load takes in what Save wrote, all of it or nothing, before the first request
// is asked about. What there is no room for is left out: those clients begin with
// a full bucket.
func (r *Rates) Load(in *records.Reader) error {
	head, err := in.Next()
	if err != nil {
		return err
	}
	if len(head) != 8 {
		return records.ErrFormat
	}
	seed := binary.BigEndian.Uint64(head)
	var shards [rateShards]map[xxh3.Uint128]int64
	for i := range shards {
		shards[i] = map[xxh3.Uint128]int64{}
	}
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for ; len(b) >= savedBucket; b = b[savedBucket:] {
			h := xxh3.Uint128{Hi: binary.BigEndian.Uint64(b), Lo: binary.BigEndian.Uint64(b[8:])}
			if full := shards[h.Hi%rateShards]; len(full) < r.room {
				full[h] = int64(binary.BigEndian.Uint64(b[16:])) // a debt that no limit allows is forgiven by Allow
			}
		}
		if len(b) > 0 {
			return records.ErrFormat
		}
	}
	r.seed = seed
	for i := range shards {
		r.buckets[i].full = shards[i]
	}
	return nil
}
