package balance

import (
	"math"
	"sync/atomic"
	"time"
)

// Reason says why a server is not a candidate. Zero means that it is one.
type Reason uint32

// The reasons, in the order in which they are looked at.
const (
	In          Reason = iota
	Removed            // it left the configuration and only finishes
	Maintenance        // an operator took it out
	Drain              // only pinned sessions
	Starting           // its first health check has not answered yet
	Down               // its health checks fail
	Ejected            // outlier: too many errors in traffic
	NoWeight           // its weight is zero
	Full               // at max_connections
	Tried              // this request already failed there
	Spare              // a backup, and a primary server is usable
)

var reasons = [...]string{
	In: "in", Removed: "removed", Maintenance: "maintenance", Drain: "drain", Starting: "waits for its first check",
	Down: "down", Ejected: "ejected", NoWeight: "weight 0", Full: "at max_connections", Tried: "already tried",
	Spare: "backup, and a primary server is usable",
}

// String returns the words that explain prints.
func (r Reason) String() string { return reasons[r] }

// Node holds what changes about one server. Its owner sets the state, the users
// of connections count themselves, and every Table of every generation reads
// it. The zero Node is usable, without a connection limit.
type Node struct {
	reason  atomic.Uint32
	max     atomic.Int64
	active  atomic.Int64
	until   atomic.Int64 // ejected until, Unix nanoseconds
	rampAt  atomic.Int64 // slow start began, Unix nanoseconds; 0 = none
	rampFor atomic.Int64 // its length in nanoseconds
	latency atomic.Uint64
	seen    atomic.Int64 // when latency was last measured, Unix nanoseconds
	load    atomic.Uint64
	meter   atomic.Pointer[meter] // nil unless a policy reads it
	loadAt  atomic.Int64          // when the load was reported, Unix nanoseconds; 0 = never
}

// SetReason takes the node out for a reason, or puts it back with In. Ejected,
// NoWeight, Full, Tried and Spare are derived and must not be set.
func (n *Node) SetReason(r Reason) { n.reason.Store(uint32(r)) }

// SetMax bounds the connections in use; 0 removes the bound.
func (n *Node) SetMax(m int) { n.max.Store(int64(m)) }

// Max returns the bound on connections in use, 0 for none.
func (n *Node) Max() int { return int(n.max.Load()) }

// Active returns the connections in use.
func (n *Node) Active() int { return int(n.active.Load()) }

// Take counts one more connection in use, unless the node is full.
func (n *Node) Take() bool {
	now, limit := n.active.Add(1), n.max.Load()
	if limit > 0 && now > limit {
		n.active.Add(-1)
		return false
	}
	return true
}

// Drop counts one connection less.
func (n *Node) Drop() { n.active.Add(-1) }

// Eject takes the node out until t; the zero time ends an ejection.
func (n *Node) Eject(t time.Time) {
	if t.IsZero() {
		n.until.Store(0)
		return
	}
	n.until.Store(t.UnixNano())
}

// Ejected reports whether an ejection lasts at the time given.
func (n *Node) Ejected(now int64) bool { return n.until.Load() > now }

// EjectedUntil returns the end of the last ejection in Unix nanoseconds, or 0.
func (n *Node) EjectedUntil() int64 { return n.until.Load() }

// Ramp begins a slow start of length d at t: the node's share grows linearly
// to its weight. Zero d ends one.
func (n *Node) Ramp(t time.Time, d time.Duration) {
	n.rampFor.Store(int64(d))
	if d <= 0 {
		n.rampAt.Store(0)
		return
	}
	n.rampAt.Store(t.UnixNano())
}

// Ramping returns when a slow start began that still lasts, in Unix nanoseconds,
// or 0.
func (n *Node) Ramping() int64 { return n.rampAt.Load() }

// Expect begins with a latency that was measured before, at now.
func (n *Node) Expect(now int64, d time.Duration) {
	n.latency.Store(math.Float64bits(float64(d)))
	n.seen.Store(now)
}

// rampFloor is the least share of its weight that a starting server has, so
// that it is found out early whether it works at all.
const rampFloor = 0.02

// Share returns the part of its weight that the node has at now (Unix
// nanoseconds): 1, or less during a slow start.
func (n *Node) Share(now int64) float64 {
	at := n.rampAt.Load()
	if at == 0 {
		return 1
	}
	length := n.rampFor.Load()
	if since := now - at; since < length {
		return max(rampFloor, float64(since)/float64(length))
	}
	n.rampAt.CompareAndSwap(at, 0)
	return 1
}

// Why says whether the node is a candidate at now (Unix nanoseconds), before
// its connections, its weight and what was tried are looked at.
func (n *Node) Why(now int64) Reason {
	if r := Reason(n.reason.Load()); r != In {
		return r
	}
	if n.until.Load() > now {
		return Ejected
	}
	return In
}

// full reports whether every permitted connection is in use.
func (n *Node) full() bool {
	limit := n.max.Load()
	return limit > 0 && n.active.Load() >= limit
}

// latencyDecay is the time constant of the latency average: after it, a past
// measurement counts for 37 %.
const latencyDecay = 10 * time.Second

// Observe feeds one measured time to first byte into the node's meter, if it has
// one, and into its peak-sensitive moving average: a higher value counts at once, a lower one gradually.
// Concurrent observations may overwrite each other, which an average survives.
func (n *Node) Observe(now int64, d time.Duration) {
	if m := n.meter.Load(); m != nil {
		if now-m.used.Load() > meterKept {
			n.meter.CompareAndSwap(m, nil)
		} else {
			m.add(now, int64(d))
		}
	}
	old := math.Float64frombits(n.latency.Load())
	last := n.seen.Swap(now)
	v := float64(d)
	if last != 0 && v < old {
		w := math.Exp(-float64(max(now-last, 0)) / float64(latencyDecay))
		v = old*w + v*(1-w)
	}
	n.latency.Store(math.Float64bits(v))
}

// Latency returns the moving average, 0 before the first measurement.
func (n *Node) Latency() time.Duration {
	return time.Duration(math.Float64frombits(n.latency.Load()))
}

// Report stores a load that the server told of itself; the unit is its own, and
// lower is better.
func (n *Node) Report(now int64, load float64) {
	n.load.Store(math.Float64bits(load))
	n.loadAt.Store(now)
}

// Load returns the last reported load and its time in Unix nanoseconds, which
// is 0 when none was ever reported.
func (n *Node) Load() (load float64, at int64) {
	return math.Float64frombits(n.load.Load()), n.loadAt.Load()
}
