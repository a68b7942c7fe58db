package backtrack

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2/syntax"
)

const (
	ration    = 4096    // steps between two questions whether to go on
	maxStack  = 1 << 20 // places to come back to, 16 bytes each
	keptStack = 1 << 12 // of them, in a stack that is kept for the next match
)

// ErrStack reports a match that had too many places to come back to.
var ErrStack = errors.New("an expression needs more than 16 MiB to come back to")

// Work is told of steps that were made, about 10 ns each, and returns an error
// when there shall be no more.
type Work func(steps int) error

type kind uint8

const (
	kindChoice kind = iota // go on at pc
	kindUndo               // register pc was pos
	kindGreedy             // the loop at pc may give back down to aux
	kindLazy               // the loop at pc may take aux more
)

type place struct {
	kind         kind
	pc, pos, aux int32
}

// matcher is one search.
type matcher struct {
	code  []inst
	text  []byte
	regs  []int32
	stack []place
	start int32
	steps int
	work  Work
}

// Find searches text from an offset on and fills at with pairs of offsets, of
// the match and of its groups, -1 where a group took no part; at may be shorter
// than there are groups. With notEmpty only a match of at least a byte counts.
func (p *Program) Find(text []byte, from int, notEmpty bool, at []int32, work Work) (bool, error) {
	if notEmpty && p.whole != nil {
		p = p.whole()
	}
	m, _ := p.stacks.Get().(*matcher)
	if m == nil {
		m = &matcher{code: p.code, regs: make([]int32, p.regs)}
	}
	m.text, m.work, m.start, m.steps, m.stack = text, work, int32(from), 0, m.stack[:0]
	found, err := m.search(p, from, notEmpty)
	if err == nil && m.steps > 0 {
		err = work(m.steps)
	}
	if found {
		for i := range at {
			at[i] = -1
		}
		copy(at, m.regs[:2*p.groups])
	}
	m.text, m.work = nil, nil
	if cap(m.stack) > keptStack {
		m.stack = nil
	}
	p.stacks.Put(m)
	return found, err
}

func (m *matcher) search(p *Program, from int, notEmpty bool) (bool, error) {
	for at := from; at <= len(m.text); {
		if at > 0 && p.anchored {
			return false, nil
		}
		for i := range m.regs {
			m.regs[i] = -1
		}
		m.stack = m.stack[:0]
		ok, err := m.begin(int32(at), notEmpty)
		if ok || err != nil {
			return ok, err
		}
		_, n := utf8.DecodeRune(m.text[at:])
		at += max(n, 1)
	}
	return false, nil
}

// begin tries to match at one place.
func (m *matcher) begin(at int32, notEmpty bool) (bool, error) {
	pc, pos := int32(0), at
	for {
		_, ok, err := m.run(pc, pos, 0)
		if err != nil || !ok {
			return false, err
		}
		if notEmpty && m.regs[0] == m.regs[1] {
			// An empty match is none: come back to where there is another way.
			if pc, pos, ok = m.retreat(0); !ok {
				return false, nil
			}
			continue
		}
		return true, nil
	}
}

// step counts, and asks from time to time.
func (m *matcher) step(n int) error {
	if m.steps += n; m.steps >= ration {
		n := m.steps
		m.steps = 0
		return m.work(n)
	}
	return nil
}

func (m *matcher) push(p place) error {
	if len(m.stack) >= maxStack {
		return ErrStack
	}
	m.stack = append(m.stack, p)
	return nil
}

// put changes a register so that it can be undone.
func (m *matcher) put(reg, v int32) error {
	old := m.regs[reg]
	m.regs[reg] = v
	return m.push(place{kind: kindUndo, pc: reg, pos: old})
}

