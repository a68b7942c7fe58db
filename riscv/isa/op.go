package isa

// Op names what an instruction does, whatever its encoding: a compressed
// instruction has the Op of the instruction that it abbreviates.
type Op uint16

// The operations, in the order of the table. OpIllegal is the zero value.
const (
	OpIllegal Op = iota

	// Constants, jumps and branches. Imm is the distance from the instruction, except
	// for OpLui, where it is the value, and OpJalr, where it is added to rs1.
	OpLui
	OpAuipc
	OpJal
	OpJalr
	OpBeq
	OpBne
	OpBlt
	OpBge
	OpBltu
	OpBgeu

	// Loads and stores of integers. The address is rs1 + Imm and may be misaligned; a
	// load whose target is x0 still faults.
	OpLb
	OpLh
	OpLw
	OpLd
	OpLbu
	OpLhu
	OpLwu
	OpSb
	OpSh
	OpSw
	OpSd

	// Integer computation on 64 bits, then, with names that end in w, on the low 32
	// bits of the operands with a sign-extended result. A shift takes the low bits of
	// its amount.
	OpAddi
	OpSlti
	OpSltiu
	OpXori
	OpOri
	OpAndi
	OpSlli
	OpSrli
	OpSrai
	OpAdd
	OpSub
	OpSll
	OpSlt
	OpSltu
	OpXor
	OpSrl
	OpSra
	OpOr
	OpAnd
	OpAddiw
	OpSlliw
	OpSrliw
	OpSraiw
	OpAddw
	OpSubw
	OpSllw
	OpSrlw
	OpSraw

	// Order, and what leaves the program. There is one hart and code never changes, so
	// that fences have nothing to do.
	OpFence
	OpFenceI
	OpEcall
	OpEbreak
	OpWfi
	OpStop
	OpCustom

	// Zicsr. Imm is the number of the CSR; in the forms that end in i, Rs1 is the value.
	OpCsrrw
	OpCsrrs
	OpCsrrc
	OpCsrrwi
	OpCsrrsi
	OpCsrrci

	// M. Division by zero gives all ones and the dividend as the rest; it never traps.
	OpMul
	OpMulh
	OpMulhsu
	OpMulhu
	OpDiv
	OpDivu
	OpRem
	OpRemu
	OpMulw
	OpDivw
	OpDivuw
	OpRemw
	OpRemuw

	// A. RM has the bits aq and rl, which mean nothing on one hart. Addresses must be
	// aligned.
	OpLrW
	OpScW
	OpAmoswapW
	OpAmoaddW
	OpAmoxorW
	OpAmoandW
	OpAmoorW
	OpAmominW
	OpAmomaxW
	OpAmominuW
	OpAmomaxuW
	OpLrD
	OpScD
	OpAmoswapD
	OpAmoaddD
	OpAmoxorD
	OpAmoandD
	OpAmoorD
	OpAmominD
	OpAmomaxD
	OpAmominuD
	OpAmomaxuD

	// F and D. Singles lie in the low half of a register below 32 ones; RM is the
	// rounding mode where an instruction has one. The operations on doubles follow in
	// the order of those on singles.
	OpFlw
	OpFsw
	OpFld
	OpFsd
	OpFmaddS
	OpFmsubS
	OpFnmsubS
	OpFnmaddS
	OpFaddS
	OpFsubS
	OpFmulS
	OpFdivS
	OpFsqrtS
	OpFsgnjS
	OpFsgnjnS
	OpFsgnjxS
	OpFminS
	OpFmaxS
	OpFeqS
	OpFltS
	OpFleS
	OpFcvtWS
	OpFcvtSW
	OpFcvtWuS
	OpFcvtSWu
	OpFcvtLS
	OpFcvtSL
	OpFcvtLuS
	OpFcvtSLu
	OpFclassS
	OpFmvXW
	OpFmvWX
	OpFmaddD
	OpFmsubD
	OpFnmsubD
	OpFnmaddD
	OpFaddD
	OpFsubD
	OpFmulD
	OpFdivD
	OpFsqrtD
	OpFsgnjD
	OpFsgnjnD
	OpFsgnjxD
	OpFminD
	OpFmaxD
	OpFeqD
	OpFltD
	OpFleD
	OpFcvtWD
	OpFcvtDW
	OpFcvtWuD
	OpFcvtDWu
	OpFcvtLD
	OpFcvtDL
	OpFcvtLuD
	OpFcvtDLu
	OpFclassD
	OpFmvXD
	OpFmvDX
	OpFcvtSD
	OpFcvtDS

	// Zba, Zbb, Zbc, Zbs.
	OpAddUw
	OpSh1add
	OpSh1addUw
	OpSh2add
	OpSh2addUw
	OpSh3add
	OpSh3addUw
	OpSlliUw
	OpAndn
	OpOrn
	OpXnor
	OpClz
	OpClzw
	OpCtz
	OpCtzw
	OpCpop
	OpCpopw
	OpMin
	OpMinu
	OpMax
	OpMaxu
	OpSextB
	OpSextH
	OpZextH
	OpRol
	OpRolw
	OpRor
	OpRorw
	OpRori
	OpRoriw
	OpOrcB
	OpRev8
	OpClmul
	OpClmulr
	OpClmulh
	OpBclr
	OpBclri
	OpBext
	OpBexti
	OpBinv
	OpBinvi
	OpBset
	OpBseti

	// Zicond.
	OpCzeroEqz
	OpCzeroNez

	// Operations that only Decode32 gives. Memory operations take the low 32 bits
	// of rs1 + imm as their address; results are sign-extended from 32 bits.
	OpAuipc32
	OpJal32
	OpJalr32
	OpLb32
	OpLh32
	OpLw32
	OpLbu32
	OpLhu32
	OpSb32
	OpSh32
	OpSw32
	OpFlw32
	OpFsw32
	OpFld32
	OpFsd32
	OpMulh32
	OpMulhsu32
	OpMulhu32
	OpSh1add32
	OpSh2add32
	OpSh3add32
	OpOrcB32
	OpRev832
	OpClmul32
	OpClmulr32
	OpClmulh32
	OpBclr32
	OpBclri32
	OpBext32
	OpBinv32
	OpBinvi32
	OpBset32
	OpBseti32
	OpLrW32
	OpScW32
	OpAmoswapW32
	OpAmoaddW32
	OpAmoxorW32
	OpAmoandW32
	OpAmoorW32
	OpAmominW32
	OpAmomaxW32
	OpAmominuW32
	OpAmomaxuW32

	// Zfa.
	OpFliS
	OpFliD
	OpFminmS
	OpFmaxmS
	OpFminmD
	OpFmaxmD
	OpFroundS
	OpFroundnxS
	OpFroundD
	OpFroundnxD
	OpFleqS
	OpFltqS
	OpFleqD
	OpFltqD
	OpFcvtmodWD
	OpFmvhXD // RV32
	OpFmvpDX // RV32

	// Further extensions begin here.

	// OpCount is the number of operations; an interpreter may number its own
	// pseudo-operations from here.
	OpCount
)
