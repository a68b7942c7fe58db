package vector

import (
	"encoding/binary"

	"fishplate/riscv/memory"
)

// transfer is one load or store of count elements of 1<<w bytes. A segment has
// several fields, behind each other in memory and in groups of step registers.
type transfer struct {
	store  bool
	first  bool // a fault beyond element 0 only shortens vl
	w      int
	count  uint64
	fields uint64
	step   uint8                           // registers from field to field
	at     func(s *State, i uint64) uint64 // address of element i
}

// widthOf is the width that the minor opcode of a load or store names.
func (in *Inst) widthOf() int { return [8]int{0, 0, 0, 0, 0, 1, 2, 3}[in.Minor&7] }

// wrap makes an address of a sum.
func (s *State) wrap(a uint64) uint64 {
	if s.h.RV32 {
		return uint64(uint32(a))
	}
	return a
}

func (s *State) base() uint64 { return s.h.X[s.in.Rs1&31] }

// plan describes a transfer of the group, or groups, at vd with elements of 1<<w
// bytes, and says whether the registers allow it.
func (s *State) plan(w int, store bool) bool {
	n := registers(s.emul(w))
	all := n * (int(s.in.Fields) + 1)
	s.t = transfer{store: store, w: w, count: s.VL, fields: uint64(s.in.Fields) + 1, step: uint8(n)}
	return s.fits(s.in.Rd, w) && all <= 8 && int(s.in.Rd)+all <= 32 && (store || s.spared())
}

// Unit strides. The group's elements are as wide as the instruction says, and its
// size follows from that, so it may be another than vtype's.

func loadUnit(s *State, _ *rule) Trap  { return s.unit(false, false) }
func loadFirst(s *State, _ *rule) Trap { return s.unit(false, true) }
func storeUnit(s *State, _ *rule) Trap { return s.unit(true, false) }

func (s *State) unit(store, first bool) Trap {
	w := s.in.widthOf()
	if s.in.Unmasked && s.in.Fields == 0 && s.fits(s.in.Rd, w) && s.span(store, s.VStart<<w, s.VL<<w) {
		return Trap{} // the usual case, without a plan
	}
	if !s.plan(w, store) {
		return illegal
	}
	s.t.first = first
	return s.adjacent()
}

func loadStride(s *State, _ *rule) Trap  { return s.stride(false) }
func storeStride(s *State, _ *rule) Trap { return s.stride(true) }

// stride transfers elements at any distance, also negative or 0. Each is accessed
// in order, even when the distance is 0.
func (s *State) stride(store bool) Trap {
	if !s.plan(s.in.widthOf(), store) {
		return illegal
	}
	s.t.at = func(s *State, i uint64) uint64 { return s.base() + i*s.h.X[s.in.Rs2&31] }
	return s.move()
}

func loadIndex(s *State, _ *rule) Trap  { return s.indexed(false) }
func storeIndex(s *State, _ *rule) Trap { return s.indexed(true) }

// indexed transfers elements of the chosen width; the instruction's width is that
// of the offsets in vs2.
func (s *State) indexed(store bool) Trap {
	in, w := s.in, s.in.widthOf()
	if !s.plan(s.sew, store) || !s.fits(in.Rs2, w) || s.h.RV32 && w == 3 {
		return illegal
	}
	// Each field follows the rule for overlaps by itself, and with several fields
	// the offsets must not be among them at all.
	if t := &s.t; !store {
		for k := range uint8(t.fields) {
			if !s.apart(in.Rd+k*t.step, s.sew, in.Rs2, w) {
				return illegal
			}
		}
		all := int(t.fields) * int(t.step)
		if t.fields > 1 && overlap(int(in.Rd), all, int(in.Rs2), registers(s.emul(w))) {
			return illegal
		}
	}
	s.w2 = w
	s.t.at = func(s *State, i uint64) uint64 { return s.base() + s.get(s.in.Rs2, i, s.w2) }
	return s.move()
}

func loadMask(s *State, _ *rule) Trap  { return s.maskBytes(false) }
func storeMask(s *State, _ *rule) Trap { return s.maskBytes(true) }

