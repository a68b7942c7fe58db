package interp

import "fishplate/riscv/isa"

// fast says what Run does with a record. Zero is everything that Run leaves to
// slow, whatever the reason; a record keeps its isa.Op beside the code.
type fast uint8

const (
	doSlow fast = iota

	// Pseudo-instructions.
	doNop
	doLi   // rd = imm
	doMv   // rd = rs1
	doNext // begins a new block; counts as nothing
	doEscape
	doJ  // jal without a link
	doJr // jalr without a link

	doAuipc
	doJal
	doJalr
	doBeq
	doBne
	doBlt
	doBge
	doBltu
	doBgeu

	doLb
	doLh
	doLw
	doLd
	doLbu
	doLhu
	doLwu
	doSb
	doSh
	doSw
	doSd
	doFlw
	doFld
	doFsw
	doFsd

	doAddi
	doSlti
	doSltiu
	doXori
	doOri
	doAndi
	doSlli
	doSrli
	doSrai
	doAdd
	doSub
	doSll
	doSlt
	doSltu
	doXor
	doSrl
	doSra
	doOr
	doAnd
	doAddiw
	doSlliw
	doSrliw
	doSraiw
	doAddw
	doSubw
	doSllw
	doSrlw
	doSraw

	doMul
	doMulh
	doMulhu
	doMulhu32
	doMulw
	doDivu
	doRemu
	doDivw
	doRemw

	doAddUw
	doSh1add
	doSh1addUw
	doSh2add
	doSh2addUw
	doSh3add
	doSh3addUw
	doSh1add32
	doSh2add32
	doSh3add32
	doSlliUw
	doAndn
	doOrn
	doXnor
	doClz
	doCtz
	doMin
	doMinu
	doMax
	doMaxu
	doSextB
	doSextH
	doZextH
	doRori
	doRoriw
	doOrcB
	doRev8
	doBext
	doBexti
	doCzeroEqz
	doCzeroNez

	// Floating point: only what the host computes as RISC-V would when the
	// result is an ordinary number. Run tries that and leaves the rest to slow.
	doFaddD
	doFsubD
	doFmulD
	doFdivD
	doFsqrtD
	doFmaddD
	doFmsubD
	doFnmsubD
	doFnmaddD
	doFsgnjD
	doFsgnjnD
	doFeqD
	doFltD
	doFleD
	doFaddS
	doFsubS
	doFmulS
	doFdivS
	doFsqrtS
	doFmaddS
	doFmsubS
	doFnmsubS
	doFnmaddS
	doFsgnjS
	doFsgnjnS
	doFeqS
	doFltS
	doFleS
	doFmvXD
	doFmvDX
	doFmvXW
	doFmvWX
	doFcvtDW
	doFcvtDWu
	doFcvtDL
	doFcvtSW
	doFcvtSL
	doFcvtWD
	doFcvtLD
	doFcvtWS
	doFcvtLS
	doFcvtSD
	doFcvtDS

	// Two neighbours at once; see pairs.
	doLdLd
	doLwLw
	doFldFld
	doSdSd
	doLdAddi
	doLbuAddi
	doLbuBne
	doLwBeq
	doLdBne
	doAddiBlt
	doMvJalr
	doLwAdd
	doAddLbu
	doAddLw
	doAddLd
	doAddSb
	doAddJr
	doAddiAdd
	doAddiAddi
	doMvMv
	doAddiSd
	doAddiBne
	doAddiBltu
	doAddBne
	doAndiBne
	doSlliAdd
	doSlliSrli
	doFmulFaddD
	doFmulFmulD

	doCount

	// doLast is never used. With it the codes that Run knows fill their type, so
	// that its jump table needs no check.
	doLast fast = 255
)

