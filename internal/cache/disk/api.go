package disk

import (
	"context"
	"log/slog"
	"os"

	"fishplate/internal/message"
)

// Options say where a tier lies and how large it may be.
type Options struct {
	Path   string       // the directory; made when absent, owned by one process at a time
	Size   int64        // bytes of segments and index together, as du counts them
	Logger *slog.Logger // findings; nil: discarded
}

// Tier is an open directory.
type Tier struct{}

// Open takes the directory and is ready to serve; counts and leftovers are
// looked after behind.
func Open(o Options) (*Tier, error) { return &Tier{}, nil }

// Offer hands over a complete object; it is written later, or dropped and
// counted when the queue is full. It reports whether it was taken.
func (t *Tier) Offer(partition string, o Object) bool { return false }

// Get looks an object up; match picks among the variants of the key and must
// not keep its arguments. A miss is nil without an error.
func (t *Tier) Get(ctx context.Context, partition string, text []byte, match func(meta *Meta, vary []byte) bool) (*Found, error) {
	return nil, nil
}

// Remove forgets all variants of a key and returns how many there were. Soft
// ones stay, but are no longer fresh.
func (t *Tier) Remove(ctx context.Context, partition string, text []byte, soft bool) (int, error) {
	return 0, nil
}

// PurgeTag forgets the objects that carry the tag; partition "*" means all.
func (t *Tier) PurgeTag(ctx context.Context, partition string, tag []byte, soft bool) (int, error) {
	return 0, nil
}

// PurgePrefix forgets the objects whose key text begins so.
func (t *Tier) PurgePrefix(ctx context.Context, partition string, prefix []byte, soft bool) (int, error) {
	return 0, nil
}

// PurgeHost forgets the objects of a host, all ports and schemes.
func (t *Tier) PurgeHost(ctx context.Context, partition string, host []byte, soft bool) (int, error) {
	return 0, nil
}

// An Entry is one object in a list.
type Entry struct {
	Partition string
	Key, Vary []byte // valid during the call
	Meta      Meta
	Length    int64 // bytes of the body
}

// Each calls fn for at most n objects after the cursor ("" is the start) and
// returns the cursor to go on from, "" at the end.
func (t *Tier) Each(ctx context.Context, partition, cursor string, n int, fn func(*Entry) bool) (string, error) {
	return "", nil
}

// PutBans keeps the bans' list for the next process, durably.
func (t *Tier) PutBans(list []byte) error { return nil }

// LoadBans returns what PutBans kept last, or nil.
func (t *Tier) LoadBans() ([]byte, error) { return nil, nil }

// SetQuota bounds a partition's bytes on the disk; 0 lifts the bound.
func (t *Tier) SetQuota(partition string, bytes int64) {}

// Resize changes Options.Size of an open tier.
func (t *Tier) Resize(size int64) error { return nil }

// Fault is why the tier turned itself off, or nil.
func (t *Tier) Fault() error { return nil }

// Stats are the tier's counts.
type Stats struct {
	On                                               bool
	Loaded                                           bool // Objects and Bytes are complete
	Objects, Bytes                                   int64
	Segments, Index                                  int64 // bytes on the disk
	Hits, Misses, Written, Dropped, Corrupt, Evicted int64
}

// Stats returns the counts of now.
func (t *Tier) Stats() Stats { return Stats{} }

// Partition returns the counts of one partition.
func (t *Tier) Partition(name string) Stats { return Stats{} }

// Flush waits until what was offered before is durable, or ctx ends.
func (t *Tier) Flush(ctx context.Context) error { return nil }

// Close drops what is still queued, awaits the goroutines and frees the directory.
func (t *Tier) Close() error { return nil }

// Found is an object on the disk. It stays readable until Close.
type Found struct {
	Meta   Meta
	Length int64 // bytes of the body
}

// Key is the key text.
func (f *Found) Key() []byte { return nil }

// Vary is the variant's blob.
func (f *Found) Vary() []byte { return nil }

// Head fills h with the stored fields; they are valid until Close.
func (f *Found) Head(h *message.Header) {}

// Tags calls yield for each tag.
func (f *Found) Tags(yield func(tag []byte) bool) {}

// ReadAt reads verified bytes of the body.
func (f *Found) ReadAt(p []byte, at int64) (int, error) { return 0, nil }

// Verify compares all checksums of the body, once per process and object.
func (f *Found) Verify(ctx context.Context) error { return nil }

// File is the segment and the offset of the body in it, for sendfile; nil
// before Verify. Only positioned reads may be made.
func (f *Found) File() (file *os.File, offset int64) { return nil, 0 }

// Live reports that nothing purged the object since it was looked up: who
// copies it into memory asks after publishing the copy.
func (f *Found) Live() bool { return true }

// Close lets the segment go.
func (f *Found) Close() {}