// maskBytes transfers as many bytes as a mask of vl bits has; vstart counts bytes
// then.
func (s *State) maskBytes(store bool) Trap {
	s.t = transfer{store: store, count: (s.VL + 7) / 8, fields: 1}
	return s.adjacent()
}

func loadWhole(s *State, _ *rule) Trap  { return s.whole(false) }
func storeWhole(s *State, _ *rule) Trap { return s.whole(true) }

// whole transfers 1, 2, 4 or 8 registers, whatever vtype and vl are.
func (s *State) whole(store bool) Trap {
	n, w := uint64(s.in.Fields)+1, s.in.widthOf()
	if uint64(s.in.Rd)&(n-1) != 0 {
		return illegal
	}
	s.t = transfer{store: store, w: w, count: n * VLENB >> w, fields: 1}
	return s.adjacent()
}

// adjacent transfers elements, or segments, that lie behind each other. Whole
// spans are copied at once; what is masked, has fields, or would fault goes
// element by element.
func (s *State) adjacent() Trap {
	t := &s.t
	if t.fields == 1 && s.in.Unmasked && s.span(t.store, s.VStart<<t.w, t.count<<t.w) {
		return Trap{}
	}
	t.at = func(s *State, i uint64) uint64 { return s.base() + i*s.t.fields<<s.t.w }
	return s.move()
}

// span copies bytes [from, to) of the group at vd at once if all of memory there
// is accessible. If not, it changes nothing of the registers or of what memory
// holds.
func (s *State) span(store bool, from, to uint64) bool {
	if from >= to {
		return false
	}
	at, n := s.wrap(s.base()+from), to-from
	group := s.bytes()[uint64(s.in.Rd)*VLENB+from:][:n]
	if store {
		b, err := s.h.Mem.Storable(at, n)
		if err != nil {
			return false
		}
		copy(b, group)
		return true
	}
	b, err := s.h.Mem.View(at, n)
	if err != nil {
		return false
	}
	copy(group, b)
	return true
}

// move transfers element by element. When one faults, vstart says which; of a
// segment, the fields before the fault may be done, and will be done again.
func (s *State) move() Trap {
	t := &s.t
	for i := s.VStart; i < t.count; i++ {
		if !s.active(i) {
			continue
		}
		a := t.at(s, i)
		if t.first {
			switch trap := s.reach(a); {
			case trap.Kind == 0:
			case i > 0:
				s.VL = i
				return Trap{}
			default:
				return trap
			}
		}
		for k := range t.fields {
			if trap := s.one(t, s.in.Rd+uint8(k)*t.step, i, s.wrap(a+k<<t.w)); trap.Kind != 0 {
				s.VStart = i
				return trap
			}
		}
	}
	return Trap{}
}

// reach says whether all fields of the segment at address a can be loaded: a load
// that ends at the first fault does not begin a segment that it cannot finish.
func (s *State) reach(a uint64) Trap {
	for k := range s.t.fields {
		addr := s.wrap(a + k<<s.t.w)
		if _, err := s.h.Mem.View(addr, 1<<s.t.w); err != nil {
			return Trap{Load, addr}
		}
	}
	return Trap{}
}

// one transfers element i of the group at register r.
func (s *State) one(t *transfer, r uint8, i, addr uint64) Trap {
	size := uint64(1) << t.w
	if t.store {
		if e := s.h.Mem.Store(addr, s.get(r, i, t.w), size); e != nil {
			switch e.Kind {
			case memory.Limit:
				return Trap{Limit, e.Addr}
			case memory.Leave:
				return Trap{Leave, e.Addr}
			}
			return Trap{Store, e.Addr}
		}
		return Trap{}
	}
	b, err := s.h.Mem.View(addr, size)
	if err != nil {
		return Trap{Load, addr}
	}
	switch t.w {
	case 0:
		s.set(r, i, 0, uint64(b[0]))
	case 1:
		s.set(r, i, 1, uint64(binary.LittleEndian.Uint16(b)))
	case 2:
		s.set(r, i, 2, uint64(binary.LittleEndian.Uint32(b)))
	default:
		s.set(r, i, 3, binary.LittleEndian.Uint64(b))
	}
	return Trap{}
}
