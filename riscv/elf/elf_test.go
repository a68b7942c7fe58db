package elf

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a good executable: code at 0x10000 (with the program headers),
// data with a larger memory size at 0x20000, and a symbol table.
func sample() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x400)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 243)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], 0x10100) // entry
	le.PutUint64(b[32:], 64)      // program headers
	le.PutUint64(b[40:], 0x340)   // section headers
	le.PutUint32(b[48:], 5)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 2)
	le.PutUint16(b[58:], 64)
	le.PutUint16(b[60:], 3)
	segmentAt(b, 0, 1, Read|Exec, 0, 0x10000, 0x200, 0x200)
	segmentAt(b, 1, 1, Read|Write, 0x200, 0x20200, 0x40, 0x1000)
	symbolAt(b, 0x280, 1, 2, 1, 0x10100, 8)
	symbolAt(b, 0x298, 6, 1, 2, 0x20200, 0)
	symbolAt(b, 0x2b0, 6, 3, 2, 0x20200, 0) // a section: left out
	copy(b[0x300:], "\x00main\x00table\x00")
	b = b[:0x400]
	sections := append(b[:0x340:0x340], make([]byte, 3*64)...)
	sectionAt(sections[0x340:], 1, 2, 0x280, 3*24, 2)
	sectionAt(sections[0x340:], 2, 3, 0x300, 16, 0)
	return sections
}

func segmentAt(b []byte, i int, kind, flags uint32, off, addr, file, mem uint64) {
	le := binary.LittleEndian
	p := b[64+56*i:]
	le.PutUint32(p, kind)
	le.PutUint32(p[4:], flags)
	le.PutUint64(p[8:], off)
	le.PutUint64(p[16:], addr)
	le.PutUint64(p[32:], file)
	le.PutUint64(p[40:], mem)
}

func symbolAt(b []byte, off int, name uint32, kind byte, section uint16, addr, size uint64) {
	le := binary.LittleEndian
	le.PutUint32(b[off:], name)
	b[off+4] = kind
	le.PutUint16(b[off+6:], section)
	le.PutUint64(b[off+8:], addr)
	le.PutUint64(b[off+16:], size)
}

func sectionAt(b []byte, i int, kind uint32, off, size uint64, link uint32) {
	le := binary.LittleEndian
	s := b[64*i:]
	le.PutUint32(s[4:], kind)
	le.PutUint64(s[24:], off)
	le.PutUint64(s[32:], size)
	le.PutUint32(s[40:], link)
}

func TestParse(t *testing.T) {
	f, err := Parse(sample())
	if err != nil {
		t.Fatal(err)
	}
	if f.Entry != 0x10100 || f.Phdr != 0x10040 || f.PhNum != 2 || f.PhEnt != 56 || f.End != 0x21200 {
		t.Errorf("header: %+v", f)
	}
	want := []Symbol{{"main", 0x10100, 8, true}, {"table", 0x20200, 0, false}}
	if diff := cmp.Diff(want, f.Symbols); diff != "" {
		t.Errorf("symbols (-want +got):\n%s", diff)
	}
	if len(f.Segments) != 2 || len(f.Segments[1].Data) != 0x40 || f.Segments[1].Size != 0x1000 {
		t.Errorf("segments: %+v", f.Segments)
	}
}

func TestWithoutSections(t *testing.T) {
	b := sample()
	clear(b[40:48])
	binary.LittleEndian.PutUint16(b[60:], 0)
	if f, err := Parse(b[:0x280]); err != nil || f.Symbols != nil {
		t.Errorf("stripped of sections: %v, %v", f, err)
	}
}

