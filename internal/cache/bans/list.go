package bans

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Verdict is what the bans say of an object.
type Verdict uint8

// Verdicts, the stronger one last.
const (
	Keep   Verdict = iota
	Expire         // a soft ban matched: the object is stale from now on
	Remove         // a ban matched: the object is to go
)

// ErrFull is wrapped when the list holds as many bans as it may.
var ErrFull = errors.New("the list is full")

// Ban is one expression in the list.
type Ban struct {
	Number     uint32
	Expression *Expression
	Soft       bool
	Added      int64 // unix nanoseconds; ages are counted at this moment
	matched    atomic.Int64
	held       atomic.Int64 // objects that are being made and were numbered here
}

// Matched counts the objects that the ban took out of service.
func (b *Ban) Matched() int64 { return b.matched.Load() }

// DefaultLimit is how many bans a List holds when nothing else is said.
const DefaultLimit = 1000

// List is the bans that some object may not have been tested against. Test,
// Hold and Passed never wait for a lock.
type List struct {
	limit  int
	newest atomic.Uint32
	// active has the newest first. Its last entry is not in force: it has the
	// number that all objects have passed, and carries the holds of that time.
	active atomic.Pointer[[]*Ban]
	stats  counters
	mu     sync.Mutex // of writers
	lurk   round
}

type counters struct{ added, merged, dropped, refused, tests, matched, rounds, visited atomic.Int64 }

// New returns an empty list for at most limit bans; 0 means DefaultLimit.
func New(limit int) *List {
	if limit <= 0 {
		limit = DefaultLimit
	}
	l := &List{limit: limit}
	l.active.Store(&[]*Ban{{}})
	return l
}

// Newest is the number that an object gets which is made now.
func (l *List) Newest() uint32 { return l.newest.Load() }

// Passed reports whether an object of that number needs no test: the question
// that a lookup asks first.
func (l *List) Passed(number uint32) bool { return number == l.newest.Load() }

// Add puts a ban in force and returns its number. An equal ban that stands in
// the list already is replaced when the new one takes everything that the old
// one would have taken. The error wraps ErrFull when there is no room.
func (l *List) Add(e *Expression, soft bool, now time.Time) (uint32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := *l.active.Load()
	last := len(old) - 1
	list := make([]*Ban, 1, len(old)+1)
	for i, b := range old {
		// The newest stays, since somebody may be about to hold it.
		if i > 0 && i < last && e.timeless && b.Soft == soft && b.Expression.text == e.text && b.held.Load() == 0 {
			l.stats.merged.Add(1)
			continue
		}
		list = append(list, b)
	}
	if len(list)-1 > l.limit {
		l.stats.refused.Add(1)
		return 0, fmt.Errorf("add ban: %w: %d bans wait until all objects are tested, the oldest for %s",
			ErrFull, l.limit, now.Sub(time.Unix(0, old[last-1].Added)).Round(time.Second))
	}
	number := l.newest.Load()
	if number == math.MaxUint32 {
		return 0, errors.New("add ban: the numbers are used up: restart the process with an empty cache")
	}
	number++
	list[0] = &Ban{Number: number, Expression: e, Soft: soft, Added: now.UnixNano()}
	l.active.Store(&list)
	l.newest.Store(number)
	l.stats.added.Add(1)
	return number, nil
}

// Test tests an object against the bans newer than its number, and returns the
// number it has now. The caller first does what the verdict says and then gives
// the object its number, which never goes down; an object that is removed keeps
// the one it had. Nothing is allocated.
func (l *List) Test(o Object) (Verdict, uint32) {
	verdict, now, tests := l.test(o)
	if tests > 0 {
		l.stats.tests.Add(tests)
	}
	return verdict, now
}

func (l *List) test(o Object) (verdict Verdict, newest uint32, tests int64) {
	// The order matters. A ban that is added after newest was read is tested
	// again later and never left out; and a ban that was dropped before the
	// list was read has been passed by every object whose number is read now.
	newest = l.newest.Load()
	list := *l.active.Load()
	last := len(list) - 1
	number := uint32(o.Number(Passed))
	if number < list[last].Number {
		return Remove, number, 0 // somebody holds what the lurker has removed
	}
	for _, b := range list[:last] {
		if b.Number <= number {
			break
		}
		if b.Soft && verdict == Expire {
			continue
		}
		tests++
		if !b.Expression.Match(o, b.Added) {
			continue
		}
		b.matched.Add(1)
		l.stats.matched.Add(1)
		if !b.Soft {
			return Remove, number, tests
		}
		verdict = Expire
	}
	return verdict, max(number, newest), tests
}

// Hold is taken before the request for an object goes out and released when the
// object is in the store, or given up: meanwhile no ban that came after it is
// dropped, so none can be missed by an object that the lurker cannot see yet.
type Hold struct{ ban *Ban }

// Hold returns the hold of an object that is made now.
func (l *List) Hold() Hold {
	for {
		list := l.active.Load()
		b := (*list)[0]
		b.held.Add(1)
		// A list that was replaced meanwhile may have let go of the ban.
		if l.active.Load() == list {
			return Hold{b}
		}
		b.held.Add(-1)
	}
}

// Number is the number that the object gets.
func (h Hold) Number() uint32 { return h.ban.Number }

// Release ends the hold. It is called once.
func (h Hold) Release() { h.ban.held.Add(-1) }

// Stats are the figures of a List.
type Stats struct {
	Bans    int           // in the list
	Limit   int           // of the list
	Oldest  time.Duration // age of the oldest ban in the list
	Overdue bool          // Oldest is above Alarm
	Added   int64         // since the list was made
	Merged  int64         // of those: replaced by an equal one
	Dropped int64         // of those: passed by all objects
	Refused int64         // not added, since the list was full
	Tests   int64         // of an object against a ban
	Matched int64         // objects taken out of service
	Rounds  int64         // of the lurker through all objects
	Visited int64         // objects that the lurker has seen
}

// Alarm is the age of the oldest ban above which the lurker does not keep up.
const Alarm = 10 * time.Minute

// Stats returns the figures.
func (l *List) Stats(now time.Time) Stats {
	list := *l.active.Load()
	s := Stats{
		Bans: len(list) - 1, Limit: l.limit,
		Added: l.stats.added.Load(), Merged: l.stats.merged.Load(), Dropped: l.stats.dropped.Load(),
		Refused: l.stats.refused.Load(), Tests: l.stats.tests.Load(), Matched: l.stats.matched.Load(),
		Rounds: l.stats.rounds.Load(), Visited: l.stats.visited.Load(),
	}
	if s.Bans > 0 {
		s.Oldest = max(0, now.Sub(time.Unix(0, list[s.Bans-1].Added)))
	}
	s.Overdue = s.Oldest > Alarm
	return s
}

// Bans returns the bans in the list, the newest first.
func (l *List) Bans() []*Ban {
	list := *l.active.Load()
	return slices.Clone(list[:len(list)-1])
}
