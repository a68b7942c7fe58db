// Package encode is about content codings (RFC 9110 §8.4, §12.5.3): which of
// gzip, br and zstd a client takes, which answers are worth compressing, the
// compressors and decompressors themselves, pooled, and what becomes of ETag,
// Vary and Content-Length of the result. It stores and fetches nothing.
//
// How stored variants relate. There is one fetch, and one base object: the
// representation in the coding that the origin chose, which with encoding on is
// identity, since a fetch for the cache asks for no other. The base alone carries
// freshness, validators, tags and the marks of purge and ban. A variant is a
// derivative of it: the same representation in another coding, under a key that
// DeriveKey makes of the base's, which holds the coded bytes and the base's birth
// mark and nothing that a decision needs. Look-up always decides by the base;
// only when that is a hit, and Choose names a coding, the variant is looked up,
// and taken when its mark is that of the base. So a base that is replaced, purged
// or banned takes its variants with it without anybody visiting them, a 304 that
// refreshes it keeps them, and memory pressure may evict either side alone: a
// variant without its base is never found and leaves by age.
//
// A variant is made once, in the order of requests: who comes while the base
// still grows gets it as it is, at the origin's pace, as no coded bytes are worth
// waiting for; the first who wants the coding of a complete base takes the flight
// of the variant's key and has it made, others join. Only what nobody may be
// given as it is, a coded base for a client that does not take its coding, is
// decoded while it grows. Coded bytes therefore depend on the base alone, which
// is what lets a variant carry a strong tag.
//
// A Codecs owns its pools; a Writer or Reader belongs to who took it until Close.
// Nothing here starts a goroutine that outlives a call.
package encode