func TestMalformed(t *testing.T) {
	le := binary.LittleEndian
	u16 := func(off int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { le.PutUint16(b[off:], v); return b }
	}
	u64 := func(off int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { le.PutUint64(b[off:], v); return b }
	}
	u8 := func(off int, v byte) func([]byte) []byte {
		return func(b []byte) []byte { b[off] = v; return b }
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	seg := func(i int, kind, flags uint32, off, addr, file, mem uint64) func([]byte) []byte {
		return func(b []byte) []byte { segmentAt(b, i, kind, flags, off, addr, file, mem); return b }
	}
	tests := []struct {
		name string
		edit func([]byte) []byte
		want string // part of the error
	}{
		{"empty", cut(0), "bad ELF magic"},
		{"three bytes", cut(3), "bad ELF magic"},
		{"a script", func([]byte) []byte {
			return []byte("#!/bin/sh\necho hello, this is long enough for a header of ELF, isn't it\n")
		}, "bad ELF magic"},
		{"header cut", cut(63), "truncated ELF header: 63 of 64 bytes"},
		{"class", u8(4, 3), "bad ELF class 3: want 1 or 2"},
		{"64-bit as 32-bit", u8(4, 1), "no segments"},
		{"big endian", u8(5, 2), "bad ELF byte order 2"},
		{"version", u8(6, 9), "bad ELF version 9"},
		{"x86-64", u16(18, 62), "bad ELF machine 62: want 243"},
		{"arm64", u16(18, 183), "bad ELF machine 183"},
		{"object file", u16(16, 1), "bad ELF type 1"},
		{"position-independent", u16(16, 3), "link with -static -no-pie"},
		{"core", u16(16, 4), "bad ELF type 4"},
		{"RVE", u8(48, 8), "RVE"},
		{"no program headers", u16(56, 0), "no segments"},
		{"many program headers", u16(56, 65), "too many program headers: 65"},
		{"odd program header size", u16(54, 32), "bad program header size 32"},
		{"program headers outside", u64(32, 1<<40), "truncated program headers"},
		{"program headers overflow", u64(32, ^uint64(0)), "truncated program headers"},
		{"no loadable segment", func(b []byte) []byte { return seg(1, 4, 0, 0, 0, 0, 0)(seg(0, 4, 0, 0, 0, 0, 0)(b)) }, "no segments"},
		{"only empty segments", func(b []byte) []byte { return seg(1, 1, 4, 0, 0, 0, 0)(seg(0, 1, 5, 0, 0, 0, 0)(b)) }, "no segments"},
		{"segment beyond the file", seg(1, 1, 6, 0x200, 0x20200, 0x4000, 0x4000), "segment 1: truncated"},
		{"segment offset overflow", seg(1, 1, 6, ^uint64(0), 0x20200, 16, 16), "segment 1: truncated"},
		{"file cut", cut(0x220), "segment 1: truncated"},
		{"smaller in memory", seg(1, 1, 6, 0x200, 0x20200, 0x40, 0x20), "64 bytes in the file, 32 in memory"},
		{"writable and executable", seg(0, 1, 7, 0, 0x10000, 0x200, 0x200), "segment 0: writable and executable"},
		{"address out of reach", seg(1, 1, 6, 0x200, 1<<60, 0x40, 0x40), "out of reach"},
		{"address overflow", seg(1, 1, 6, 0x200, ^uint64(0), 0x40, 0x40), "out of reach"},
		{"size overflow", seg(1, 1, 6, 0x200, 0x20200, 0x40, ^uint64(0)), "out of reach"},
		{"in the guard page", seg(1, 1, 6, 0x200, 0xfff, 0x40, 0x40), "guard page"},
		{"odd code address", seg(0, 1, 5, 0, 0x10001, 0x200, 0x200), "odd address"},
		{"overlapping", seg(1, 1, 6, 0x200, 0x101ff, 0x40, 0x40), "overlapping segments at 0x101ff"},
		{"overlapping in memory only", seg(1, 1, 4, 0x200, 0xf000, 0x40, 0x1001), "overlapping segments at 0x10000"},
		{"page writable and executable", seg(1, 1, 6, 0x200, 0x10200, 0x40, 0x40), "page 0x10000 would be writable and executable"},
		{"entry in data", u64(24, 0x20200), "bad entry address 0x20200"},
		{"entry nowhere", u64(24, 0), "bad entry address 0x0"},
		{"entry odd", u64(24, 0x10101), "bad entry address 0x10101"},
		{"interpreter", seg(1, 3, 4, 0x200, 0x20200, 0x40, 0x40), "dynamically linked"},
		{"headers elsewhere", seg(1, 6, 4, 0x40, 0x30000, 112, 112), "not loaded at 0x30000"},
		{"section headers outside", u64(40, 1<<30), "truncated section headers"},
		{"section header size", u16(58, 40), "bad section header size"},
		{"too many sections", u16(60, 5000), "bad section header size or count"},
		{"symbols outside", u64(0x340+64+24, 1<<40), "truncated symbol table"},
		{"symbol link outside", u64(0x340+64+40, 9), "truncated symbol table"},
		{"names outside", u64(0x340+128+32, 1<<40), "truncated symbol names"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.edit(sample()))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parsed as %v, error %v, want %q", f, err, tt.want)
			}
		})
	}
}

func FuzzELF(f *testing.F) {
	good := sample()
	f.Add(good)
	f.Add(good[:0x280])
	f.Add(good[:100])
	for i := range 64 {
		b := sample()
		b[i] ^= 0x81
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			return
		}
		last := uint64(pageSize)
		for _, s := range e.Segments {
			if s.Addr < last || s.Size == 0 || uint64(len(s.Data)) > s.Size || s.Flags&(Write|Exec) == Write|Exec {
				t.Fatalf("accepted segment %+v after %#x", s, last)
			}
			last = s.Addr + s.Size
		}
		if last != e.End || e.End > maxAddress {
			t.Fatalf("end %#x, last segment ends at %#x", e.End, last)
		}
	})
}
