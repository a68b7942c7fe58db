package elf

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builder writes the fields of a file of one class.
type builder struct {
	*class
	b []byte
}

func (w builder) half(off int, v uint16) { binary.LittleEndian.PutUint16(w.b[off:], v) }
func (w builder) word(off int, v uint32) { binary.LittleEndian.PutUint32(w.b[off:], v) }

// addr writes a field of the width of an address.
func (w builder) addr(off int, v uint64) {
	if w.xlen == 32 {
		w.word(off, uint32(v))
	} else {
		binary.LittleEndian.PutUint64(w.b[off:], v)
	}
}

func (w builder) segment(i int, kind, flags uint32, off, addr, file, mem uint64) {
	p := w.size + w.phent*i
	w.word(p, kind)
	w.word(p+w.pFlags, flags)
	w.addr(p+w.pOffset, off)
	w.addr(p+w.pVaddr, addr)
	w.addr(p+w.pFilesz, file)
	w.addr(p+w.pMemsz, mem)
}

func (w builder) symbol(off int, name uint32, kind byte, section uint16, addr, size uint64) {
	w.word(off, name)
	w.b[off+w.symInfo] = kind
	w.half(off+w.symSection, section)
	w.addr(off+w.symValue, addr)
	w.addr(off+w.symSize, size)
}

const sectionsAt = 0x340

func (w builder) section(i int, kind uint32, off, size uint64, link uint32) {
	s := sectionsAt + w.shent*i
	w.word(s+4, kind)
	w.addr(s+w.sOffset, off)
	w.addr(s+w.sSize, size)
	w.word(s+w.sLink, link)
}

// build makes a good executable: code at 0x10000 (with the program headers), data
// with a larger memory size at 0x20200, and a symbol table.
func build(c *class) builder {
	w := builder{c, make([]byte, sectionsAt+3*c.shent)}
	copy(w.b, "\x7fELF")
	w.b[4], w.b[5], w.b[6] = byte(c.xlen/32), 1, 1
	w.half(16, 2)
	w.half(18, 243)
	w.word(20, 1)
	w.addr(c.entry, 0x10100)
	w.addr(c.phoff, uint64(c.size))
	w.addr(c.shoff, sectionsAt)
	w.word(c.flags, 5)
	w.half(c.phentsize, uint16(c.phent))
	w.half(c.phnum, 2)
	w.half(c.shentsize, uint16(c.shent))
	w.half(c.shnum, 3)
	w.segment(0, 1, Read|Exec, 0, 0x10000, 0x200, 0x200)
	w.segment(1, 1, Read|Write, 0x200, 0x20200, 0x40, 0x1000)
	w.symbol(0x280, 1, 2, 1, 0x10100, 8)
	w.symbol(0x280+c.sym, 6, 1, 2, 0x20200, 0)
	w.symbol(0x280+2*c.sym, 6, 3, 2, 0x20200, 0) // a section: left out
	copy(w.b[0x300:], "\x00main\x00table\x00")
	w.section(1, 2, 0x280, uint64(3*c.sym), 2)
	w.section(2, 3, 0x300, 16, 0)
	return w
}

func sample() []byte { return build(class64).b }

