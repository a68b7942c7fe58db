package filter

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"fishplate/internal/message"

	"github.com/gaissmai/bart"
)

// Access is a pair of address lists. A nil Access allows all.
type Access struct{ allow, deny *bart.Lite }

// CompileAccess returns nil when both lists are empty.
func CompileAccess(allow, deny []netip.Prefix) *Access {
	if len(allow)+len(deny) == 0 {
		return nil
	}
	return &Access{networks(allow), networks(deny)}
}

// networks returns nil for an empty list.
func networks(list []netip.Prefix) *bart.Lite {
	if len(list) == 0 {
		return nil
	}
	nets := new(bart.Lite)
	for _, p := range list {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		nets.Insert(p.Masked())
	}
	return nets
}

// Allowed reports whether ip is not denied and, if there is a list of allowed
// networks, in it. An address that is not valid is on no list.
func (a *Access) Allowed(ip netip.Addr) bool {
	if a == nil {
		return true
	}
	ip = ip.Unmap()
	if a.deny != nil && a.deny.Contains(ip) {
		return false
	}
	return a.allow == nil || a.allow.Contains(ip)
}

// BodyTooLarge refuses a request whose announced body is larger than limit
// bytes; nil when it may pass. A limit of 0 is none. A body without an
// announced length is watched by a BodyMeter.
func BodyTooLarge(req *message.Request, limit int64) *message.Fault {
	if limit > 0 && req.Framing == message.Length && req.Length > limit {
		return tooLarge()
	}
	return nil
}

func tooLarge() *message.Fault {
	return &message.Fault{Side: message.SideClient, Step: "admit", Status: 413, Cause: "body-too-large"}
}

// BodyMeter counts a streaming body against Limit bytes; 0 is no limit.
type BodyMeter struct{ Limit, Seen int64 }

// Add counts n further bytes and returns a fault once there are too many.
func (m *BodyMeter) Add(n int) *message.Fault {
	m.Seen += int64(n)
	if m.Limit > 0 && m.Seen > m.Limit {
		return tooLarge()
	}
	return nil
}

const clientShards = 32

// ClientCounts counts the connections of each client, to bound them. Clients
// are IPv4 addresses and IPv6 /64 networks, what one customer is usually given.
// It is of the estate and safe for concurrent use; a client without connections
// takes no room.
type ClientCounts struct {
	limit  atomic.Int64
	shards [clientShards]clientShard
}

type clientShard struct {
	mu    sync.Mutex
	count map[[8]byte]int64
	_     [48]byte // a cache line of its own
}

// NewClientCounts allows each client limit connections; 0 is no limit.
func NewClientCounts(limit int) *ClientCounts {
	c := &ClientCounts{}
	c.limit.Store(int64(limit))
	for i := range c.shards {
		c.shards[i].count = map[[8]byte]int64{}
	}
	return c
}

// SetLimit changes the limit; connections that are there stay.
func (c *ClientCounts) SetLimit(limit int) { c.limit.Store(int64(limit)) }

// Acquire counts a connection of ip, or returns false when it has too many.
func (c *ClientCounts) Acquire(ip netip.Addr) bool {
	key, s := c.shard(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.count[key]
	if limit := c.limit.Load(); limit > 0 && n >= limit {
		return false
	}
	s.count[key] = n + 1
	return true
}

// Release forgets a connection that Acquire counted.
func (c *ClientCounts) Release(ip netip.Addr) {
	key, s := c.shard(ip)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.count[key]; n > 1 {
		s.count[key] = n - 1
	} else {
		delete(s.count, key)
	}
}

// shard returns a client's key and shard. IPv4 addresses take 0::/64's place,
// which no client has.
func (c *ClientCounts) shard(ip netip.Addr) (key [8]byte, s *clientShard) {
	if ip = ip.Unmap(); ip.Is4() {
		a := ip.As4()
		copy(key[4:], a[:])
	} else {
		a := ip.As16()
		copy(key[:], a[:])
	}
	h := uint32(0)
	for _, b := range key {
		h = h*31 + uint32(b)
	}
	return key, &c.shards[h%clientShards]
}

// Clients returns how many clients have connections.
func (c *ClientCounts) Clients() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.count)
		s.mu.Unlock()
	}
	return n
}
