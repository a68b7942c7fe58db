// Package segment is the format of the cache's disk tier: files of records, and
// records of objects. Every byte is under a checksum: a file's start, a record's
// head, and each block of a body.
//
// It does not decide which files there are and what goes into them: package
// disk does, and writes them.
//
// Ownership: the Shelf and each reader hold a reference to a Segment; the last
// one closes its files. Texts of a parsed head lie in the buffer that was parsed.
package segment
