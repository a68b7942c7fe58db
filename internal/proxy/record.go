package proxy

import (
	"net/netip"
	"time"

	"fishplate/internal/tenant"
)

// A Record is what the step record hands to the sinks: one exchange, in small
// values. It belongs to the exchange; a sink must not keep it, nor its slices,
// after it returns.
type Record struct {
	Time       time.Time // when the first byte of the request was seen
	Generation uint64
	Listener   string
	Client     netip.AddrPort
	ClientIP   netip.Addr // who the request is from; differs behind a trusted proxy
	TLS        string     // "", "1.2", "1.3"
	Minor      uint8      // HTTP/1.Minor

	Method, Host, Path, Query []byte // as the client sent them, the path in its normal form
	HasRequest                bool   // false when the head could not be read

	VHost, Route, Tenant, Backend, Server string

	Status    int   // 0 when the client could not be told anything
	BytesIn   int64 // of the request body
	BytesOut  int64 // of the response, head included
	Duration  time.Duration
	FirstByte time.Duration // from the request sent to the origin's first byte; 0 without
	Steps     [steps]time.Duration
	Last      string        // the step in which the exchange was decided
	Cause     string        // of the fault, "" without
	Side      string        // whose doing the fault was
	Detail    string        // of a fault of a guest: pc and symbol
	Guest     *tenant.Notes // what a program wrote about the request; nil without
	Cache     string        // how it ended at the cache, a word of metrics.CacheWords; "" where no policy holds
	CacheWhy  string        // why so: a word of metrics.WhyWords
	Retries   int
	Reused    bool // the origin's connection had been used before
	Spliced   bool
	Tunnel    bool
}
