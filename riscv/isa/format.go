package isa

// Format says where an encoding keeps its operands and how they are written.
type Format uint8

// The formats. Those beginning with FmtC belong to compressed encodings.
const (
	FmtNone   Format = iota // no operands
	FmtFence                // predecessor and successor sets
	FmtHost                 // 12-bit unsigned number
	FmtU                    // rd, upper immediate
	FmtJ                    // rd, target
	FmtB                    // rs1, rs2, target
	FmtI                    // rd, rs1, immediate
	FmtLoad                 // rd, imm(rs1)
	FmtJalr                 // rd, imm(rs1)
	FmtStore                // rs2, imm(rs1)
	FmtShift                // rd, rs1, 6-bit amount
	FmtShiftW               // rd, rs1, 5-bit amount
	FmtR                    // rd, rs1, rs2
	FmtR1                   // rd, rs1
	FmtCsr                  // rd, csr, rs1
	FmtCsrI                 // rd, csr, 5-bit immediate
	FmtLr                   // rd, (rs1)
	FmtAmo                  // rd, rs2, (rs1)
	FmtFLoad                // fd, imm(rs1)
	FmtFStore               // fs2, imm(rs1)
	FmtR4                   // fd, fs1, fs2, fs3, rounding mode
	FmtFRm                  // fd, fs1, fs2, rounding mode
	FmtFRm1                 // fd, fs1, rounding mode
	FmtFR                   // fd, fs1, fs2
	FmtFCmp                 // rd, fs1, fs2
	FmtFToX                 // rd, fs1, rounding mode
	FmtXToF                 // fd, rs1, rounding mode
	FmtFX                   // rd, fs1
	FmtXF                   // fd, rs1

	// Compressed encodings: each keeps its immediate in another order of bits. Those
	// with three-bit register fields name x8 to x15.
	FmtCiw
	FmtCLw
	FmtCLd
	FmtCFld
	FmtCSw
	FmtCSd
	FmtCFsd
	FmtCNop
	FmtCi
	FmtCiNz
	FmtCLi
	FmtC16sp
	FmtCLui
	FmtCShift
	FmtCAndi
	FmtCa
	FmtCJ
	FmtCB
	FmtCSlli
	FmtCLwsp
	FmtCLdsp
	FmtCFldsp
	FmtCSwsp
	FmtCSdsp
	FmtCFsdsp
	FmtCJr
	FmtCJalr
	FmtCMv
	FmtCAdd

	// Formats of Zfa, then the compressed ones that only RV32 has.
	FmtFli // fd, number of a constant
	FmtXXF // fd, rs1, rs2
	FmtCJal
	FmtCFlw
	FmtCFsw
	FmtCFlwsp
	FmtCFswsp
)
