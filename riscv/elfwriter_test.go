package riscv

import (
	"bytes"
	"encoding/binary"
)

// Where the executables that tests write themselves have their segments.
const (
	textAt = 0x10000
	dataAt = 0x200000
)

// writeELF makes an executable of code at textAt and data at dataAt.
func writeELF(code []uint32, data []byte) []byte {
	var text []byte
	for _, w := range code {
		if w&3 == 3 {
			text = binary.LittleEndian.AppendUint32(text, w)
		} else {
			text = binary.LittleEndian.AppendUint16(text, uint16(w))
		}
	}
	return writeSegments(text, data)
}

func writeSegments(text, data []byte) []byte {
	type phdr struct {
		Type, Flags                             uint32
		Off, Vaddr, Paddr, Filesz, Memsz, Align uint64
	}
	var b bytes.Buffer
	textOff, dataOff := uint64(4096), uint64(4096+(len(text)+4095)&^4095)
	put := func(v any) {
		// Writing fixed-size values to a buffer cannot fail.
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("\x7fELF\x02\x01\x01")
	b.Write(make([]byte, 9))
	put([]uint16{2, 243})
	put(uint32(1))
	put([]uint64{textAt, 64, 0})
	put(uint32(5))
	put([]uint16{64, 56, 2, 64, 0, 0})
	put(phdr{1, 5, textOff, textAt, textAt, uint64(len(text)), uint64(len(text)), 4096})
	put(phdr{1, 6, dataOff, dataAt, dataAt, uint64(len(data)), uint64(len(data)), 4096})
	b.Write(make([]byte, int(textOff)-b.Len()))
	b.Write(text)
	b.Write(make([]byte, int(dataOff)-b.Len()))
	b.Write(data)
	return b.Bytes()
}

// A little assembler: enough for tests that need exact words.

func encI(match, rd, rs1 uint32, imm int32) uint32 {
	return match | rd<<7 | rs1<<15 | uint32(imm)<<20
}

func encS(match, rs1, rs2 uint32, imm int32) uint32 {
	u := uint32(imm)
	return match | rs1<<15 | rs2<<20 | u>>5<<25 | u&31<<7
}

func encB(match, rs1, rs2 uint32, imm int32) uint32 {
	u := uint32(imm)
	return match | rs1<<15 | rs2<<20 | u>>12&1<<31 | u>>5&63<<25 | u>>1&15<<8 | u>>11&1<<7
}

const (
	wLui  = 0x37
	wAddi = 0x13
	wLd   = 0x3003
	wSd   = 0x3023
	wFlw  = 0x2007
	wFld  = 0x3007
	wFsd  = 0x3027
	wLw   = 0x2003
	wJal  = 0x6f
	wJalr = 0x67
	wBeq  = 0x63
	wCall = 0x73
	wStop = 0x7ff00073

	wEbreak  = 0x00100073
	wNop     = wAddi
	wThinNop = 1
	wAuipc   = 0x17
	wSw      = 0x2023
	wAndi    = 0x7013
	wSlli    = 0x1013
	wAdd     = 0x33
)

func encJ(rd uint32, imm int32) uint32 {
	u := uint32(imm)
	return wJal | rd<<7 | u>>20&1<<31 | u>>1&0x3ff<<21 | u>>11&1<<20 | u>>12&0xff<<12
}

func encU(match, rd, imm uint32) uint32 { return match | rd<<7 | imm&^0xfff }

func encR(match, rd, rs1, rs2 uint32) uint32 { return match | rd<<7 | rs1<<15 | rs2<<20 }

// part is a segment of an executable that writeImage makes; flags are those of
// ELF.
type part struct {
	addr  uint64
	flags uint32
	bytes []byte
}

// writeImage makes an executable of either class.
func writeImage(xlen int, entry uint64, parts ...part) []byte {
	le := binary.LittleEndian
	header, ph := 64, 56
	if xlen == 32 {
		header, ph = 52, 32
	}
	b := []byte{0x7f, 'E', 'L', 'F', byte(xlen / 32), 1, 1, 15: 0}
	word := func(v uint64) {
		if xlen == 32 {
			b = le.AppendUint32(b, uint32(v))
		} else {
			b = le.AppendUint64(b, v)
		}
	}
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 243)
	b = le.AppendUint32(b, 1)
	word(entry)
	word(uint64(header))
	word(0)
	b = le.AppendUint32(b, 5)
	for _, v := range []int{header, ph, len(parts), 0, 0, 0} {
		b = le.AppendUint16(b, uint16(v))
	}
	off := (header + ph*len(parts) + 15) &^ 15
	for _, p := range parts {
		b = le.AppendUint32(b, 1)
		if xlen == 64 {
			b = le.AppendUint32(b, p.flags)
		}
		for _, v := range []uint64{uint64(off), p.addr, p.addr, uint64(len(p.bytes)), uint64(len(p.bytes))} {
			word(v)
		}
		if xlen == 32 {
			b = le.AppendUint32(b, p.flags)
		}
		word(16)
		off += (len(p.bytes) + 15) &^ 15
	}
	for _, p := range parts {
		b = append(b, make([]byte, (len(b)+15)&^15-len(b))...)
		b = append(b, p.bytes...)
	}
	return b
}
