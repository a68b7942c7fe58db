package symbols

// Columns is the number of registers that unwind rules may speak of: 32
// integer registers, 32 for floating point, and one that stands for the return
// address in frames of signal handlers.
const Columns = 65

// RuleKind says where the caller's value of a register is.
type RuleKind uint8

// The kinds of rules. Offset and Value count from the CFA.
const (
	Same      RuleKind = iota // the register still has it
	Undefined                 // it is lost
	Offset                    // in memory at CFA + Value
	Value                     // it is CFA + Value
	Register                  // in the register with the number Value
)

// Rule is how to find one register.
type Rule struct {
	Kind  RuleKind
	Value int64
}

// Rules is a row of the table that a function's call frame information
// describes: how to find the registers of the caller. The CFA, the canonical
// frame address, is the stack pointer before the call.
type Rules struct {
	CFARegister uint64
	CFAOffset   int64
	Registers   [Columns]Rule
	Returns     uint64 // the column of the return address
	Signal      bool   // the caller was interrupted: its pc is the next instruction

	known bool // the CFA is a register and an offset
}

// maxRemembered bounds the rows that a program may put aside.
const maxRemembered = 8

// ruleRunner executes the instructions of one function's rules. They describe
// the table from the beginning of the function on; it stops at the row wanted.
type ruleRunner struct {
	cursor
	set     Rules
	initial Rules // after the common part, for restore
	aside   []Rules
	cie     *cie
	loc     uint64
	word    int
}

// Rules returns how to unwind the frame of a function that stands at pc. covered
// is false when the file says nothing about pc, and ok when what it says cannot
// be used.
func (l *Lines) Rules(pc uint64) (rules Rules, covered, ok bool) {
	pc -= l.bias
	f := l.frames.find(pc)
	if f == nil {
		return Rules{}, false, false
	}
	rules, ok = f.rulesAt(pc, l.xlen/8)
	rules.Returns, rules.Signal = f.cie.returns, f.cie.signal
	return rules, true, ok
}

// rulesAt returns the row for pc, which f covers. Every instruction takes a
// byte at least, so it ends.
func (f *fde) rulesAt(pc uint64, word int) (Rules, bool) {
	r := &ruleRunner{cie: f.cie, loc: f.low, word: word}
	r.cursor = cursor{b: f.cie.initial}
	for r.more() {
		r.step()
	}
	if r.bad {
		return Rules{}, false
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
		r.put(low, Offset, int64(r.uleb())*r.cie.dataAlign)
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
		r.set.CFARegister, r.set.CFAOffset, r.set.known = r.uleb(), int64(r.uleb()), true
	case cfaDefSF:
		r.set.CFARegister, r.set.CFAOffset, r.set.known = r.uleb(), r.sleb()*scale, true
	case cfaDefRegister:
		r.set.CFARegister, r.set.known = r.uleb(), true
	case cfaDefOffset:
		r.set.CFAOffset = int64(r.uleb())
	case cfaDefOffsetSF:
		r.set.CFAOffset = r.sleb() * scale
	case cfaDefExpression:
		// Frames with vectors on the stack; their size is not computed here.
		r.set.known = false
		r.skip()
	case cfaOffsetExt:
		r.put(r.uleb(), Offset, int64(r.uleb())*scale)
	case cfaOffsetExtSF:
		r.put(r.uleb(), Offset, r.sleb()*scale)
	case cfaValOffset:
		r.put(r.uleb(), Value, int64(r.uleb())*scale)
	case cfaValOffsetSF:
		r.put(r.uleb(), Value, r.sleb()*scale)
	case cfaUndefined:
		r.put(r.uleb(), Undefined, 0)
	case cfaSame:
		r.put(r.uleb(), Same, 0)
	case cfaRegister:
		r.put(r.uleb(), Register, int64(r.uleb()))
	case cfaExpression, cfaValExpression:
		r.put(r.uleb(), Undefined, 0)
		r.skip()
	default:
		r.bad = true
	}
}

// put sets a rule. Columns beyond those that matter here, for instance of
// vector registers, are passed over.
func (r *ruleRunner) put(column uint64, kind RuleKind, value int64) {
	if column < Columns {
		r.set.Registers[column] = Rule{kind, value}
	}
}

// restore gives a register the rule that it had after the common part.
func (r *ruleRunner) restore(column uint64) {
	if column < Columns {
		r.set.Registers[column] = r.initial.Registers[column]
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
