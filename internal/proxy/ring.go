package proxy

import (
	"bytes"
	"sync/atomic"
)

// lineRing keeps the last logKept lines. Its owner's lock guards it.
type lineRing struct {
	lines [][]byte
	next  int
}

// add keeps a copy of line and returns the copy, which is never written to.
func (r *lineRing) add(line []byte) []byte {
	kept := bytes.Clone(line)
	if len(r.lines) < logKept {
		r.lines = append(r.lines, kept)
		return kept
	}
	r.lines[r.next] = kept
	r.next = (r.next + 1) % logKept
	return kept
}

// last returns the newest n lines, oldest first.
func (r *lineRing) last(n int) [][]byte {
	n = min(n, len(r.lines))
	list := make([][]byte, 0, n)
	for i := len(r.lines) - n; i < len(r.lines); i++ {
		list = append(list, r.lines[(r.next+i)%len(r.lines)])
	}
	return list
}

// A Subscription receives the lines of a Log as they are written. A reader that
// is too slow loses lines, which are counted.
type Subscription struct {
	lines   chan []byte
	log     *Log
	dropped atomic.Int64
}

// Subscribe returns a subscription that first yields the newest backlog lines.
func (l *Log) Subscribe(backlog int) *Subscription {
	l.listeners.Add(1)
	l.settle() // whoever asks right after a request finds its line
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.ring.last(backlog)
	s := &Subscription{lines: make(chan []byte, logKept+len(old)), log: l}
	for _, line := range old {
		s.lines <- line
	}
	l.subs[s] = struct{}{}
	return s
}

// Lines yields one line at a time, without line end; it is closed with the log
// or the subscription. A line must not be written to.
func (s *Subscription) Lines() <-chan []byte { return s.lines }

// Dropped returns how many lines this subscription lost.
func (s *Subscription) Dropped() int64 { return s.dropped.Load() }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.log.listeners.Add(-1)
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if _, ok := s.log.subs[s]; ok {
		delete(s.log.subs, s)
		close(s.lines)
	}
}

func (s *Subscription) offer(line []byte) {
	select {
	case s.lines <- line:
	default:
		s.dropped.Add(1)
	}
}

func eachLine(text []byte, do func([]byte)) {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		do(line)
		text = rest
	}
}

func countLines(text []byte) (n int64) {
	eachLine(text, func([]byte) { n++ })
	return n
}
