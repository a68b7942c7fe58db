package backtrack

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/dlclark/regexp2/v2/syntax"
)

// Bounds of one expression.
const (
	maxCode   = 20_000 // instructions: counted groups are written out
	maxGroups = 100    // the whole match included
)

type opcode uint8

const (
	opEnd      opcode = iota // of the program, or of an inner one
	opOne                    // the character ch
	opNot                    // any character but ch
	opSet                    // a character of set
	opText                   // the characters of text
	opLoop                   // greedy repetition of one, not or set
	opLazy                   // the same, as few as possible
	opOnce                   // the same, as many as possible and never fewer
	opSplit                  // go on at x; when that fails, at y
	opJump                   // go on at x
	opMark                   // remember the place in register x
	opAdvance                // go on at x when the place is that of register y
	opClose                  // group x matched from register y to here
	opRef                    // what group x matched
	opHas                    // go on at y unless group x matched
	opLook                   // the inner program behind must match here; x is behind it
	opLookNot                // it must not
	opLookElse               // go on at y unless it matches
	opAtomic                 // it matches, once and for all
	opBeginLine
	opEndLine
	opBegin
	opEndText // before a last newline too
	opEndAll
	opStart // where the search began
	opWordEdge
	opNoWordEdge
	opFail
)

// inst is one instruction. back makes those that consume go to the left.
type inst struct {
	op, unit   opcode
	back, fold bool
	ch         rune
	x, y       int32
	min, max   int32
	set        *syntax.CharSet
	text       []rune
}

// Program is a compiled expression.
type Program struct {
	code     []inst
	groups   int // the whole match included
	regs     int // registers: two for each group, and the marks
	anchored bool
	stacks   sync.Pool
	whole    func() *Program // the same, with every way to match still in it
}

// Groups returns how many groups there are, the whole match included.
func (p *Program) Groups() int { return p.groups }

// Size returns how many instructions it has.
func (p *Program) Size() int { return len(p.code) }

// Compile reads an expression. It allocates in proportion to the expression and
// to what counted groups repeat, at most maxCode instructions.
func Compile(pattern string) (*Program, error) {
	if !shallow(pattern) {
		return nil, errDeep
	}
	p, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	p.whole = sync.OnceValue(func() *Program {
		// The parser leaves out ways to match that come after one that always
		// does. What follows the expression here, and always holds, prevents it.
		if q, err := compile("(?:" + pattern + `)(?:\b|\B)`); err == nil && q.groups == p.groups {
			return q
		}
		return p
	})
	return p, nil
}

// shallow bounds how deeply groups lie in one another: the parser's work doubles
// with every level of look-around or atomic groups.
func shallow(pattern string) bool {
	var special []bool
	n := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '(':
			rest := pattern[i+1:]
			is := len(rest) > 1 && rest[0] == '?' && rest[1] != ':'
			special = append(special, is)
			if is {
				n++
			}
			if len(special) > maxNested || n > maxSpecial {
				return false
			}
		case ')':
			if last := len(special) - 1; last >= 0 {
				if special[last] {
					n--
				}
				special = special[:last]
			}
		}
	}
	return true
}

func compile(pattern string) (p *Program, err error) {
	defer func() { // the parser is not ours, and patterns are anybody's
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("the parser failed: %v", r)
		}
	}()
	tree, err := syntax.Parse(pattern, syntax.ParseOptions{MaintainCaptureOrder: true})
	if err != nil {
		return nil, err
	}
	c := compiler{p: &Program{groups: 1}}
	for _, n := range tree.Capnumlist {
		c.p.groups = max(c.p.groups, n+1)
	}
	c.p.groups = max(c.p.groups, tree.Captop)
	if c.p.groups > maxGroups {
		return nil, fmt.Errorf("more than %d groups", maxGroups)
	}
	c.p.regs = 2 * c.p.groups
	if err := c.node(tree.Root, 0); err != nil {
		return nil, err
	}
	c.emit(inst{op: opEnd})
	c.p.anchored = leads(tree.Root)
	return c.p, nil
}

