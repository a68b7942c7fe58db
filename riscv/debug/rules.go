package debug

// columns is the number of registers that unwind rules may speak of: 32
// integer registers, 32 for floating point, and one that stands for the return
// address in frames of signal handlers.
const columns = 65

// ruleKind says where the caller's value of a register is.
type ruleKind uint8

const (
	ruleSame      ruleKind = iota // the register still has it
	ruleUndefined                 // it is lost
	ruleOffset                    // in memory at CFA + value
	ruleValue                     // it is CFA + value
	ruleRegister                  // in another register
)

type rule struct {
	kind  ruleKind
	value int64
}

// ruleSet is a row of the table that a program of rules describes. The CFA, the
// canonical frame address, is the stack pointer before the call.
type ruleSet struct {
	cfaRegister uint64
	cfaOffset   int64
	known       bool // the CFA is a register and an offset
	registers   [columns]rule
}

// maxRemembered bounds the rows that a program may put aside.
const maxRemembered = 8

// ruleRunner executes the instructions of one function's rules.
type ruleRunner struct {
	cursor
	set     ruleSet
	initial ruleSet // after the common part, for restore
	aside   []ruleSet
	cie     *cie
	loc     uint64
	word    int
}

// rulesAt returns the row for pc, which f covers. Every instruction takes a
// byte at least, so it ends.
func (f *fde) rulesAt(pc uint64, word int) (ruleSet, bool) {
	r := &ruleRunner{cie: f.cie, loc: f.low, word: word}
	r.cursor = cursor{b: f.cie.initial}
	for r.more() {
		r.step()
	}
	if r.bad {
		return ruleSet{}, false
	}
	r.initial, r.loc = r.set, f.low
	r.cursor = cursor{b: f.program}
	for r.more() && r.loc <= pc {
		r.step()
	}
	return r.set, !r.bad && r.set.known
}

// The instructions; the first three have an operand in their low six bits.
const (
	cfaAdvance = 0x40
	cfaOffset  = 0x80
	cfaRestore = 0xc0

	cfaSetLoc        = 0x01
	cfaAdvance1      = 0x02
	cfaAdvance2      = 0x03
	cfaAdvance4      = 0x04
	cfaOffsetExt     = 0x05
	cfaRestoreExt    = 0x06
	cfaUndefined     = 0x07
	cfaSame          = 0x08
	cfaRegister      = 0x09
	cfaRemember      = 0x0a
	cfaRestoreState  = 0x0b
	cfaDef           = 0x0c
	cfaDefRegister   = 0x0d
	cfaDefOffset     = 0x0e
	cfaDefExpression = 0x0f
	cfaExpression    = 0x10
	cfaOffsetExtSF   = 0x11
	cfaDefSF         = 0x12
	cfaDefOffsetSF   = 0x13
	cfaValOffset     = 0x14
	cfaValOffsetSF   = 0x15
	cfaValExpression = 0x16
	cfaArgsSize      = 0x2e
)

// step executes one instruction.
func (r *ruleRunner) step() {
	op := r.uint(1)
	low := op & 63
	switch op &^ 63 {
	case cfaAdvance:
		r.loc += low * r.cie.codeAlign
		return
	case cfaOffset:
		r.put(low, ruleOffset, int64(r.uleb())*r.cie.dataAlign)
		return
	case cfaRestore:
		r.restore(low)
		return
	}
	switch op {
	case 0:
	case cfaSetLoc:
		r.loc = r.pointer(r.cie.pointers&15, r.word)
	case cfaAdvance1:
		r.loc += r.uint(1) * r.cie.codeAlign
	case cfaAdvance2:
		r.loc += r.uint(2) * r.cie.codeAlign
	case cfaAdvance4:
		r.loc += r.uint(4) * r.cie.codeAlign
	case cfaRestoreExt:
		r.restore(r.uleb())
	case cfaRemember:
		if len(r.aside) == maxRemembered {
			r.bad = true
			return
		}
		r.aside = append(r.aside, r.set)
	case cfaRestoreState:
		if len(r.aside) == 0 {
			r.bad = true
			return
		}
		r.set = r.aside[len(r.aside)-1]
		r.aside = r.aside[:len(r.aside)-1]
	case cfaArgsSize:
		r.uleb()
	default:
		r.define(op)
	}
}

// define executes the instructions that change one rule.
func (r *ruleRunner) define(op uint64) {
	scale := r.cie.dataAlign
	switch op {
	case cfaDef:
		r.set.cfaRegister, r.set.cfaOffset, r.set.known = r.uleb(), int64(r.uleb()), true
	case cfaDefSF:
		r.set.cfaRegister, r.set.cfaOffset, r.set.known = r.uleb(), r.sleb()*scale, true
	case cfaDefRegister:
		r.set.cfaRegister, r.set.known = r.uleb(), true
	case cfaDefOffset:
		r.set.cfaOffset = int64(r.uleb())
	case cfaDefOffsetSF:
		r.set.cfaOffset = r.sleb() * scale
	case cfaDefExpression:
		// Frames with vectors on the stack; their size is not computed here.
		r.set.known = false
		r.skip()
	case cfaOffsetExt:
		r.put(r.uleb(), ruleOffset, int64(r.uleb())*scale)
	case cfaOffsetExtSF:
		r.put(r.uleb(), ruleOffset, r.sleb()*scale)
	case cfaValOffset:
		r.put(r.uleb(), ruleValue, int64(r.uleb())*scale)
	case cfaValOffsetSF:
		r.put(r.uleb(), ruleValue, r.sleb()*scale)
	case cfaUndefined:
		r.put(r.uleb(), ruleUndefined, 0)
	case cfaSame:
		r.put(r.uleb(), ruleSame, 0)
	case cfaRegister:
		r.put(r.uleb(), ruleRegister, int64(r.uleb()))
	case cfaExpression, cfaValExpression:
		r.put(r.uleb(), ruleUndefined, 0)
		r.skip()
	default:
		r.bad = true
	}
}

// put sets a rule. Columns beyond those that matter here, for instance of
// vector registers, are passed over.
func (r *ruleRunner) put(column uint64, kind ruleKind, value int64) {
	if column < columns {
		r.set.registers[column] = rule{kind, value}
	}
}

func (r *ruleRunner) restore(column uint64) {
	if column < columns {
		r.set.registers[column] = r.initial.registers[column]
	}
}

// skip passes over a block with its length in front.
func (r *ruleRunner) skip() {
	if n := r.uleb(); n <= uint64(len(r.b)) {
		r.take(int(n))
		return
	}
	r.bad = true
}
