package health

import (
	"sync"
	"time"
)

// State is what the checks of a server say.
type State uint8

// The states.
const (
	Unknown State = iota // no check has answered yet
	Up
	Down
)

// String returns the word used in logs and status.
func (s State) String() string { return [...]string{"unknown", "up", "down"}[s] }

// Result is one check.
type Result struct {
	At      time.Time     `json:"at"`
	OK      bool          `json:"ok"`
	Cause   string        `json:"cause"` // "status 200", "connect: connection refused"
	Took    time.Duration `json:"took"`
	Load    float64       `json:"load,omitempty"` // reported by the server
	HasLoad bool          `json:"-"`
	Moot    error         `json:"-"` // we had no descriptor to ask by, or no port: it says nothing of the server
}

// Kept is how many results a Track remembers.
const Kept = 32

// Track follows one server's checks. The first result decides at once; later
// ones need rise successes or fall failures in a row. The zero Track is ready.
type Track struct {
	mu      sync.Mutex // a leaf
	state   State
	run     int // results in a row that speak against state
	since   time.Time
	history [Kept]Result
	n       int // results ever
}

// Observe takes a result in and returns the state after it, and whether it
// changed. rise and fall below one count as one.
func (t *Track) Observe(r Result, rise, fall int) (state State, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history[t.n%Kept] = r
	t.n++
	said, needed := Down, fall
	if r.OK {
		said, needed = Up, rise
	}
	if said == t.state {
		t.run = 0
		return t.state, false
	}
	t.run++
	if t.state != Unknown && t.run < needed {
		return t.state, false
	}
	t.state, t.run, t.since = said, 0, r.At
	return said, true
}

// State returns the state and since when it holds.
func (t *Track) State() (State, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state, t.since
}

// Trust says Up and keeps the history, for a server that nobody checks. When its
// checks begin, it is one that has passed them.
func (t *Track) Trust(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != Up {
		t.state, t.since = Up, now
	}
	t.run = 0
}

// History returns the last results, oldest first.
func (t *Track) History() []Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Result
	for i := max(0, t.n-Kept); i < t.n; i++ {
		list = append(list, t.history[i%Kept])
	}
	return list
}

// Memory is what a Track knows, for the process that takes this one's place.
type Memory struct {
	State   State
	Run     int
	Since   time.Time
	History []Result
}

// Valid reports whether a Track may have said it.
func (m *Memory) Valid() bool {
	return m.State <= Down && m.Run >= 0 && len(m.History) <= Kept
}

// Memory returns what is known.
func (t *Track) Memory() Memory {
	m := Memory{History: t.History()}
	t.mu.Lock()
	defer t.mu.Unlock()
	m.State, m.Run, m.Since = t.state, t.run, t.since
	return m
}

// Recall begins with what another Track knew, which is valid.
func (t *Track) Recall(m Memory) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state, t.run, t.since = m.State, m.Run, m.Since
	t.n = copy(t.history[:], m.History)
}

// Window counts errors over a sliding span of time, exactly: it remembers when
// the last ones happened. The zero Window is ready.
type Window struct {
	mu    sync.Mutex // a leaf
	times []int64    // a ring of Unix nanoseconds
	next  int
}

// Add counts an error at now (Unix nanoseconds) and reports whether limit
// errors fell within span. When they did, counting begins anew.
func (w *Window) Add(now int64, limit int, span time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.times) != limit {
		w.times, w.next = make([]int64, max(limit, 1)), 0
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % len(w.times)
	oldest := w.times[w.next]
	if oldest == 0 || now-oldest > int64(span) {
		return false
	}
	clear(w.times)
	return true
}

// Count returns how many errors fell within span before now.
func (w *Window) Count(now int64, span time.Duration) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.times {
		if at != 0 && now-at <= int64(span) {
			n++
		}
	}
	return n
}
