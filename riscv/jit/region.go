package jit

import (
	"slices"

	"fishplate/riscv/isa"
)

// Bounds of a region. Code further away from its entry belongs to others.
const (
	maxInsts     = 300      // instructions
	windowBefore = 8 << 10  // bytes before the entry
	windowAfter  = 24 << 10 // bytes behind
	window       = (windowBefore + windowAfter) / 2
)

// inst is a decoded instruction at an address.
type inst struct {
	isa.Inst
	pc   uint64
	kind flow
}

// next returns the address behind the instruction.
func (in *inst) next() uint64 { return in.pc + uint64(in.Len) }

// block is a run of instructions that is entered at its first one only.
type block struct {
	pc     uint64
	first  int // index of the first instruction in region.insts
	count  int
	preds  int   // direct jumps and falls into it within the region
	entry  bool  // may be entered from outside
	back   bool  // the target of a backward jump
	depth  uint8 // of loops around it
	calls  bool  // ends with a call
	native int   // offset of its code, -1 before it is emitted
}

// region is what is translated at once: blocks in the order of addresses.
type region struct {
	entry  uint64
	insts  []inst
	blocks []block
	at     *[window]spot
}

// spot is what is known about a halfword near the entry of a region.
type spot struct {
	inst  int16 // 1 + index in finder.found of the instruction there
	block int16 // 1 + index of the block that begins there
	head  uint8
}

// Bits of spot.head.
const (
	isHead    = 1 << iota // a block begins here
	isOutside             // which may be entered from outside
)

// flow says where control may go after an instruction.
type flow uint8

const (
	falls   flow = iota // to the next instruction only
	branch              // to the target or the next one
	jump                // to the target
	call                // away, and back to the next one
	away                // not to be known here
	leaves              // to the embedder or the interpreter, then to the next one
	nowhere             // an instruction that always faults
)

var flows = buildFlows()

func buildFlows() *[isa.OpCount]flow {
	t := new([isa.OpCount]flow)
	for kind, ops := range map[flow][]isa.Op{
		branch:  {isa.OpBeq, isa.OpBne, isa.OpBlt, isa.OpBge, isa.OpBltu, isa.OpBgeu},
		call:    {isa.OpJal, isa.OpJal32, isa.OpJalr, isa.OpJalr32},
		nowhere: {isa.OpIllegal},
		leaves: {isa.OpEcall, isa.OpEbreak, isa.OpStop, isa.OpWfi, isa.OpCustom, isa.OpCsrrw, isa.OpCsrrs,
			isa.OpCsrrc, isa.OpCsrrwi, isa.OpCsrrsi, isa.OpCsrrci},
	} {
		for _, op := range ops {
			t[op] = kind
		}
	}
	return t
}

func flowOf(in *isa.Inst) flow {
	kind := flows[in.Op]
	switch {
	case kind == call && in.Rd == 0:
		if in.Op == isa.OpJal || in.Op == isa.OpJal32 {
			return jump
		}
		return away
	case kind == leaves && plainFlags(in):
		return falls
	}
	return kind
}

// plainFlags says whether a CSR instruction only reads fflags, or only writes
// them.
func plainFlags(in *isa.Inst) bool {
	const fflags = 1
	return in.Imm == fflags && (in.Op == isa.OpCsrrs && in.Rs1 == 0 || (in.Op == isa.OpCsrrw || in.Op == isa.OpCsrrwi) && in.Rd == 0)
}

// finder discovers regions. There is one region at a time, which shares the
// finder's memory.
type finder struct {
	read  func(pc uint64) (isa.Inst, bool)
	entry uint64
	at    [window]spot
	found []inst // in the order of discovery
	heads []uint64
	todo  []uint64
	r     region
}

// spot returns what is known about pc, nil if it is too far away.
func (f *finder) spot(pc uint64) *spot { return spotOf(&f.at, f.entry, pc) }

func spotOf(at *[window]spot, entry, pc uint64) *spot {
	if i := (pc + windowBefore - entry) / 2; i < window {
		return &at[i]
	}
	return nil
}

// block returns the index of the block at pc.
func (r *region) block(pc uint64) (int, bool) {
	if s := spotOf(r.at, r.entry, pc); s != nil && s.block != 0 {
		return int(s.block) - 1, true
	}
	return 0, false
}

// find decodes everything that direct jumps reach from entry, within bounds. The
// region is valid until find is called again.
func (f *finder) find(entry uint64, read func(uint64) (isa.Inst, bool)) *region {
	f.forget()
	f.entry, f.read = entry, read
	defer func() { f.read = nil }()
	f.reach(entry, isOutside)
	for len(f.todo) > 0 && len(f.found) < maxInsts {
		pc := f.todo[len(f.todo)-1]
		f.todo = f.todo[:len(f.todo)-1]
		f.follow(pc)
	}
	return f.assemble()
}

// forget clears what the previous region left.
func (f *finder) forget() {
	for i := range f.found {
		*f.spot(f.found[i].pc) = spot{}
	}
	for _, pc := range f.heads {
		*f.spot(pc) = spot{}
	}
	f.found, f.heads, f.todo = f.found[:0], f.heads[:0], f.todo[:0]
}

