package filter

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/zeebo/xxh3"
)

// RateLimit is one compiled rate of a route.
type RateLimit struct {
	Name  string
	scope string
	key   *predicate.Value
	cost  int64 // nanoseconds that one request takes to be refilled
	burst int64 // nanoseconds that a full bucket is worth
}

// CompileRate compiles m. scope names what the rate belongs to, for example
// "shop/all": equal names in different scopes are counted apart, and the same
// scope goes on counting across a reload. A burst of 0 is one second's worth.
func CompileRate(scope string, m model.RateLimit, o predicate.Options) (*RateLimit, error) {
	if !(m.Rate > 0) || math.IsInf(m.Rate, 0) {
		return nil, fmt.Errorf("compile rate %q: %v is no rate", m.Name, m.Rate)
	}
	key, err := compileValue(m.Key, o)
	if err != nil {
		return nil, fmt.Errorf("compile rate %q: %w", m.Name, err)
	}
	burst := float64(m.Burst)
	if burst <= 0 {
		burst = max(1, math.Ceil(m.Rate))
	}
	cost := max(1, float64(time.Second)/m.Rate)
	return &RateLimit{Name: m.Name, scope: scope + "\x00" + m.Name + "\x00", key: key,
		cost: int64(min(cost, 1<<56)), burst: int64(min(cost*burst, 1<<60))}, nil
}

// Key appends the key of env's request. A key that is null is like an empty
// one: clients that leave it out share one bucket, and gain nothing.
func (l *RateLimit) Key(dst []byte, env *predicate.Env) []byte {
	out, _ := l.key.Append(append(dst, l.scope...), env)
	return out
}

const rateShards = 64

// Rates holds the token buckets of all rate limits. It is of the estate, safe
// for concurrent use, and holds no more than a fixed number of keys: only their
// hashes (128 bits, seeded), never the keys.
//
// A bucket is the one moment at which it will be full again (the generic cell
// rate algorithm). A bucket whose moment is past is full, which is what a new
// one is, and may be forgotten at any time.
type Rates struct {
	seed    uint64
	room    int // keys per shard
	forgot  atomic.Uint64
	buckets [rateShards]rateShard
}

type rateShard struct {
	mu   sync.Mutex
	full map[xxh3.Uint128]int64 // Unix nanoseconds
	_    [40]byte               // a cache line of its own
}

// NewRates makes buckets for at most keys keys (rounded up; 0 is 1<<20, about
// 50 bytes each when used).
func NewRates(keys int) *Rates {
	if keys <= 0 {
		keys = 1 << 20
	}
	r := &Rates{room: (keys + rateShards - 1) / rateShards}
	var seed [8]byte
	rand.Read(seed[:]) // never fails
	r.seed = binary.LittleEndian.Uint64(seed[:])
	for i := range r.buckets {
		r.buckets[i].full = map[xxh3.Uint128]int64{}
	}
	return r
}

// Allow takes one token of key's bucket. When there is none, ok is false and
// retryAfter says when there will be. key comes from l.Key.
func (r *Rates) Allow(l *RateLimit, key []byte, now time.Time) (ok bool, retryAfter time.Duration) {
	h := xxh3.Hash128Seed(key, r.seed)
	s := &r.buckets[h.Hi%rateShards]
	at := now.UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	full, known := s.full[h]
	// A limit that a reload made smaller must not keep an old debt for ever.
	full = min(max(full, at), at+l.burst)
	if full+l.cost > at+l.burst && full > at {
		return false, time.Duration(full + l.cost - at - l.burst)
	}
	if !known && len(s.full) >= r.room {
		s.evict(at, &r.forgot)
	}
	s.full[h] = full + l.cost
	return true, 0
}

// evict makes room: it looks at a few buckets, drops those that are full, and
// if none is, the one that is nearest to it.
func (s *rateShard) evict(at int64, forgot *atomic.Uint64) {
	var nearest xxh3.Uint128
	best, seen, dropped := int64(math.MaxInt64), 0, 0
	for h, full := range s.full {
		if full <= at {
			delete(s.full, h)
			dropped++
		} else if full < best {
			nearest, best = h, full
		}
		if seen++; seen == 16 {
			break
		}
	}
	if dropped == 0 {
		delete(s.full, nearest)
		forgot.Add(1)
	}
}

// Len returns the number of buckets held.
func (r *Rates) Len() (n int) {
	for i := range r.buckets {
		s := &r.buckets[i]
		s.mu.Lock()
		n += len(s.full)
		s.mu.Unlock()
	}
	return n
}

// Forgotten returns how many buckets that were not full had to make room; it
// grows only when there are more active keys than there is room for.
func (r *Rates) Forgotten() uint64 { return r.forgot.Load() }

// RetryAfterSeconds rounds a wait up to the whole seconds of a Retry-After
// field (RFC 9110 §10.2.3), at least 1.
func RetryAfterSeconds(d time.Duration) int {
	return int(max(1, (d+time.Second-1)/time.Second))
}
