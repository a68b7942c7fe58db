package tenant

import (
	"math"
	"time"

	"fishplate/internal/message"
)

// CacheLook tells a program whether its tenant's cache holds a fresh object for
// a request: under the key that the program chose, or under that of the URL when
// key is nil. It is called in the middle of a call of the program, on the
// goroutine of the exchange, and must neither wait nor keep what it is given.
// size is -1 while the object's end is not known.
type CacheLook func(tenant string, key []byte, req *message.Request) (status int, age time.Duration, size int64, ok bool)

// Has says what of Terms a program has set.
type Has uint8

// The terms that can be set. Uncacheable is a term of its own: the answer is not
// stored, and TTL, when set, is how long that is known beforehand.
const (
	HasTTL Has = 1 << iota
	HasGrace
	HasKeep
	Uncacheable
)

// Terms are what a program asks of the cache for the answer to a request. They
// come before what the answer's own fields say; what is not set does not.
type Terms struct {
	Has              Has
	TTL, Grace, Keep time.Duration
	Tags             [][]byte // in addition to those of the answer's fields
}

// Bounds of what a program may ask.
const (
	maxTerm = 10 * 365 * 24 * time.Hour
	maxTags = 64
	maxTag  = 256 // bytes
)

// millis bounds a time in milliseconds.
func millis(n uint64) time.Duration {
	return min(time.Duration(min(n, uint64(maxTerm/time.Millisecond)))*time.Millisecond, maxTerm)
}

// clone returns a copy that does not refer to a fork.
func (t *Terms) clone() Terms {
	c := *t
	c.Tags = nil
	for _, tag := range t.Tags {
		c.Tags = append(c.Tags, append([]byte(nil), tag...))
	}
	return c
}

// overlay adds what later set, which comes before what is there.
func (t *Terms) overlay(later *Terms) {
	if later.Has&HasTTL != 0 {
		t.TTL = later.TTL
	}
	if later.Has&HasGrace != 0 {
		t.Grace = later.Grace
	}
	if later.Has&HasKeep != 0 {
		t.Keep = later.Keep
	}
	t.Has |= later.Has
	t.Tags = append(t.Tags, later.clone().Tags...)
}

// reset forgets everything but the room for tags.
func (t *Terms) reset() {
	clear(t.Tags)
	*t = Terms{Tags: t.Tags[:0]}
}

// seconds reads what a guest left in fa0, a boxed single, as a duration. What
// is no number, or negative, is none.
func seconds(bits uint64) time.Duration {
	s := math.Float32frombits(uint32(bits))
	if bits>>32 != 0xFFFFFFFF || !(s > 0) {
		return 0
	}
	return time.Duration(min(float64(s)*1e9, float64(maxTerm)))
}

// boxed is the opposite of seconds.
func boxed(d time.Duration) uint64 {
	return 0xFFFFFFFF<<32 | uint64(math.Float32bits(float32(d.Seconds())))
}

// validTag reports whether a tag can be named in a purge: bytes without white
// space and controls.
func validTag(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0 && len(b) <= maxTag
}
