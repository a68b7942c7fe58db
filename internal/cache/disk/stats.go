package disk

import "sync/atomic"

// Why an offered object was not written.
const (
	RefusedQueue  = iota // the queue was full
	RefusedLarge         // the object is too large for the tier, or one of its texts
	RefusedSpace         // the file system has no room to spare
	RefusedPurged        // purged before it was written
	RefusedOff           // the tier is off
	refusals
)

// counters are the tier's, by cause.
type counters struct {
	lastSegment    uint64 // the writer's
	objects, bytes atomic.Int64

	hits, misses atomic.Int64
	offered      atomic.Int64
	written      atomic.Int64
	writtenBytes atomic.Int64
	refused      [refusals]atomic.Int64
	corrupt      atomic.Int64
	readErrors   atomic.Int64
	purged       atomic.Int64
	replaced     atomic.Int64
	evicted      atomic.Int64
	spared       atomic.Int64
	segmentsGone atomic.Int64
	unanswered   atomic.Int64 // read errors since the last success
}

// Stats are the counts of a tier or a partition. Of a partition, only the first
// group is kept.
type Stats struct {
	On                    bool
	Loaded                bool  // Objects and Bytes are complete
	Objects, Bytes, Quota int64 // in the index, with their heads
	Hits, Misses, Written int64

	Size             int64 // the bound
	SegmentBytes     int64 // on the disk
	IndexBytes       int64 // on the disk
	Segments         int64
	Queued           int64 // objects
	QueuedBytes      int64
	Offered          int64
	WrittenBytes     int64
	Refused          [refusals]int64 // offered and not written, by cause
	Corrupt          int64           // objects whose checksum differed; none was served
	ReadErrors       int64
	Purged, Replaced int64
	Evicted          int64 // objects that went with their segment
	Spared           int64 // objects that were written again because they were asked for
	SegmentsDropped  int64
}

// Stats returns the counts of now.
func (t *Tier) Stats() Stats {
	s := Stats{
		On: t.on(), Loaded: t.isLoaded(), Objects: t.objects.Load(), Bytes: t.bytes.Load(),
		Hits: t.hits.Load(), Misses: t.misses.Load(), Written: t.written.Load(),
		Size: t.size.Load(), Segments: int64(t.shelf.Count()), SegmentBytes: t.taken.Load(), IndexBytes: t.index.Used(),
		Queued: int64(len(t.queue)), QueuedBytes: t.queued.Load(),
		Offered: t.offered.Load(), WrittenBytes: t.writtenBytes.Load(),
		Corrupt: t.corrupt.Load(), ReadErrors: t.readErrors.Load(),
		Purged: t.purged.Load(), Replaced: t.replaced.Load(),
		Evicted: t.evicted.Load(), Spared: t.spared.Load(), SegmentsDropped: t.segmentsGone.Load(),
	}
	for i := range s.Refused {
		s.Refused[i] = t.refused[i].Load()
	}
	return s
}

// Partition returns the counts of one partition.
func (t *Tier) Partition(name string) Stats {
	s := Stats{On: t.on(), Loaded: t.isLoaded()}
	for _, p := range t.parts.named(name) {
		s.Objects += p.objects.Load()
		s.Bytes += p.bytes.Load()
		s.Quota += p.quota.Load()
		s.Hits += p.hits.Load()
		s.Misses += p.misses.Load()
		s.Written += p.written.Load()
	}
	return s
}

func (t *Tier) isLoaded() bool {
	select {
	case <-t.loaded:
		return true
	default:
		return false
	}
}