func TestParse(t *testing.T) {
	for _, c := range []*class{class64, class32} {
		for _, bias := range []uint64{0, PIEBase} {
			w := build(c)
			if bias != 0 {
				w.half(16, typeDyn)
			}
			f, err := Parse(w.b)
			if err != nil {
				t.Fatal(err)
			}
			if f.XLEN != c.xlen || f.Bias != bias || f.Entry != 0x10100+bias || f.Phdr != 0x10000+uint64(c.size)+bias || f.PhNum != 2 || f.PhEnt != c.phent || f.End != 0x21200+bias {
				t.Errorf("header: %+v", f)
			}
			want := []Symbol{{Name: "main", Addr: 0x10100 + bias, Size: 8, Func: true, Section: 1}, {Name: "table", Addr: 0x20200 + bias, Object: true, Section: 2}}
			if diff := cmp.Diff(want, f.Symbols); diff != "" {
				t.Errorf("symbols (-want +got):\n%s", diff)
			}
			if len(f.Segments) != 2 || len(f.Segments[1].Data) != 0x40 || f.Segments[1].Size != 0x1000 {
				t.Errorf("segments: %+v", f.Segments)
			}
		}
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
		return func(b []byte) []byte { builder{class64, b}.segment(i, kind, flags, off, addr, file, mem); return b }
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
		{"shared library", func(b []byte) []byte { return u64(24, 0)(u16(16, 3)(b)) }, "bad entry address 0x100000"},
		{"dynamic executable", func(b []byte) []byte { return seg(1, 3, 4, 0x200, 0x20200, 0x40, 0x40)(u16(16, 3)(b)) }, "dynamically linked"},
		{"position-independent overflow", func(b []byte) []byte { return u16(16, 3)(seg(1, 1, 6, 0x200, ^uint64(0)-1<<20, 0x40, 0x40)(b)) }, "out of reach"},
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
		{"too much code", func(b []byte) []byte {
			b = append(b, make([]byte, MaxCode)...)
			return seg(0, 1, 5, 0, 0x10000, MaxCode+1, MaxCode+1)(seg(1, 4, 0, 0, 0, 0, 0)(b))
		}, "33554433 bytes of code: at most 33554432"},
		{"too much code in two segments", func(b []byte) []byte {
			b = append(b, make([]byte, MaxCode)...)
			return seg(0, 1, 5, 0, 0x10000, MaxCode, MaxCode)(seg(1, 1, 5, 0, 0x10000+MaxCode, 0x10, 0x10)(b))
		}, "33554448 bytes of code: at most 33554432"},
		{"shared bytes", func(b []byte) []byte {
			b = append(b, make([]byte, 2<<20)...)
			return seg(0, 1, 5, 0, 0x10000, 2<<20, 2<<20)(seg(1, 1, 5, 0, 0x10000+2<<20, 2<<20, 2<<20)(b))
		}, "segments share bytes: 4194304 of a file of 2098"},
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

// TestMalformed32 tries what is particular to 32-bit files.
func TestMalformed32(t *testing.T) {
	tests := []struct {
		name string
		edit func(builder) []byte
		want string
	}{
		{"header cut", func(w builder) []byte { return w.b[:51] }, "truncated ELF header: 51 of 52 bytes"},
		{"said to be 64-bit", func(w builder) []byte { w.b[4] = 2; return w.b }, "no segments"},
		{"RVE", func(w builder) []byte { w.word(w.flags, 8); return w.b }, "RVE"},
		{"program header size", func(w builder) []byte { w.half(w.phentsize, 56); return w.b }, "bad program header size 56: want 32"},
		{"program headers outside", func(w builder) []byte { w.addr(w.phoff, 1<<32-1); return w.b }, "truncated program headers"},
		{"segment wraps", func(w builder) []byte { w.segment(1, 1, 6, 0x200, 1<<32-16, 0x20, 0x20); return w.b }, "address 0xfffffff0 is out of reach"},
		{"segment of 4 GiB", func(w builder) []byte { w.segment(1, 1, 6, 0x200, 0x20200, 0x20, 1<<32-1); return w.b }, "out of reach"},
		{"segment beyond the file", func(w builder) []byte { w.segment(1, 1, 6, 1<<32-1, 0x20200, 0x20, 0x20); return w.b }, "segment 1: truncated"},
		{"entry in data", func(w builder) []byte { w.addr(w.entry, 0x20200); return w.b }, "bad entry address 0x20200"},
		{"section header size", func(w builder) []byte { w.half(w.shentsize, 64); return w.b }, "bad section header size"},
		{"symbols outside", func(w builder) []byte { w.section(1, 2, 1<<31, 48, 2); return w.b }, "truncated symbol table"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(tt.edit(build(class32)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parsed as %v, error %v, want %q", f, err, tt.want)
			}
		})
	}
}

// TestRelocate gives a file one relative relocation, at 0x20210, in a table that
// lies in the data segment.
func TestRelocate(t *testing.T) {
	for _, c := range []*class{class64, class32} {
		n := c.xlen / 8
		file := func(kind, where uint64) []byte {
			w := build(c)
			w.half(16, typeDyn)
			w.half(c.phnum, 3)
			w.segment(0, 1, Read|Exec, 0, 0x10000, 0x200, 0x200)
			w.segment(1, 1, Read|Write, 0x200, 0x20200, 0xc0, 0x1000)
			w.segment(2, segDynamic, Read|Write, 0x220, 0x20220, uint64(6*n), 0)
			for i, v := range []uint64{dynRela, 0x20250, dynRelaSz, uint64(3 * n), 0, 0} {
				w.addr(0x220+i*n, v)
			}
			for i, v := range []uint64{where, kind, 0x1234} {
				w.addr(0x250+i*n, v)
			}
			w.section(1, 0, 0, 0, 0)
			return w.b
		}
		b := file(relRelative, 0x20210)
		f, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := (view{b, c}).addr(f.Segments[1].Data, 0x10); got != 0x1234+PIEBase {
			t.Errorf("relocated to %#x", got)
		}
		if (view{b, c}).addr(b, 0x210) != 0 {
			t.Error("the file was changed")
		}
		for want, bad := range map[string][]byte{"relocation of type 2": file(2, 0x20210), "relocation at 0x112345678": file(relRelative, 0x112345678-PIEBase)} {
			if c == class32 {
				want = strings.Replace(want, "0x112345678", "0x12345678", 1)
			}
			if _, err := Parse(bad); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
}

// TestCut parses every beginning of a good file: an error, or the same segments
// without symbols.
func TestCut(t *testing.T) {
	for _, c := range []*class{class64, class32} {
		whole := build(c).b
		for n := range whole {
			if f, err := Parse(whole[:n]); err == nil {
				t.Errorf("%d of %d bytes parsed as %+v", n, len(whole), f)
			}
		}
	}
}

func FuzzELF(f *testing.F) {
	good := sample()
	f.Add(good)
	f.Add(build(class32).b)
	f.Add(good[:0x280])
	f.Add(good[:100])
	for _, c := range []*class{class64, class32} {
		for i := range c.size {
			b := build(c).b
			b[i] ^= 0x81
			f.Add(b)
		}
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
