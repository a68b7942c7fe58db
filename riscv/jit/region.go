package jit

import (
	"slices"

	"fishplate/riscv/isa"
)

// Bounds of a region. Code further away from its entry belongs to others.
const (
	maxInsts     = 640      // instructions
	windowBefore = 8 << 10  // bytes before the entry
	windowAfter  = 24 << 10 // bytes behind
)

// inst is a decoded instruction at an address.
type inst struct {
	isa.Inst
	pc uint64
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
	index  map[uint64]int // block by its first address
}

// finder discovers regions. Its buffers are reused.
type finder struct {
	read func(pc uint64) (isa.Inst, bool)
	at   map[uint64]inst
	todo []uint64
	lead map[uint64]bool // leaders; true when enterable from outside
}

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

func flowOf(in *isa.Inst) flow {
	switch op := in.Op; op {
	case isa.OpBeq, isa.OpBne, isa.OpBlt, isa.OpBge, isa.OpBltu, isa.OpBgeu:
		return branch
	case isa.OpJal, isa.OpJal32:
		if in.Rd == 0 {
			return jump
		}
		return call
	case isa.OpJalr, isa.OpJalr32:
		if in.Rd == 0 {
			return away
		}
		return call
	case isa.OpIllegal:
		return nowhere
	case isa.OpEcall, isa.OpEbreak, isa.OpStop, isa.OpWfi, isa.OpCustom,
		isa.OpCsrrw, isa.OpCsrrs, isa.OpCsrrc, isa.OpCsrrwi, isa.OpCsrrsi, isa.OpCsrrci:
		return leaves
	}
	return falls
}

// find decodes everything that direct jumps reach from entry, within bounds.
func (f *finder) find(entry uint64) *region {
	clear(f.at)
	clear(f.lead)
	f.todo = append(f.todo[:0], entry)
	f.lead[entry] = true
	inside := func(pc uint64) bool {
		return pc+windowBefore-entry < windowBefore+windowAfter
	}
	for len(f.todo) > 0 && len(f.at) < maxInsts {
		pc := f.todo[len(f.todo)-1]
		f.todo = f.todo[:len(f.todo)-1]
		for len(f.at) < maxInsts {
			if _, seen := f.at[pc]; seen || !inside(pc) {
				f.leader(pc, false)
				break
			}
			d, ok := f.read(pc)
			if !ok {
				break
			}
			in := inst{d, pc}
			f.at[pc] = in
			next := in.next()
			kind := flowOf(&d)
			if kind == falls {
				pc = next
				continue
			}
			switch kind {
			case branch:
				f.reach(next, false)
				f.reach(pc+uint64(d.Imm), false)
			case jump:
				f.reach(pc+uint64(d.Imm), false)
			case call, leaves:
				f.reach(next, true)
			}
			break
		}
	}
	return f.assemble(entry)
}

// leader marks pc as the beginning of a block.
func (f *finder) leader(pc uint64, outside bool) { f.lead[pc] = f.lead[pc] || outside }

// reach marks pc as the beginning of a block and has it decoded.
func (f *finder) reach(pc uint64, outside bool) {
	f.leader(pc, outside)
	if _, seen := f.at[pc]; !seen {
		f.todo = append(f.todo, pc)
	}
}

// assemble sorts what was found into blocks and counts how they are entered.
func (f *finder) assemble(entry uint64) *region {
	r := &region{entry: entry, index: make(map[uint64]int)}
	heads := make([]uint64, 0, len(f.lead))
	for pc := range f.lead {
		if _, ok := f.at[pc]; ok {
			heads = append(heads, pc)
		}
	}
	slices.Sort(heads)
	for _, pc := range heads {
		b := block{pc: pc, first: len(r.insts), entry: f.lead[pc], native: -1}
		for {
			in, ok := f.at[pc]
			if _, head := f.lead[pc]; !ok || head && pc != b.pc {
				break
			}
			r.insts = append(r.insts, in)
			if flowOf(&in.Inst) != falls {
				break
			}
			pc = in.next()
		}
		b.count = len(r.insts) - b.first
		r.index[b.pc] = len(r.blocks)
		r.blocks = append(r.blocks, b)
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
		kind := flowOf(&in.Inst)
		b.calls = kind == call
		if kind == falls || kind == branch {
			r.enter(in.next())
		}
		if kind != branch && kind != jump {
			continue
		}
		k, ok := r.index[in.pc+uint64(in.Imm)]
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
}

func (r *region) enter(pc uint64) {
	if k, ok := r.index[pc]; ok {
		r.blocks[k].preds++
	}
}
