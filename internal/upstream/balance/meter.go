package balance

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// meter keeps the times to first byte of one server over a short window that
// slides in slots, and the course of one statistic of them. It is made when a
// policy first asks for it, and dropped when none has asked for a minute.
type meter struct {
	used atomic.Int64 // when a policy last read it, Unix nanoseconds
	slot int64        // nanoseconds of one slot
	rate int64        // nanoseconds between two samples of the course; 0 = no course

	mu     sync.Mutex // a leaf; guards what follows
	newest int64      // number of the newest slot: its time divided by slot
	ring   [meterSlots]tally
	sum    tally // of all slots, but for the extremes
	last   float64
	lastAt int64 // when last was measured
	course course
}

// meterSlots is the number of slots in a window.
const meterSlots = 10

// tally counts the times of one slot.
type tally struct {
	n, sum   int64
	min, max int64
	bucket   [meterBuckets]uint32
}

// Buckets divide every doubling of the time into equal parts, from 1 µs to more
// than a minute: a quantile is right to 6 %.
const (
	bucketBits   = 4
	bucketFirst  = 10 // times below 2^10 ns are in the first
	meterBuckets = 27 << bucketBits
)

func bucketOf(d int64) int {
	e := bits.Len64(uint64(max(d, 1))) - 1
	if e < bucketFirst {
		return 0
	}
	part := int(d>>(e-bucketBits)) & (1<<bucketBits - 1)
	return min((e-bucketFirst)<<bucketBits+part, meterBuckets-1)
}

// bucketBounds returns the least time of a bucket, and of the next.
func bucketBounds(i int) (from, to float64) {
	e := bucketFirst + i>>bucketBits
	part := int64(i & (1<<bucketBits - 1))
	width := int64(1) << (e - bucketBits)
	low := int64(1)<<e + part*width
	return float64(low), float64(low + width)
}

// newMeter makes a meter of the slot length given; samples is the room of its
// course.
func newMeter(slot, rate int64, samples int) *meter {
	m := &meter{slot: slot, rate: rate}
	if samples > 0 {
		m.course.samples = make([]sample, samples)
	}
	return m
}

// add counts one time.
func (m *meter) add(now, d int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slide(now)
	t, b := &m.ring[m.newest%meterSlots], bucketOf(d)
	if t.n == 0 || d < t.min {
		t.min = d
	}
	t.max = max(t.max, d)
	t.n, t.sum, m.sum.n, m.sum.sum = t.n+1, t.sum+d, m.sum.n+1, m.sum.sum+d
	t.bucket[b]++
	m.sum.bucket[b]++
	m.lastAt = now
}

// slide drops the slots that are older than the window. A clock that goes back
// adds to the newest slot.
func (m *meter) slide(now int64) {
	at := now / m.slot
	for range min(at-m.newest, meterSlots) {
		m.newest++
		t := &m.ring[m.newest%meterSlots]
		if t.n == 0 {
			continue
		}
		m.sum.n, m.sum.sum = m.sum.n-t.n, m.sum.sum-t.sum
		for i, n := range t.bucket {
			m.sum.bucket[i] -= n
		}
		*t = tally{}
	}
	m.newest = max(m.newest, at)
}

// held is how long the last statistic stands for a server that nobody asked
// since: afterwards it is as unknown as a new one.
const held = int64(60e9)

// read returns the statistic over the window, in nanoseconds; ok is false when
// nothing is known.
func (m *meter) read(now int64, by statistic) (v float64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slide(now)
	if m.sum.n > 0 {
		m.last = m.compute(by)
	}
	return m.last, m.last > 0 && now-m.lastAt < held
}

func (m *meter) compute(by statistic) float64 {
	if by == average {
		return float64(m.sum.sum) / float64(m.sum.n)
	}
	low, high := m.extremes()
	switch by {
	case minimum:
		return float64(low)
	case maximum:
		return float64(high)
	}
	// Of a bucket is known how many it has; they are taken to lie evenly in it.
	rank, seen := float64(m.sum.n)*float64(by)/100, 0.0
	for i, n := range m.sum.bucket {
		if n == 0 {
			continue
		}
		if seen+float64(n) >= rank {
			from, to := bucketBounds(i)
			v := from + (to-from)*(rank-seen)/float64(n)
			return min(max(v, float64(low)), float64(high))
		}
		seen += float64(n)
	}
	return float64(high)
}

func (m *meter) extremes() (low, high int64) {
	for i := range m.ring {
		t := &m.ring[i]
		if t.n == 0 {
			continue
		}
		if low == 0 || t.min < low {
			low = max(t.min, 1)
		}
		high = max(high, t.max)
	}
	return low, high
}

// foresee returns what the statistic will be ahead nanoseconds from now, by the
// course that it took over the past given.
func (m *meter) foresee(now int64, by statistic, past, ahead int64) (v float64, ok bool) {
	if v, ok = m.read(now, by); !ok {
		return v, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// What the window holds is half a window old, on average.
	at := now - meterSlots*m.slot/2
	if m.sum.n > 0 && m.course.due(at, m.rate) {
		m.course.add(sample{at, v})
	}
	return max(m.course.extend(v, now-past, now+ahead), v*leastForeseen), true
}

// leastForeseen bounds how much faster than now a server is believed to become:
// a line that falls goes below zero some time.
const leastForeseen = 0.1

// course is a ring of samples, which a line is laid through.
type course struct {
	samples []sample
	n, next int
}

type sample struct {
	at int64 // Unix nanoseconds
	v  float64
}

func (c *course) due(at, rate int64) bool {
	if c.n == 0 {
		return true
	}
	last := c.samples[(c.next+len(c.samples)-1)%len(c.samples)].at
	return at-last >= rate
}

func (c *course) add(s sample) {
	c.samples[c.next] = s
	c.next = (c.next + 1) % len(c.samples)
	c.n = min(c.n+1, len(c.samples))
}

// leastCourse is the least number of samples that make a line.
const leastCourse = 5

// extend returns the value at a time to come of the line of least squares
// through the samples from a time on; v when they are too few for one.
func (c *course) extend(v float64, from, to int64) float64 {
	var n, st, sv, stt, stv float64
	for _, s := range c.samples[:c.n] {
		if s.at < from {
			continue
		}
		t := float64(s.at-to) / 1e9 // near zero, so that squares lose nothing
		n, st, sv, stt, stv = n+1, st+t, sv+s.v, stt+t*t, stv+t*s.v
	}
	spread := n*stt - st*st
	if n < leastCourse || spread <= 0 {
		return v
	}
	slope := (n*stv - st*sv) / spread
	return (sv - slope*st) / n
}
