package vector

import (
	"encoding/binary"
	"testing"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// FuzzExecute has any vector instructions work on any registers: they execute or
// trap, and never touch what is not theirs.
func FuzzExecute(f *testing.F) {
	for i, r := range isa.Table() {
		if r.Op.IsVector() {
			b := binary.LittleEndian.AppendUint32([]byte{byte(i), byte(i >> 3)}, r.Match|0x0210_0400&^r.Mask)
			f.Add(append(b, b...))
		}
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) < 2 {
			return
		}
		mem, err := memory.New(16<<12, 8<<12)
		if err != nil {
			t.Fatal(err)
		}
		defer mem.Close()
		s := New()
		h := Hart{X: new([32]uint64), F: new([32]uint64), Mem: mem, RV32: code[0]&1 != 0, FRM: code[0] >> 1 & 7}
		for i := range h.X {
			h.X[i] = uint64(i) * 0x777
		}
		h.X[0], h.X[31], h.X[30] = 0, ^uint64(6), 1<<63
		s.configure(uint64(code[1]&0x3f), uint64(code[1])*3)
		for i := range s.bytes() {
			s.bytes()[i] = byte(i * int(code[0]))
		}
		for code = code[2:]; len(code) >= 4; code = code[4:] {
			w := binary.LittleEndian.Uint32(code)
			d := isa.Decode(w)
			if !d.Op.IsVector() {
				s.WriteCSR(w>>20&0xf, uint64(w))
				continue
			}
			s.Execute(&Inst{Op: d.Op, Rd: d.Rd, Rs1: d.Rs1, Rs2: d.Rs2, Minor: d.RM, Fields: d.Rs3 >> 1, Unmasked: d.Rs3&1 != 0, Imm: int32(d.Imm)}, &h)
			if h.X[0] != 0 || s.VType>>63 == 0 && s.VL > 128 {
				t.Fatalf("%s: x0 = %d, vl %d", isa.Disasm(w, 0), h.X[0], s.VL)
			}
		}
	})
}