// leads reports whether a match can only begin where the text does.
func leads(n *syntax.RegexNode) bool {
	switch n.T {
	case syntax.NtBeginning:
		return true
	case syntax.NtCapture, syntax.NtGroup, syntax.NtConcatenate, syntax.NtAtomic:
		return len(n.Children) > 0 && n.Options&syntax.RightToLeft == 0 && leads(n.Children[0])
	}
	return false
}

type compiler struct{ p *Program }

func (c *compiler) emit(i inst) int32 {
	c.p.code = append(c.p.code, i)
	return int32(len(c.p.code) - 1)
}

func (c *compiler) here() int32 { return int32(len(c.p.code)) }

// register returns a new register for marks.
func (c *compiler) register() int32 {
	c.p.regs++
	return int32(c.p.regs - 1)
}

var (
	errLarge = errors.New("the expression is too large")
	errDeep  = errors.New("the expression is nested too deeply")
)

// Bounds of what lies in one another: nodes, groups, and groups with a `(?`.
const (
	maxDepth   = 250
	maxNested  = 64
	maxSpecial = 8
)

// leaves are the nodes that become one instruction without operands.
func leaf(t syntax.NodeType) (opcode, bool) {
	switch t {
	case syntax.NtBol:
		return opBeginLine, true
	case syntax.NtEol:
		return opEndLine, true
	case syntax.NtBeginning:
		return opBegin, true
	case syntax.NtEndZ:
		return opEndText, true
	case syntax.NtEnd:
		return opEndAll, true
	case syntax.NtStart:
		return opStart, true
	case syntax.NtBoundary, syntax.NtECMABoundary:
		return opWordEdge, true
	case syntax.NtNonboundary, syntax.NtNonECMABoundary:
		return opNoWordEdge, true
	case syntax.NtNothing:
		return opFail, true
	}
	return 0, false
}

// single says how a node of one character, or a loop over one, is matched.
func single(t syntax.NodeType) (op, unit opcode, ok bool) {
	switch t {
	case syntax.NtOne:
		return opOne, opOne, true
	case syntax.NtNotone:
		return opNot, opNot, true
	case syntax.NtSet:
		return opSet, opSet, true
	case syntax.NtOneloop:
		return opLoop, opOne, true
	case syntax.NtNotoneloop:
		return opLoop, opNot, true
	case syntax.NtSetloop:
		return opLoop, opSet, true
	case syntax.NtOnelazy:
		return opLazy, opOne, true
	case syntax.NtNotonelazy:
		return opLazy, opNot, true
	case syntax.NtSetlazy:
		return opLazy, opSet, true
	case syntax.NtOneloopatomic:
		return opOnce, opOne, true
	case syntax.NtNotoneloopatomic:
		return opOnce, opNot, true
	case syntax.NtSetloopatomic:
		return opOnce, opSet, true
	}
	return 0, 0, false
}

// node compiles a node and what is under it. Inside a look-behind nodes stand
// in the order in which they are matched, from right to left.
func (c *compiler) node(n *syntax.RegexNode, depth int) error {
	if len(c.p.code) > maxCode {
		return errLarge
	}
	if depth > maxDepth {
		return errDeep
	}
	back := n.Options&syntax.RightToLeft != 0
	if op, ok := leaf(n.T); ok {
		c.emit(inst{op: op})
		return nil
	}
	if op, unit, ok := single(n.T); ok {
		c.emit(inst{op: op, unit: unit, back: back, ch: n.Ch, set: n.Set, min: int32(n.M), max: int32(n.N)})
		return nil
	}
	switch n.T {
	case syntax.NtMulti:
		c.emit(inst{op: opText, back: back, text: n.Str})
	case syntax.NtRef:
		c.emit(inst{op: opRef, back: back, fold: n.Options&syntax.IgnoreCase != 0, x: int32(n.M)})
	case syntax.NtEmpty, syntax.NtUpdateBumpalong:
	case syntax.NtConcatenate, syntax.NtGroup:
		for _, child := range n.Children {
			if err := c.node(child, depth+1); err != nil {
				return err
			}
		}
	case syntax.NtAlternate:
		return c.alternate(n.Children, depth)
	case syntax.NtLoop, syntax.NtLazyloop:
		return c.loop(n, depth)
	case syntax.NtCapture:
		return c.capture(n, depth)
	case syntax.NtPosLook:
		return c.inner(opLook, n.Children[0], depth)
	case syntax.NtNegLook:
		return c.inner(opLookNot, n.Children[0], depth)
	case syntax.NtAtomic:
		return c.inner(opAtomic, n.Children[0], depth)
	case syntax.NtBackRefCond:
		at := c.emit(inst{op: opHas, x: int32(n.M)})
		return c.branches(at, n.Children, depth)
	case syntax.NtExprCond:
		at := c.here()
		if err := c.inner(opLookElse, n.Children[0], depth); err != nil {
			return err
		}
		return c.branches(at, n.Children[1:], depth)
	default:
		return fmt.Errorf("a construct of kind %d is not supported", n.T)
	}
	return nil
}

