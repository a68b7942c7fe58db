package vector

import (
	"math"
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// These loops compute with the host's arithmetic, which is right while the
// rounding mode is to nearest and the inexact flag is raised already, as long as
// results are plain numbers. An element whose result is not is computed by the
// rule's function.

// quickFloat executes an unmasked operation by such a loop, if it has one.
func (s *State) quickFloat(r *rule) bool {
	switch s.in.Op {
	case isa.OpVfadd, isa.OpVfsub, isa.OpVfmul, isa.OpVfmacc, isa.OpVfmadd, isa.OpVfdiv:
	default:
		return false
	}
	a, b := s.sources(r)
	d, n := unsafe.Pointer(&s.V[s.in.Rd]), int(s.VL)
	if s.sew == 2 {
		x, y, z := three[uint32](d, a, b, n)
		s.singles(r, x, y, z)
	} else {
		x, y, z := three[uint64](d, a, b, n)
		s.doubles(r, x, y, z)
	}
	return true
}

func (s *State) singles(r *rule, x, y, z []uint32) {
	op := s.in.Op
	for i := range x {
		a, b, d := math.Float32frombits(y[i]), math.Float32frombits(z[i]), math.Float32frombits(x[i])
		var v uint64
		var ok bool
		switch op {
		case isa.OpVfadd:
			v, ok = float.Plain32(a + b)
		case isa.OpVfsub:
			v, ok = float.Plain32(a - b)
		case isa.OpVfmul:
			v, ok = float.Plain32(a * b)
		case isa.OpVfdiv:
			v, ok = float.Plain32(a / b)
		case isa.OpVfmacc:
			// The product of two singles is exact as a double.
			v, ok = float.Plain32Once(float64(a)*float64(b) + float64(d))
		default:
			v, ok = float.Plain32Once(float64(d)*float64(b) + float64(a))
		}
		if !ok {
			v = r.fn(s, uint64(y[i]), uint64(z[i]), uint64(x[i]))
		}
		x[i] = uint32(v)
	}
}

func (s *State) doubles(r *rule, x, y, z []uint64) {
	op := s.in.Op
	for i := range x {
		a, b, d := math.Float64frombits(y[i]), math.Float64frombits(z[i]), math.Float64frombits(x[i])
		var v uint64
		var ok bool
		switch op {
		case isa.OpVfadd:
			v, ok = float.Plain64(a + b)
		case isa.OpVfsub:
			v, ok = float.Plain64(a - b)
		case isa.OpVfmul:
			v, ok = float.Plain64(a * b)
		case isa.OpVfdiv:
			v, ok = float.Plain64(a / b)
		case isa.OpVfmacc:
			v, ok = float.Plain64(math.FMA(a, b, d))
		default:
			v, ok = float.Plain64(math.FMA(d, b, a))
		}
		if !ok {
			v = r.fn(s, y[i], z[i], x[i])
		}
		x[i] = v
	}
}
