package balance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Member is one server as a Table sees it: a Node, and what the configuration
// of this generation says about it.
type Member struct {
	Node                *Node
	Name, Address, Zone string
	Weight              int // relative; 0 takes no new requests
	Backup              bool
}

// Key computes the text that a hash step hashes; ok is false for null.
type Key interface {
	Append(dst []byte, e *predicate.Env) (out []byte, ok bool)
}

// Options are what a Table needs from outside.
type Options struct {
	Compile func(model.Expr) (Key, error) // for hash(KEY, …); nil refuses them
	Rand    func() uint64                 // uniform; nil uses the runtime's generator
}

// Table is a compiled policy over a list of members. It is immutable but for
// the position of round robin, and safe for concurrent use.
type Table struct {
	members []Member
	steps   []step
	random  func() uint64
	rr      smooth
	pool    sync.Pool // of *scratch
}

// step is one transform of the candidates in s. last says that only the first
// candidate that it leaves will be looked at.
type step interface {
	run(t *Table, s *scratch, q *Query, last bool)
}

// Query is one request that needs a server.
type Query struct {
	Env   *predicate.Env
	Now   int64   // Unix nanoseconds
	Tried []*Node // servers where this request failed; used again only when nothing else is left
}

// Verdict says how a choice ended.
type Verdict uint8

// The verdicts.
const (
	Chosen  Verdict = iota
	AllFull         // a slot will come free
	Waiting         // no server is usable yet, one waits for its first check
	None            // no server is usable
)

// New compiles a policy. The members' order is the order of the configuration.
func New(members []Member, b model.Balance, o Options) (*Table, error) {
	t := &Table{members: members, random: o.Rand}
	if t.random == nil {
		t.random = rand.Uint64
	}
	t.rr.current = make([]int64, len(members))
	t.pool.New = func() any { return newScratch(len(members)) }
	steps := b.Steps
	if len(steps) == 0 {
		steps = []model.BalanceStep{{Name: "roundrobin"}}
	}
	if len(members) > 1<<16-1 {
		return nil, fmt.Errorf("balance %d servers: at most %d", len(members), 1<<16-1)
	}
	for i, written := range steps {
		s, err := t.compile(written, i, o)
		if err != nil {
			return nil, fmt.Errorf("compile balance step %s: %w", written.Name, err)
		}
		t.steps = append(t.steps, s)
	}
	return t, nil
}

var errNoCompiler = errors.New("no expressions here")

// Members returns the members in order. The slice must not be changed.
func (t *Table) Members() []Member { return t.members }

// Pick chooses a member. With a verdict other than Chosen the index is -1.
func (t *Table) Pick(q *Query) (int, Verdict) {
	s := t.pool.Get().(*scratch)
	v := t.candidates(s, q)
	at := -1
	if v == Chosen {
		t.run(s, q)
		at = int(s.list[0])
	}
	t.pool.Put(s)
	return at, v
}

// run applies the steps to the candidates, of which there is at least one. A
// step never leaves none.
func (t *Table) run(s *scratch, q *Query) {
	for i, st := range t.steps {
		if len(s.list) == 1 && !s.explain {
			return
		}
		st.run(t, s, q, i == len(t.steps)-1)
	}
}

// candidates fills s.list with the members that may be chosen: primaries,
// or backups when no primary is usable; not the full ones; not the tried ones,
// unless nothing else is left.
func (t *Table) candidates(s *scratch, q *Query) Verdict {
	s.reset(len(t.members))
	usable, starting := t.gather(s, q, false)
	if !usable {
		var more bool
		usable, more = t.gather(s, q, true)
		starting = starting || more
	} else if s.explain {
		s.spare(t.members, q.Now)
	}
	switch {
	case len(s.list) > 0:
		return Chosen
	case s.tried:
		s.tried = false
		return t.candidates(s, &Query{Env: q.Env, Now: q.Now})
	case usable:
		return AllFull
	case starting:
		return Waiting
	}
	return None
}

// gather appends the primaries or the backups. usable reports whether one of
// them is up, be it full; starting whether one waits for its first check.
func (t *Table) gather(s *scratch, q *Query, backups bool) (usable, starting bool) {
	for i := range t.members {
		m := &t.members[i]
		if m.Backup != backups {
			continue
		}
		r := m.Node.Why(q.Now)
		if r == In && m.Weight <= 0 {
			r = NoWeight
		}
		if r == In {
			usable = true
			r = s.judge(m.Node, q)
		}
		if r == In {
			s.list = append(s.list, int32(i))
		} else {
			starting = starting || r == Starting
			s.out(i, r)
		}
	}
	return usable, starting
}
