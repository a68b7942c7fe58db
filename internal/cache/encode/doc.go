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
// A variant is made once, by the first request that wants its coding, which takes
// the flight of the variant's key; others join it and read what grows. Of a
// complete base the coded bytes depend on nothing else, so that the variant's tag
// is strong. Of one that still grows they depend also on when its bytes came, as
// nothing is held back from clients while the origin is waited for: there the tag
// is weak.
//
// A Codecs owns its pools; a Writer or Reader belongs to who took it until Close.
// Nothing here starts a goroutine that outlives a call.
package encode