func (c *compiler) alternate(list []*syntax.RegexNode, depth int) error {
	var jumps []int32
	for i, child := range list {
		last := i == len(list)-1
		split := int32(-1)
		if !last {
			split = c.emit(inst{op: opSplit, x: c.here() + 1})
		}
		if err := c.node(child, depth+1); err != nil {
			return err
		}
		if !last {
			jumps = append(jumps, c.emit(inst{op: opJump}))
			c.p.code[split].y = c.here()
		}
	}
	for _, j := range jumps {
		c.p.code[j].x = c.here()
	}
	return nil
}

// branches compiles what a condition at instruction at chooses between: its y is
// where the second begins.
func (c *compiler) branches(at int32, list []*syntax.RegexNode, depth int) error {
	if err := c.node(list[0], depth+1); err != nil {
		return err
	}
	jump := c.emit(inst{op: opJump})
	c.p.code[at].y = c.here()
	if len(list) > 1 {
		if err := c.node(list[1], depth+1); err != nil {
			return err
		}
	}
	c.p.code[jump].x = c.here()
	return nil
}

func (c *compiler) inner(op opcode, n *syntax.RegexNode, depth int) error {
	at := c.emit(inst{op: op})
	if err := c.node(n, depth+1); err != nil {
		return err
	}
	c.emit(inst{op: opEnd})
	c.p.code[at].x = c.here()
	return nil
}

func (c *compiler) capture(n *syntax.RegexNode, depth int) error {
	if n.N != -1 {
		return errors.New("balancing groups are not supported")
	}
	if n.M >= c.p.groups {
		return fmt.Errorf("more than %d groups", maxGroups)
	}
	mark := c.register()
	c.emit(inst{op: opMark, x: mark})
	if err := c.node(n.Children[0], depth+1); err != nil {
		return err
	}
	c.emit(inst{op: opClose, x: int32(n.M), y: mark})
	return nil
}

// loop writes out what must be there, and then what may: a counted number of
// nested choices, or one that comes back to itself.
func (c *compiler) loop(n *syntax.RegexNode, depth int) error {
	child, lazy := n.Children[0], n.T == syntax.NtLazyloop
	for range n.M {
		if err := c.node(child, depth+1); err != nil {
			return err
		}
	}
	if n.N == math.MaxInt32 {
		mark := c.register()
		split := c.choice(lazy)
		c.emit(inst{op: opMark, x: mark})
		if err := c.node(child, depth+1); err != nil {
			return err
		}
		leave := c.emit(inst{op: opAdvance, y: mark}) // nothing was consumed: once more would not help
		c.emit(inst{op: opJump, x: split})
		c.p.code[leave].x = c.here()
		c.exit(split, lazy)
		return nil
	}
	var splits []int32
	for range n.N - n.M {
		splits = append(splits, c.choice(lazy))
		if err := c.node(child, depth+1); err != nil {
			return err
		}
	}
	for _, s := range splits {
		c.exit(s, lazy)
	}
	return nil
}

// choice begins an optional part, exit says where it ends.
func (c *compiler) choice(lazy bool) int32 {
	at := c.emit(inst{op: opSplit})
	if lazy {
		c.p.code[at].y = at + 1
	} else {
		c.p.code[at].x = at + 1
	}
	return at
}

func (c *compiler) exit(split int32, lazy bool) {
	if lazy {
		c.p.code[split].x = c.here()
	} else {
		c.p.code[split].y = c.here()
	}
}
