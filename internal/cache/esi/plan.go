package esi

import (
	"encoding/binary"
	"errors"
)

// A Plan is a page's events as a table of offsets, in a compact form that can be
// kept with the page and read while other goroutines read it: for each event its
// kind, the bytes of the page that are left out before it, its length there, and
// the references of an include. Numbers are uvarints.
type Plan []byte

// ErrPlan is the error of a plan that is not one.
var ErrPlan = errors.New("read esi plan: bad table")

const (
	planVersion  = 1
	planContinue = 0x40 // in the kind's byte: onerror="continue"
	planAlt      = 0x80 // an alt follows the src
)

// A Planner makes a Plan of a parser's events.
type Planner struct {
	plan Plan
	at   int64 // where the last event ended
	text int64 // text that is not in the plan yet
	tags bool
}

// Reset makes the planner ready for a new page; what was made is kept.
func (p *Planner) Reset() { *p = Planner{plan: Plan{planVersion}} }

// Add adds an event.
func (p *Planner) Add(e *Event) {
	if e.Kind == Text && e.At == p.at {
		p.text += e.Len
		p.at += e.Len
		return
	}
	p.tags = true
	p.flush()
	gap := e.At - p.at
	p.at = e.At + e.Len
	if e.Kind == Text {
		p.plan = append(p.plan, byte(Text))
		p.plan = binary.AppendUvarint(p.plan, uint64(gap))
		p.plan = binary.AppendUvarint(p.plan, uint64(e.Len))
		return
	}
	kind := byte(e.Kind)
	if e.Continue {
		kind |= planContinue
	}
	if e.Alt != nil {
		kind |= planAlt
	}
	p.plan = append(p.plan, kind)
	p.plan = binary.AppendUvarint(p.plan, uint64(gap))
	p.plan = binary.AppendUvarint(p.plan, uint64(e.Len))
	if e.Kind == Include {
		p.plan = appendText(p.plan, e.Src)
		if e.Alt != nil {
			p.plan = appendText(p.plan, e.Alt)
		}
	}
}

// flush writes the run of text that lies before the event.
func (p *Planner) flush() {
	if p.text == 0 {
		return
	}
	p.plan = append(p.plan, byte(Text), 0)
	p.plan = binary.AppendUvarint(p.plan, uint64(p.text))
	p.text = 0
}

// Plan returns the table of a complete page of that many bytes. It is nil when
// the page passes through whole, as most do.
func (p *Planner) Plan(length int64) Plan {
	if !p.tags && p.at == length {
		return nil
	}
	p.flush()
	return p.plan
}

func appendText(dst Plan, s []byte) Plan {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// A Cursor reads a plan. Its events have no Text, as the page is elsewhere: At
// and Len say which bytes of it are meant.
type Cursor struct {
	rest []byte
	at   int64
	err  error
}

// Cursor returns a cursor at the plan's begin.
func (p Plan) Cursor() Cursor {
	if len(p) == 0 || p[0] != planVersion {
		return Cursor{err: ErrPlan}
	}
	return Cursor{rest: p[1:]}
}

// Err says whether the table was sound as far as it was read.
func (c *Cursor) Err() error { return c.err }

// Next reads the next event; false at the end, or when the table is unsound.
// Src and Alt point into the plan.
func (c *Cursor) Next(e *Event) bool {
	if c.err != nil || len(c.rest) == 0 {
		return false
	}
	first := c.rest[0]
	c.rest = c.rest[1:]
	*e = Event{Kind: Kind(first &^ (planContinue | planAlt)), Continue: first&planContinue != 0}
	gap, length := c.number(), c.number()
	if c.err == nil && e.Kind > TryEnd {
		c.err = ErrPlan
	}
	e.At, e.Len = c.at+gap, length
	c.at = e.At + length
	if e.Kind == Include {
		e.Src = c.text()
		if first&planAlt != 0 {
			e.Alt = c.text()
		}
	}
	return c.err == nil
}

func (c *Cursor) number() int64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 || v > 1<<48 {
		c.rest, c.err = nil, ErrPlan
		return 0
	}
	c.rest = c.rest[n:]
	return int64(v)
}

func (c *Cursor) text() []byte {
	n := c.number()
	if n > int64(len(c.rest)) {
		c.rest, c.err = nil, ErrPlan
		return nil
	}
	s := c.rest[:n:n]
	c.rest = c.rest[n:]
	return s
}