// codes gives the fast code of an operation, doSlow where there is none.
var codes = [isa.OpCount]fast{
	isa.OpLui: doLi, isa.OpAuipc: doAuipc, isa.OpJal: doJal, isa.OpJalr: doJalr, isa.OpJal32: doJal, isa.OpJalr32: doJalr,
	isa.OpBeq: doBeq, isa.OpBne: doBne, isa.OpBlt: doBlt, isa.OpBge: doBge, isa.OpBltu: doBltu, isa.OpBgeu: doBgeu,
	isa.OpLb: doLb, isa.OpLh: doLh, isa.OpLw: doLw, isa.OpLd: doLd, isa.OpLbu: doLbu, isa.OpLhu: doLhu, isa.OpLwu: doLwu,
	isa.OpSb: doSb, isa.OpSh: doSh, isa.OpSw: doSw, isa.OpSd: doSd,
	isa.OpFlw: doFlw, isa.OpFld: doFld, isa.OpFsw: doFsw, isa.OpFsd: doFsd,
	isa.OpLb32: doLb, isa.OpLh32: doLh, isa.OpLw32: doLw, isa.OpLbu32: doLbu, isa.OpLhu32: doLhu,
	isa.OpSb32: doSb, isa.OpSh32: doSh, isa.OpSw32: doSw,
	isa.OpFlw32: doFlw, isa.OpFld32: doFld, isa.OpFsw32: doFsw, isa.OpFsd32: doFsd,

	isa.OpAddi: doAddi, isa.OpSlti: doSlti, isa.OpSltiu: doSltiu, isa.OpXori: doXori, isa.OpOri: doOri, isa.OpAndi: doAndi,
	isa.OpSlli: doSlli, isa.OpSrli: doSrli, isa.OpSrai: doSrai,
	isa.OpAdd: doAdd, isa.OpSub: doSub, isa.OpSll: doSll, isa.OpSlt: doSlt, isa.OpSltu: doSltu, isa.OpXor: doXor,
	isa.OpSrl: doSrl, isa.OpSra: doSra, isa.OpOr: doOr, isa.OpAnd: doAnd,
	isa.OpAddiw: doAddiw, isa.OpSlliw: doSlliw, isa.OpSrliw: doSrliw, isa.OpSraiw: doSraiw,
	isa.OpAddw: doAddw, isa.OpSubw: doSubw, isa.OpSllw: doSllw, isa.OpSrlw: doSrlw, isa.OpSraw: doSraw,
	isa.OpFence: doNop, isa.OpFenceI: doNop,

	isa.OpMul: doMul, isa.OpMulh: doMulh, isa.OpMulhu: doMulhu, isa.OpMulhu32: doMulhu32, isa.OpMulw: doMulw,
	isa.OpDivu: doDivu, isa.OpRemu: doRemu, isa.OpDivw: doDivw, isa.OpRemw: doRemw,

	isa.OpAddUw: doAddUw, isa.OpSh1add: doSh1add, isa.OpSh1addUw: doSh1addUw, isa.OpSh2add: doSh2add,
	isa.OpSh2addUw: doSh2addUw, isa.OpSh3add: doSh3add, isa.OpSh3addUw: doSh3addUw, isa.OpSlliUw: doSlliUw,
	isa.OpSh1add32: doSh1add32, isa.OpSh2add32: doSh2add32, isa.OpSh3add32: doSh3add32,
	isa.OpAndn: doAndn, isa.OpOrn: doOrn, isa.OpXnor: doXnor, isa.OpClz: doClz, isa.OpCtz: doCtz,
	isa.OpMin: doMin, isa.OpMinu: doMinu, isa.OpMax: doMax, isa.OpMaxu: doMaxu,
	isa.OpSextB: doSextB, isa.OpSextH: doSextH, isa.OpZextH: doZextH,
	isa.OpRori: doRori, isa.OpRoriw: doRoriw,
	isa.OpOrcB: doOrcB, isa.OpRev8: doRev8,
	isa.OpBext: doBext, isa.OpBexti: doBexti,
	isa.OpCzeroEqz: doCzeroEqz, isa.OpCzeroNez: doCzeroNez,

	isa.OpFaddD: doFaddD, isa.OpFsubD: doFsubD, isa.OpFmulD: doFmulD, isa.OpFdivD: doFdivD, isa.OpFsqrtD: doFsqrtD,
	isa.OpFmaddD: doFmaddD, isa.OpFmsubD: doFmsubD, isa.OpFnmsubD: doFnmsubD, isa.OpFnmaddD: doFnmaddD,
	isa.OpFsgnjD: doFsgnjD, isa.OpFsgnjnD: doFsgnjnD,
	isa.OpFeqD: doFeqD, isa.OpFltD: doFltD, isa.OpFleD: doFleD,
	isa.OpFaddS: doFaddS, isa.OpFsubS: doFsubS, isa.OpFmulS: doFmulS, isa.OpFdivS: doFdivS, isa.OpFsqrtS: doFsqrtS,
	isa.OpFmaddS: doFmaddS, isa.OpFmsubS: doFmsubS, isa.OpFnmsubS: doFnmsubS, isa.OpFnmaddS: doFnmaddS,
	isa.OpFsgnjS: doFsgnjS, isa.OpFsgnjnS: doFsgnjnS,
	isa.OpFeqS: doFeqS, isa.OpFltS: doFltS, isa.OpFleS: doFleS,
	isa.OpFmvXD: doFmvXD, isa.OpFmvDX: doFmvDX, isa.OpFmvXW: doFmvXW, isa.OpFmvWX: doFmvWX,
	isa.OpFcvtDW: doFcvtDW, isa.OpFcvtDWu: doFcvtDWu, isa.OpFcvtDL: doFcvtDL, isa.OpFcvtSW: doFcvtSW, isa.OpFcvtSL: doFcvtSL,
	isa.OpFcvtWD: doFcvtWD, isa.OpFcvtLD: doFcvtLD, isa.OpFcvtWS: doFcvtWS, isa.OpFcvtLS: doFcvtLS,
	isa.OpFcvtSD: doFcvtSD, isa.OpFcvtDS: doFcvtDS,
}
