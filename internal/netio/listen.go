package netio

import (
	"errors"

	"fishplate/internal/netio/share"
	"fishplate/internal/netio/tally"
)

// Tally counts what happened at an address, and Tallies has those of a process: see
// ListenOptions.Tallies.
type (
	Tally   = tally.Tally
	Tallies = tally.Book
)

// Queue is what waits before accept at one socket of a listener. What the kernel
// does not tell, as of Unix sockets, is negative.
type Queue struct {
	Len   int   // connections that wait now
	Cap   int   // the backlog as the kernel has granted it; it takes one more than that
	Drops int64 // connections and handshakes that the kernel has dropped since the socket was made
}

// Tally returns what was counted at the address. Queues notes there what the kernel
// tells of the sockets.
func (l *Listener) Tally() *Tally { return l.counters }

// Affinity returns how often a connection was accepted on the processor that its
// packets had come in by, and how many were looked at: at most a hundred a second
// and socket.
func (l *Listener) Affinity() (hits, looks int64) {
	return l.counters.Hits.Load(), l.counters.Looks.Load()
}

// Accepted returns how many connections were handed out.
func (l *Listener) Accepted() int64 { return l.counters.Accepted.Load() }

// Spun returns how many of them came while the empty queue was looked at.
func (l *Listener) Spun() int64 { return l.counters.Spun.Load() }

// Shed returns how many connections were closed at once because the process
// had no descriptor left for clients.
func (l *Listener) Shed() int64 { return l.counters.Shed.Load() }

// Key is the address as it was given to Listen; it names the listener across
// reloads.
func (l *Listener) Key() string { return l.key }

// Shards returns how many sockets share the address. Each wants a goroutine
// that calls AcceptShard.
func (l *Listener) Shards() int { return len(l.shards) }

// Accept is AcceptShard(0), for a listener of one shard.
func (l *Listener) Accept() (*Conn, error) { return l.AcceptShard(0) }

// OnExhausted makes the listener call f each time that accept found no free
// descriptor for a client. It must be called before the first Accept; f must not block.
func (l *Listener) OnExhausted(f func()) { l.exhausted = f }

// Quota says which clients are let in, see package share.
type Quota = share.Quota

// Admit makes the listener ask q before it hands a client out. It must be called
// before the first Accept.
func (l *Listener) Admit(q *Quota) { l.quota = q }

// Exhausted reports whether Dial failed for want of a descriptor: that says nothing
// of who was to be connected to.
func Exhausted(err error) bool { return share.Exhausted(err) }

// OutOfPorts is Exhausted for want of a local port to that address.
func OutOfPorts(err error) bool { return errors.Is(err, share.ErrPorts) }

// Short is either: something of ours was wanting, of which more comes free.
func Short(err error) bool { return Exhausted(err) || OutOfPorts(err) }
