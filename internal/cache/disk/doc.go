// Package disk is the cache's second tier: complete objects in append-only
// segment files, found through an index in pebble. It survives restarts and
// kills, and is inclusive: what it holds was, and may be, in memory too.
//
// Order of writes: an object's record goes into a segment, then its entry into
// the index. Nothing is read on the index's word alone: an entry carries the
// checksum of its record's head, the head carries key, partition and fields,
// and the checksum of each block of the body, and no byte is served before its
// checksum was compared. So a write that a crash tore is a miss, never an
// answer, and an object needs no fsync. Purges do: one that has returned is on
// the disk.
//
// Space is reclaimed by dropping whole segments, oldest first; objects that
// were asked for meanwhile are written again. Segments and index together stay
// below Options.Size.
//
// It decides neither what may be stored nor whether a kept object may be used,
// and never stops the serving: the first failed write turns the tier off, with
// a finding, and from then on it holds nothing.
//
// Ownership: a Tier owns its writer and its loader goroutine, and pebble's;
// Close awaits them. An offered object is pinned until written or dropped. A
// Found pins its segment until Close, even after the tier's.
package disk
