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
	wFld  = 0x3007
	wFsd  = 0x3027
	wLw   = 0x2003
	wJal  = 0x6f
	wJalr = 0x67
	wBeq  = 0x63
	wCall = 0x73
	wStop = 0x7ff00073
)