// retreat takes the last place to come back to that lies above base.
func (m *matcher) retreat(base int) (pc, pos int32, ok bool) {
	for len(m.stack) > base {
		top := &m.stack[len(m.stack)-1]
		switch top.kind {
		case kindChoice:
			pc, pos = top.pc, top.pos
			m.stack = m.stack[:len(m.stack)-1]
			return pc, pos, true
		case kindUndo:
			m.regs[top.pc] = top.pos
		case kindGreedy:
			i := &m.code[top.pc]
			m.steps++
			pos = m.before(top.pos, !i.back)
			if pos < top.aux != i.back {
				pos = top.aux
			}
			pc, top.pos = top.pc+1, pos
			if pos == top.aux {
				m.stack = m.stack[:len(m.stack)-1]
			}
			return pc, pos, true
		case kindLazy:
			i := &m.code[top.pc]
			m.steps++
			if next, ok := m.one(i, top.pos); ok {
				pc, pos = top.pc+1, next
				top.pos, top.aux = next, top.aux-1
				if top.aux == 0 {
					m.stack = m.stack[:len(m.stack)-1]
				}
				return pc, pos, true
			}
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

// before returns the place one character to the left, or to the right.
func (m *matcher) before(pos int32, left bool) int32 {
	if left {
		_, n := utf8.DecodeLastRune(m.text[:pos])
		return pos - int32(n)
	}
	_, n := utf8.DecodeRune(m.text[pos:])
	return pos + int32(n)
}

// next reads one character in a direction.
func (m *matcher) next(pos int32, back bool) (r rune, to int32, ok bool) {
	if back {
		if pos == 0 {
			return 0, pos, false
		}
		if c := m.text[pos-1]; c < utf8.RuneSelf {
			return rune(c), pos - 1, true
		}
		r, n := utf8.DecodeLastRune(m.text[:pos])
		return r, pos - int32(n), true
	}
	if int(pos) == len(m.text) {
		return 0, pos, false
	}
	if c := m.text[pos]; c < utf8.RuneSelf {
		return rune(c), pos + 1, true
	}
	r, n := utf8.DecodeRune(m.text[pos:])
	return r, pos + int32(n), true
}

// one matches the single character of an instruction.
func (m *matcher) one(i *inst, pos int32) (int32, bool) {
	r, to, ok := m.next(pos, i.back)
	if !ok {
		return pos, false
	}
	switch i.unit {
	case opOne:
		ok = r == i.ch
	case opNot:
		ok = r != i.ch
	default:
		ok = i.set.CharIn(r)
	}
	return to, ok
}

// run executes from pc until the program, or the inner one, ends. Places to
// come back to that lie below base are not its business; those that it leaves
// are above.
func (m *matcher) run(pc, pos int32, base int) (end int32, ok bool, err error) {
	for {
		if err = m.step(1); err != nil {
			return 0, false, err
		}
		i := &m.code[pc]
		ok, pc = true, pc+1
		switch i.op {
		case opEnd:
			return pos, true, nil
		case opOne, opNot, opSet:
			pos, ok = m.one(i, pos)
		case opText:
			pos, ok = m.literal(i, pos)
		case opLoop, opLazy, opOnce:
			pos, ok, err = m.loop(i, pc-1, pos)
		case opSplit:
			err = m.push(place{kind: kindChoice, pc: i.y, pos: pos})
			pc = i.x
		case opJump:
			pc = i.x
		case opMark:
			err = m.put(i.x, pos)
		case opAdvance:
			if m.regs[i.y] == pos {
				pc = i.x
			}
		case opClose:
			from := m.regs[i.y]
			if err = m.put(2*i.x, min(from, pos)); err == nil {
				err = m.put(2*i.x+1, max(from, pos))
			}
		case opRef:
			pos, ok = m.again(i, pos)
		case opHas:
			if m.regs[2*i.x+1] < 0 {
				pc = i.y
			}
		case opLook, opLookNot, opLookElse, opAtomic:
			pc, pos, ok, err = m.inside(i, pc, pos)
		case opFail:
			ok = false
		default:
			ok = m.holds(i.op, pos)
		}
		if err != nil {
			return 0, false, err
		}
		if !ok {
			if pc, pos, ok = m.retreat(base); !ok {
				return 0, false, nil
			}
		}
	}
}

func (m *matcher) literal(i *inst, pos int32) (int32, bool) {
	m.steps += len(i.text) / 4
	for k := range i.text {
		want := i.text[k]
		if i.back {
			want = i.text[len(i.text)-1-k]
		}
		r, to, ok := m.next(pos, i.back)
		if !ok || r != want {
			return pos, false
		}
		pos = to
	}
	return pos, true
}

// loop matches a repetition of one character.
func (m *matcher) loop(i *inst, pc, pos int32) (int32, bool, error) {
	var n int32
	for ; n < i.min; n++ {
		to, ok := m.one(i, pos)
		if !ok {
			return pos, false, m.step(int(n))
		}
		pos = to
	}
	least := pos
	if i.op == opLazy {
		var err error
		if i.max > i.min {
			err = m.push(place{kind: kindLazy, pc: pc, pos: pos, aux: i.max - i.min})
		}
		return pos, true, err
	}
	for ; n < i.max; n++ {
		to, ok := m.one(i, pos)
		if !ok {
			break
		}
		pos = to
	}
	if err := m.step(int(n)); err != nil {
		return pos, false, err
	}
	if i.op == opLoop && pos != least {
		return pos, true, m.push(place{kind: kindGreedy, pc: pc, pos: pos, aux: least})
	}
	return pos, true, nil
}

// again matches what a group matched before.
func (m *matcher) again(i *inst, pos int32) (int32, bool) {
	from, to := m.regs[2*i.x], m.regs[2*i.x+1]
	if from < 0 || to < 0 {
		return pos, false
	}
	n := to - from
	m.steps += int(n) / 8
	begin := pos
	if i.back {
		begin = pos - n
	}
	if begin < 0 || int(begin+n) > len(m.text) {
		return pos, false
	}
	a, b := m.text[from:to], m.text[begin:begin+n]
	if !bytes.Equal(a, b) && !(i.fold && bytes.EqualFold(a, b)) {
		return pos, false
	}
	if i.back {
		return begin, true
	}
	return begin + n, true
}

// inside runs an inner program to its end. Ways that it did not try are
// forgotten; what it noted in registers stays undoable.
func (m *matcher) inside(i *inst, pc, pos int32) (int32, int32, bool, error) {
	base := len(m.stack)
	end, ok, err := m.run(pc, pos, base)
	if err != nil {
		return 0, 0, false, err
	}
	if i.op == opLookNot || !ok {
		for len(m.stack) > base {
			if top := m.stack[len(m.stack)-1]; top.kind == kindUndo {
				m.regs[top.pc] = top.pos
			}
			m.stack = m.stack[:len(m.stack)-1]
		}
		if i.op == opLookElse {
			return i.y, pos, true, nil
		}
		return i.x, pos, ok != (i.op == opLookNot), nil
	}
	kept := m.stack[:base]
	for _, p := range m.stack[base:] {
		if p.kind == kindUndo {
			kept = append(kept, p)
		}
	}
	m.steps += (len(m.stack) - base) / 4
	m.stack = kept
	if i.op == opAtomic {
		pos = end
	}
	return i.x, pos, true, nil
}

// holds checks an instruction that consumes nothing.
func (m *matcher) holds(op opcode, pos int32) bool {
	n := int32(len(m.text))
	switch op {
	case opBeginLine:
		return pos == 0 || m.text[pos-1] == '\n'
	case opEndLine:
		return pos == n || m.text[pos] == '\n'
	case opBegin:
		return pos == 0
	case opEndText:
		return pos == n || pos == n-1 && m.text[pos] == '\n'
	case opEndAll:
		return pos == n
	case opStart:
		return pos == m.start
	}
	edge := m.word(pos, true) != m.word(pos, false)
	return edge == (op == opWordEdge)
}

func (m *matcher) word(pos int32, left bool) bool {
	r, _, ok := m.next(pos, left)
	return ok && syntax.IsWordChar(r)
}