// follow decodes from pc until control leaves the straight line.
func (f *finder) follow(pc uint64) {
	for len(f.found) < maxInsts {
		s := f.spot(pc)
		if s == nil {
			return
		}
		if s.inst != 0 {
			f.head(pc, 0)
			return
		}
		d, ok := f.read(pc)
		if !ok {
			return
		}
		if d.Op.IsVector() {
			// The interpreter does these, as if they left to the embedder.
			d = isa.Inst{Op: isa.OpWfi, Len: d.Len}
		}
		in := inst{d, pc, flowOf(&d)}
		f.found = append(f.found, in)
		s.inst = int16(len(f.found))
		next := in.next()
		switch in.kind {
		case falls:
			pc = next
			continue
		case branch:
			f.reach(pc+uint64(d.Imm), 0)
			f.reach(next, 0)
		case jump:
			f.reach(pc+uint64(d.Imm), 0)
		case call, leaves:
			f.reach(next, isOutside)
		}
		return
	}
}

// head marks pc as the beginning of a block.
func (f *finder) head(pc uint64, how uint8) {
	s := f.spot(pc)
	if s == nil {
		return
	}
	if s.head == 0 {
		f.heads = append(f.heads, pc)
	}
	s.head |= isHead | how
}

// reach marks pc as the beginning of a block and has it decoded.
func (f *finder) reach(pc uint64, how uint8) {
	f.head(pc, how)
	if s := f.spot(pc); s != nil && s.inst == 0 {
		f.todo = append(f.todo, pc)
	}
}

// assemble sorts what was found into blocks and counts how they are entered.
//
// A loop without calls, in code that has calls or other loops, is a region of its
// own: all host registers serve it, and loading them is paid once a loop.
func (f *finder) assemble() *region {
	slices.Sort(f.heads)
	r := f.build()
	if f.cut(r) {
		r = f.build()
	}
	return r
}

// cut removes from what was found what does not belong together: everything
// outside the loop if the entry lies in a loop without calls, or else all such
// loops. It says whether it removed anything.
func (f *finder) cut(r *region) bool {
	calls := slices.ContainsFunc(r.blocks, func(b block) bool { return b.calls })
	entry, _ := r.block(f.entry)
	first, end := 0, 0 // the largest loop around the entry
	inLoop := make([]bool, len(r.blocks))
	for i := range r.blocks {
		in := r.last(&r.blocks[i])
		if in.kind != branch && in.kind != jump {
			continue
		}
		k, ok := r.block(in.pc + uint64(in.Imm))
		if !ok || k > i || slices.ContainsFunc(r.blocks[k:i+1], func(b block) bool { return b.calls }) {
			continue
		}
		for j := k; j <= i; j++ {
			inLoop[j] = true
		}
		if k <= entry && entry <= i && i-k >= end-first {
			first, end = k, i+1
		}
	}
	if !calls && loops(inLoop) < 2 {
		return false
	}
	removed := false
	for i := range r.blocks {
		if i >= first && i < end || end == 0 && !inLoop[i] {
			continue
		}
		removed = true
		b := &r.blocks[i]
		for k := range b.count {
			f.spot(r.insts[b.first+k].pc).inst = 0
		}
	}
	return removed
}

// loops counts the runs of blocks that are marked.
func loops(marked []bool) int {
	n := 0
	for i, m := range marked {
		if m && (i == 0 || !marked[i-1]) {
			n++
		}
	}
	return n
}

// build makes blocks of what was found and not removed.
func (f *finder) build() *region {
	r := &f.r
	r.entry, r.at = f.entry, &f.at
	r.insts, r.blocks = r.insts[:0], r.blocks[:0]
	for _, pc := range f.heads {
		s := f.spot(pc)
		s.block = 0
		if s.inst == 0 {
			continue
		}
		b := block{pc: pc, first: len(r.insts), entry: s.head&isOutside != 0, native: -1}
		for {
			in := f.found[s.inst-1]
			r.insts = append(r.insts, in)
			if in.kind != falls {
				break
			}
			if s = f.spot(in.next()); s == nil || s.inst == 0 || s.head != 0 {
				break
			}
		}
		b.count = len(r.insts) - b.first
		r.blocks = append(r.blocks, b)
		f.spot(pc).block = int16(len(r.blocks))
	}
	r.connect()
	return r
}

// last returns the last instruction of a block.
func (r *region) last(b *block) *inst { return &r.insts[b.first+b.count-1] }

// connect counts predecessors and measures loops: a backward jump makes a loop
// of all blocks between its target and itself.
func (r *region) connect() {
	for i := range r.blocks {
		b := &r.blocks[i]
		in := r.last(b)
		b.calls = in.kind == call
		if in.kind == falls || in.kind == branch {
			r.enter(in.next())
		}
		if in.kind != branch && in.kind != jump {
			continue
		}
		k, ok := r.block(in.pc + uint64(in.Imm))
		if !ok {
			continue
		}
		r.blocks[k].preds++
		if k > i {
			continue
		}
		r.blocks[k].back = true
		for j := k; j <= i; j++ {
			r.blocks[j].depth++
		}
	}
	for i := range r.blocks {
		b := &r.blocks[i]
		b.entry = b.entry || b.preds == 0 // from another region
	}
}

func (r *region) enter(pc uint64) {
	if k, ok := r.block(pc); ok {
		r.blocks[k].preds++
	}
}
