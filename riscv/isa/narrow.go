package isa

// narrow turns what the rows say of RV64 into what RV32 does.
func (in *Inst) narrow() {
	switch table[in.Row].Format {
	case FmtShift, FmtCShift, FmtCSlli:
		// The sixth bit of an amount is reserved, in both lengths of encoding.
		if in.Op != OpIllegal && in.Imm > 31 {
			*in = Inst{Len: in.Len}
			return
		}
	}
	switch {
	case in.Op.IsVector():
		return // their scalar operands are sign-extended, which is right for any width of elements
	case in.Op == OpAddi && (in.Rs1 == 0 || in.Imm == 0), in.Op == OpAdd && (in.Rs1 == 0 || in.Rs2 == 0):
		return // constants and moves are right as they are
	}
	if op := twins[in.Op]; op != OpIllegal {
		in.Op = op
	}
}

// twins gives, for operations that are not the same in both widths, the one that
// does on sign-extended registers what RV32 asks. Comparisons, logic and what is
// smaller than 32 bits are the same.
var twins = [OpCount]Op{
	OpAuipc: OpAuipc32, OpJal: OpJal32, OpJalr: OpJalr32,
	OpLb: OpLb32, OpLh: OpLh32, OpLw: OpLw32, OpLbu: OpLbu32, OpLhu: OpLhu32,
	OpSb: OpSb32, OpSh: OpSh32, OpSw: OpSw32,
	OpFlw: OpFlw32, OpFsw: OpFsw32, OpFld: OpFld32, OpFsd: OpFsd32,
	OpAddi: OpAddiw, OpSlli: OpSlliw, OpSrli: OpSrliw, OpSrai: OpSraiw,
	OpAdd: OpAddw, OpSub: OpSubw, OpSll: OpSllw, OpSrl: OpSrlw, OpSra: OpSraw,
	OpMul: OpMulw, OpMulh: OpMulh32, OpMulhsu: OpMulhsu32, OpMulhu: OpMulhu32,
	OpDiv: OpDivw, OpDivu: OpDivuw, OpRem: OpRemw, OpRemu: OpRemuw,
	OpLrW: OpLrW32, OpScW: OpScW32, OpAmoswapW: OpAmoswapW32, OpAmoaddW: OpAmoaddW32,
	OpAmoxorW: OpAmoxorW32, OpAmoandW: OpAmoandW32, OpAmoorW: OpAmoorW32, OpAmominW: OpAmominW32,
	OpAmomaxW: OpAmomaxW32, OpAmominuW: OpAmominuW32, OpAmomaxuW: OpAmomaxuW32,
	OpSh1add: OpSh1add32, OpSh2add: OpSh2add32, OpSh3add: OpSh3add32,
	OpClz: OpClzw, OpCtz: OpCtzw, OpCpop: OpCpopw,
	OpRol: OpRolw, OpRor: OpRorw, OpRori: OpRoriw, OpOrcB: OpOrcB32,
	OpClmul: OpClmul32, OpClmulr: OpClmulr32, OpClmulh: OpClmulh32,
	OpBclr: OpBclr32, OpBclri: OpBclri32, OpBext: OpBext32,
	OpBinv: OpBinv32, OpBinvi: OpBinvi32, OpBset: OpBset32, OpBseti: OpBseti32,
}
