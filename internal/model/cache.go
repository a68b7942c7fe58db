package model

import (
	"net/netip"
	"time"
)

// CachePolicy says what of a route may be stored, for how long, and under which
// key. A pointer is nil when the attribute was not written and the answer's own
// fields decide; everything else has its default filled in.
//
// Blocks are never merged: the nearest of route, vhost and tenant holds whole,
// see Route.Effective.
type CachePolicy struct {
	Enabled bool   // false: nothing of the route is looked up or stored
	Store   string // name of a Cache; config makes "main" when it is named and not written

	TTL          *time.Duration // freshness, whatever the answer says
	DefaultTTL   *time.Duration // freshness of an answer that says nothing, instead of the heuristic
	NegativeTTL  *time.Duration // freshness of a 4xx or 5xx that may be stored
	Grace        *time.Duration // how long after its freshness an object is served while a new one is fetched
	StaleIfError *time.Duration // how long after its freshness it is served when the servers fail
	MinTTL       time.Duration  // an answer's freshness is raised to it; 0 = none
	MaxTTL       time.Duration  // … and lowered to it; 0 = none
	Keep         time.Duration  // kept after freshness and grace, to be revalidated
	HitForMiss   time.Duration  // how long an uncacheable answer's key is fetched without waiting for others
	Wait         time.Duration  // longest wait for somebody else's fetch of the same key; 0 = none waits
	Saint        time.Duration  // after a server failed for an object, it is not asked for that object so long; 0 = off

	Methods    []string // "GET", "HEAD", "POST"
	Bypass     Expr     // truth over the request: neither looked up nor stored
	SetCookie  string   // "refuse", "strip", "keep"
	Client     string   // "obey" or "ignore": Cache-Control and Pragma of requests
	MaxObject  int64    // bytes; 0 = the store's
	Targeted   []string // fields that override Cache-Control, in order (RFC 9213)
	Tags       []string // that every object gets
	TagHeaders []string // fields of an answer that hold tags
	Quota      int64    // bytes of the partition; 0 = no bound but the store's; on vhost and tenant only
	Range      string   // of what is not stored: "whole": fetch all and cut; "pass": fetch what was asked for, and store the part
	Slice      int64    // bytes; a range is fetched and stored in slices of this size; 0 = not
	Prefetch   int      // slices fetched ahead
	Status     bool     // Cache-Status on answers (RFC 9211)

	Key       CacheKey
	Vary      CacheVary
	Encode    *CacheEncode    // nil = bodies are stored as they came
	ESI       *CacheESI       // nil = not looked for
	Purge     *CachePurge     // nil = PURGE and BAN are methods like any other
	Synthetic *CacheSynthetic // nil = the built-in answers to failure
	At        Range
}

// CacheKey says what of a request tells two objects apart.
type CacheKey struct {
	Query        string   // "all", "sort", "ignore"
	Drop         []string // parameters that do not count; "utm_*" is a prefix
	Keep         []string // the only ones that do
	Headers      []string // fields whose values count
	Cookies      []string // cookies whose values count
	Value        Expr     // a string value that counts
	Scheme, Host bool     // false: left out
}

// CacheVary corrects what answers say in Vary.
type CacheVary struct {
	Ignore   []string // fields that do not tell variants apart
	Encoding bool     // Accept-Encoding is reduced to the codings that matter
}

// CacheEncode stores compressed variants of one fetch.
type CacheEncode struct {
	Types   []string // media types; "text/*" is a prefix
	Codings []string // "br", "zstd", "gzip", best first
	Min     int64    // bytes; smaller bodies are left alone
}

// CacheESI includes fragments in stored documents.
type CacheESI struct {
	Depth    int    // of includes within includes
	Includes int    // of one document
	OnError  string // "empty": the fragment is left out; "fail": the answer breaks off
}

// CachePurge is who may purge by a request.
type CachePurge struct {
	From    []netip.Prefix
	Methods []string // "PURGE", "BAN"
	Soft    bool     // PURGE makes objects stale, and removes none
}

// CacheSynthetic answers when neither a server nor an object can.
type CacheSynthetic struct {
	Status  int
	Body    []byte
	Headers []FieldEdit
	TTL     time.Duration // how long it answers before a server is asked again; 0 = for this request only
}

// Cache is a store: memory, and a disk behind it.
type Cache struct {
	Name      string
	Memory    int64 // bytes, index and overhead included
	MaxObject int64 // bytes
	Disk      *CacheDisk
	At        Range
}

// CacheDisk is the second tier of a store.
type CacheDisk struct {
	Path string
	Size int64 // bytes
}

// Partition is a share of the stores that belongs to one tenant, or to one vhost
// whose routes have none. No key of one reaches an object of another.
type Partition struct {
	Name  string // "tenant/NAME" or "vhost/NAME"
	Quota int64  // bytes in each store; 0 = no bound but the store's
}
