package debug

import (
	"context"

	"fishplate/riscv"
	"fishplate/riscv/isa"
	"fishplate/riscv/linux"
)

// Recording is how often a program executed each of its instructions, by the
// calls that led there. Nothing is sampled: the counts are exact.
type Recording struct {
	Total  uint64       // instructions executed
	Status linux.Status // how the program ended, or that the budget is used up

	// Cut says that there were more different call stacks than are kept: some
	// instructions are counted for a caller of the function that called them.
	Cut bool

	program *riscv.Program
	lines   *Lines
	file    string
	nodes   []node
	blocks  map[blockKey]*tally
	loose   map[blockKey]uint64 // single instructions, of blocks that were left half-way
}

// node is a call stack: the call at site, made with the stack parent. Node 0 is
// the empty one. Stacks form a tree, so that what two have in common is kept once.
type node struct {
	parent int32
	depth  int32
	site   uint64
}

// blockKey is an address under a call stack.
type blockKey struct {
	node int32
	pc   uint64
}

// tally counts how often a basic block ran as a whole.
type tally struct {
	times uint64
	block *block
}

// block is what is known about the instructions from an address to the next
// branch.
type block struct {
	n    int // instructions
	kind transfer
	site uint64 // the last instruction
	next uint64 // what follows it
}

// transfer is what the last instruction of a block does to the call stack.
type transfer uint8

const (
	transferNone transfer = iota
	transferCall
	transferReturn
	transferJump // to an address in a register, and no return
)

// Bounds of what is remembered.
const (
	maxNodes     = 1 << 18
	maxDepth     = 512     // calls of a kept stack
	maxCalls     = 1 << 20 // calls that are open at the same time
	recordSlots  = 1 << 13
	contextEvery = 1 << 16 // blocks between two looks at the context
)

// recorder runs a guest and keeps its shadow call stack.
type recorder struct {
	*Recording
	m     *riscv.Machine
	mask  uint64
	known map[uint64]*block
	edges map[blockKey]int32 // from a stack and a call site to the stack there
	slots []recordSlot       // a cache of Recording.blocks

	node  int32 // where the program is
	calls []openCall
}

type recordSlot struct {
	key   blockKey
	tally *tally
}

// openCall is a call that has not returned yet. The stack pointer tells, when
// something other than a return comes along, whether it still can.
type openCall struct {
	next  uint64 // where it returns to
	sp    uint64 // the stack pointer of the caller
	node  int32  // the caller's stack
	block *block // of the call
}

// Record runs the guest until it ends, faults, or has executed budget
// instructions; 0 is no limit. lines names what was executed and may be nil. The
// error is the context's; what was counted until then is returned with it.
func Record(ctx context.Context, guest Guest, lines *Lines, budget uint64) (*Recording, error) {
	r := newRecorder(guest.Machine.Program(), lines, guest.File)
	r.m = guest.Machine
	if budget == 0 {
		budget = ^uint64(0)
	}
	for n := 0; ; n++ {
		if n%contextEvery == 0 && ctx.Err() != nil {
			return r.Recording, context.Cause(ctx)
		}
		if r.Total >= budget {
			r.Status = linux.Status{Stopped: linux.StoppedBudget, Reason: "the budget is used up", Exit: riscv.Exit{Kind: riscv.Budget}}
			return r.Recording, nil
		}
		if e := r.runBlock(budget - r.Total); e.Kind != riscv.Budget && guest.Handle(e) {
			r.Status = guest.Status()
			return r.Recording, nil
		}
	}
}

func newRecorder(program *riscv.Program, lines *Lines, file string) *recorder {
	return &recorder{
		mask: ^uint64(0) >> (64 - program.XLEN()), known: map[uint64]*block{}, edges: map[blockKey]int32{}, slots: make([]recordSlot, recordSlots),
		Recording: &Recording{
			program: program, lines: lines, file: file, nodes: make([]node, 1), blocks: map[blockKey]*tally{}, loose: map[blockKey]uint64{},
		},
	}
}

// runBlock executes up to the next branch, at most fuel instructions, and counts
// them.
func (r *recorder) runBlock(fuel uint64) riscv.Exit {
	m := r.m
	t := r.find(m.PC)
	b, pc, before := t.block, m.PC, m.Instret
	e := m.Run(min(uint64(b.n), fuel))
	executed := m.Instret - before
	r.Total += executed
	// It faulted half-way, or the budget ends here.
	if executed < uint64(b.n) {
		r.piece(pc, executed)
		return e
	}
	// The usual case: the whole block ran, and one addition counts all of it.
	t.times++
	if e.Kind != riscv.Budget {
		return e
	}
	switch b.kind {
	case transferCall:
		r.call(b)
	case transferReturn:
		r.back(m.PC)
	case transferJump:
		r.drop()
	}
	return e
}

