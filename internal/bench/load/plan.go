package load

import (
	"crypto/tls"
	"errors"
	"math"
	"net/netip"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Ending says how the end of an answer is recognised.
type Ending uint8

// The endings.
const (
	AtConnect Ending = iota // there is no answer: the transaction is to connect
	AtSize                  // after Plan.Size bytes
	AtClose                 // when the server closes
	AtHTTP                  // when an HTTP/1.1 response is complete
)

// Plan says what a transaction is, and how many there shall be.
type Plan struct {
	Target netip.AddrPort
	// Sources are addresses to connect from, in turn: each has its own ports.
	// Without any the kernel chooses.
	Sources []netip.Addr

	Opening []byte // sent once per connection, answered by an HTTP head (a WebSocket's)
	Request []byte // sent for each transaction; empty for servers that speak first, or none
	Ending  Ending
	Size    int  // of the answer, for AtSize
	HTTP    bool // an answer AtClose is an HTTP response, whose status is looked at
	Persist bool // transactions follow each other on one connection

	TLS    *tls.Config // non-nil: by goroutines, through crypto/tls
	Resume bool        // TLS sessions are resumed; a handshake that is full is an error

	Connections int     // in flight at most
	Rate        float64 // transactions a second in an open loop; 0 is a closed one
	Threads     int     // that drive connections by epoll
	Timeout     time.Duration
	Reset       bool // close by RST (SO_LINGER 0), as some tools do unasked
}

// Check reports what of a plan makes no sense.
func (p *Plan) Check() error {
	switch {
	case !p.Target.IsValid():
		return errors.New("the target is missing")
	case p.Connections < 1:
		return errors.New("it takes at least one connection")
	case !(p.Rate >= 0) || math.IsInf(p.Rate, 1):
		return errors.New("a rate is a number that is not negative")
	case p.Timeout <= 0:
		return errors.New("the time limit is missing")
	case p.Ending == AtSize && p.Size < 1:
		return errors.New("the size of the answer is missing")
	case p.Persist && p.Ending != AtSize && p.Ending != AtHTTP:
		return errors.New("an answer that ends with the connection cannot be followed by another")
	}
	return nil
}

// Window is the time in which transactions count.
type Window struct {
	Warm   time.Duration // before it; transactions are made and not counted
	Length time.Duration
	Tick   time.Duration // between two looks; 0 is a second
	Begin  func()        // called when it opens
	End    func()        // called when it closes, before the last answers are awaited
	OnTick func(Tick)    // called after each look, by one goroutine
}

// Tick is what happened between two looks.
type Tick struct {
	At      time.Duration `json:"at"` // since the window opened
	Rate    float64       `json:"rate"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Flying  int64         `json:"flying"`  // connections open at the moment
	Behind  int64         `json:"behind"`  // due and not begun, in an open loop
	Errors  int64         `json:"errors"`  // since the last look
	Connect int64         `json:"connect"` // connections that came to stand since then
}

// Bounds of the histograms, in nanoseconds. Three digits are kept: 0.1 %. The lower
// bound is the step at the small end, too: a microsecond there would leave a median
// of 30 µs two digits.
const (
	shortest = int64(1)
	longest  = int64(2 * time.Minute)
	digits   = 3
)

func newHistogram() *hdr.Histogram { return hdr.New(shortest, longest, digits) }

// record counts a time; what is beyond the bounds counts as the bound.
func record(h *hdr.Histogram, d int64) { _ = h.RecordValue(min(max(d, 0), longest)) }

// Tally is what a window held.
type Tally struct {
	Window       time.Duration
	Watched      time.Duration // of it, behind Begin: a thread that does not get to run is late
	Transactions int64         // that ended inside it
	Connections  int64         // that came to stand inside it
	// Latencies are of transactions that were meant to begin inside it, with
	// those that ended after it; what failed is in Errors alone.
	Connect *hdr.Histogram
	First   *hdr.Histogram // first byte of the answer, or the end of an empty one
	Total   *hdr.Histogram
	Errors  map[string]int64 // "connect ECONNREFUSED" and so on
	Behind  int64            // due inside it, and never begun
	Late    int64            // begun more than a millisecond after they were due
	Ticks   []Tick
}

// Failed returns the number of transactions that failed.
func (t *Tally) Failed() (n int64) {
	for _, v := range t.Errors {
		n += v
	}
	return n
}

func newTally() *Tally {
	return &Tally{Connect: newHistogram(), First: newHistogram(), Total: newHistogram(), Errors: map[string]int64{}}
}

// Add counts another tally, as if both had been one window.
func (t *Tally) Add(o *Tally) {
	for i := range o.Ticks {
		k := o.Ticks[i]
		k.At += t.Window
		t.Ticks = append(t.Ticks, k)
	}
	t.Window += o.Window
	t.Watched += o.Watched
	t.join(o)
}

// join counts what another part of the same window counted.
func (t *Tally) join(o *Tally) {
	t.Transactions += o.Transactions
	t.Connections += o.Connections
	t.Behind += o.Behind
	t.Late += o.Late
	t.Connect.Merge(o.Connect)
	t.First.Merge(o.First)
	t.Total.Merge(o.Total)
	for k, v := range o.Errors {
		t.Errors[k] += v
	}
}

// NewTally returns an empty tally, to Add others to.
func NewTally() *Tally { return newTally() }

type histogram = hdr.Histogram
