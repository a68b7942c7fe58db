package netio

import "sync/atomic"

// Counters of a listener, read at any time.
type listenCounters struct {
	accepted atomic.Int64
	shed     atomic.Int64 // connections closed at once for want of descriptors
}

// Accepted returns how many connections were handed out.
func (l *Listener) Accepted() int64 { return l.counters.accepted.Load() }

// Shed returns how many connections were closed at once because the process
// had no descriptor left.
func (l *Listener) Shed() int64 { return l.counters.shed.Load() }

// Key is the address as it was given to Listen; it names the listener across
// reloads.
func (l *Listener) Key() string { return l.key }

// Shards returns how many sockets share the address. Each wants a goroutine
// that calls AcceptShard.
func (l *Listener) Shards() int { return len(l.shards) }

// Accept is AcceptShard(0), for a listener of one shard.
func (l *Listener) Accept() (*Conn, error) { return l.AcceptShard(0) }

// OnExhausted makes the listener call f each time that accept found no free
// descriptor. It must be called before the first Accept; f must not block.
func (l *Listener) OnExhausted(f func()) { l.exhausted = f }