// piece counts the first n instructions from pc one by one.
func (r *recorder) piece(pc, n uint64) {
	for range n {
		r.loose[blockKey{r.node, pc}]++
		in, ok := r.program.Decode(pc)
		if !ok {
			return
		}
		pc += uint64(in.Len)
	}
}

// find returns the tally of the block at pc under the present stack.
func (r *recorder) find(pc uint64) *tally {
	key := blockKey{r.node, pc}
	// Most blocks are found here, at the cost of one comparison; the map behind it is
	// for the rest.
	slot := &r.slots[(pc>>1^uint64(r.node)*0x9e5)%recordSlots]
	if slot.key == key && slot.tally != nil {
		return slot.tally
	}
	t := r.blocks[key]
	if t == nil {
		t = &tally{block: r.block(pc)}
		r.blocks[key] = t
	}
	*slot = recordSlot{key, t}
	return t
}

// block looks at the instructions from pc on.
func (r *recorder) block(pc uint64) *block {
	if b := r.known[pc]; b != nil {
		return b
	}
	b := &block{n: max(r.program.Block(pc), 1), site: pc}
	for at, i := pc, 0; i < b.n; i++ {
		in, ok := r.program.Decode(at)
		if !ok {
			break // it will fault there
		}
		b.site, b.next = at, at+uint64(in.Len)
		b.kind = transferOf(in)
		at = b.next
	}
	r.known[pc] = b
	return b
}

// transferOf follows the calling convention's hints, which compilers keep because
// processors predict returns by them: jumps that leave a return address in ra or
// t0 are calls, jumps to it are returns.
func transferOf(in isa.Inst) transfer {
	if in.Op == isa.OpIllegal {
		return transferNone
	}
	link := func(n uint8) bool { return n == ra || n == t0 }
	switch op := isa.Table()[in.Row].Op; {
	case (op == isa.OpJal || op == isa.OpJalr) && link(in.Rd):
		return transferCall
	case op == isa.OpJalr && in.Rd == 0 && link(in.Rs1):
		return transferReturn
	case op == isa.OpJalr:
		return transferJump
	}
	return transferNone
}

// call opens a call that b ended with.
func (r *recorder) call(b *block) {
	if len(r.calls) < maxCalls {
		r.calls = append(r.calls, openCall{b.next, r.m.X[sp] & r.mask, r.node, b})
	}
	key := blockKey{r.node, b.site}
	to, ok := r.edges[key]
	if !ok {
		to = r.extend(b.site)
		r.edges[key] = to
	}
	r.node = to
}

// back closes the call that returns to pc. Usually it is the last one. After a
// longjmp or an exception it is an earlier one, or the program comes back into
// the middle of a function: then the calls that its stack no longer holds are
// closed, and the one that this function made.
func (r *recorder) back(pc uint64) {
	n := len(r.calls) - 1
	if n >= 0 && r.calls[n].next == pc {
		r.node = r.calls[n].node
		r.calls = r.calls[:n]
		return
	}
	// Something unusual: the stack pointer tells whose frames are gone.
	r.drop()
	stack := r.m.X[sp] & r.mask
	if n = len(r.calls) - 1; n < 0 || r.calls[n].sp != stack {
		return
	}
	here, ok1 := r.lines.Function(pc)
	caller, ok2 := r.lines.Function(r.calls[n].block.site)
	if r.calls[n].next == pc || ok1 && ok2 && here == caller {
		r.node = r.calls[n].node
		r.calls = r.calls[:n]
	}
}

// drop closes the calls whose frames the stack pointer has left behind.
func (r *recorder) drop() {
	stack := r.m.X[sp] & r.mask
	for n := len(r.calls) - 1; n >= 0 && r.calls[n].sp < stack; n-- {
		r.node = r.calls[n].node
		r.calls = r.calls[:n]
	}
}

// extend returns the stack that a call at site makes of the present one.
// Recursion would make ever longer ones: when everything since the last call at
// the same site is on the stack before that already, the cycle is left out. No
// function and no call disappears from the stack that way, so what is counted
// for them stays exact.
func (r *recorder) extend(site uint64) int32 {
	for at := r.node; at != 0; at = r.nodes[at].parent {
		if r.nodes[at].site == site {
			if r.repeats(at) {
				return at
			}
			break
		}
	}
	if len(r.nodes) >= maxNodes || r.nodes[r.node].depth >= maxDepth {
		r.Cut = true
		return r.node
	}
	r.nodes = append(r.nodes, node{r.node, r.nodes[r.node].depth + 1, site})
	return int32(len(r.nodes) - 1)
}

// repeats says whether all sites above node at are also at it or below.
func (r *recorder) repeats(at int32) bool {
	below := map[uint64]bool{}
	for n := at; n != 0; n = r.nodes[n].parent {
		below[r.nodes[n].site] = true
	}
	for n := r.node; n != at; n = r.nodes[n].parent {
		if !below[r.nodes[n].site] {
			return false
		}
	}
	return true
}
