package symbols

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Call frame information (DWARF 5 §6.4, and the variant of .eh_frame in the
// Linux Standard Base): for every address, how to find the caller's registers.

// frameTable lists the unwind rules of functions, in order of address.
type frameTable []fde

// fde covers the addresses [low, high).
type fde struct {
	low, high uint64
	cie       *cie
	program   []byte
}

// cie is what several fdes have in common.
type cie struct {
	codeAlign uint64
	dataAlign int64
	returns   uint64 // the column of the return address
	pointers  byte   // how fdes encode addresses, as DW_EH_PE
	augmented bool   // fdes have augmentation data, to be skipped
	signal    bool   // the frame of a signal handler's caller
	initial   []byte
}

// cursor reads a section. Nothing needs to be checked on the way: after an attempt
// to read beyond the end, bad is set and all values are 0.
type cursor struct {
	b    []byte
	off  int
	addr uint64 // of b[0]
	bad  bool
}

// take returns the next n bytes, or nil when there are fewer.
func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b)-c.off {
		c.bad = true
		return nil
	}
	c.off += n
	return c.b[c.off-n : c.off]
}

// uint reads a little-endian number of n bytes, at most 8.
func (c *cursor) uint(n int) uint64 {
	var buf [8]byte
	copy(buf[:], c.take(n))
	return binary.LittleEndian.Uint64(buf[:])
}

// more says whether there is anything left to read.
func (c *cursor) more() bool { return !c.bad && c.off < len(c.b) }

// uleb reads a number of seven bits a byte, ten bytes at most.
func (c *cursor) uleb() (v uint64) {
	for shift := uint(0); shift < 70; shift += 7 {
		b := c.uint(1)
		v |= (b & 127) << shift
		if b < 128 {
			return v
		}
	}
	c.bad = true
	return 0
}

// sleb is uleb with a sign.
func (c *cursor) sleb() (v int64) {
	for shift := uint(0); shift < 70; shift += 7 {
		b := c.uint(1)
		v |= int64(b&127) << shift
		if b < 128 {
			if b >= 64 && shift < 57 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	c.bad = true
	return 0
}

// text reads up to a zero byte, which must come within most bytes.
func (c *cursor) text(most int) string {
	if c.bad {
		return ""
	}
	for i, b := range c.b[c.off:min(len(c.b), c.off+most+1)] {
		if b == 0 {
			return string(c.take(i + 1)[:i])
		}
	}
	c.bad = true
	return ""
}

// The encodings of addresses in .eh_frame.
const (
	peAbsolute = 0x00
	peOmit     = 0xff
	peRelative = 0x10 // to the place of the value itself
)

// pointer reads an address. Encodings that no RISC-V compiler uses are refused.
func (c *cursor) pointer(encoding byte, word int) uint64 {
	here := c.addr + uint64(c.off)
	var v uint64
	switch encoding & 15 {
	case 0:
		v = c.uint(word)
	case 1:
		v = c.uleb()
	case 2:
		v = c.uint(2)
	case 3:
		v = c.uint(4)
	case 4:
		v = c.uint(8)
	case 9:
		v = uint64(c.sleb())
	case 10:
		v = uint64(int16(c.uint(2)))
	case 11:
		v = uint64(int32(c.uint(4)))
	case 12:
		v = c.uint(8)
	default:
		c.bad = true
	}
	switch encoding & 0x70 {
	case peAbsolute:
	case peRelative:
		v += here
	default:
		c.bad = true
	}
	if word == 4 {
		v = uint64(uint32(v))
	}
	return v
}

// readFrames reads both sections; .eh_frame wins where both speak.
func (l *Lines) readFrames(f *sections) {
	for _, name := range []string{".eh_frame", ".debug_frame"} {
		p := frameParser{word: l.xlen / 8, floor: l.floor, eh: name == ".eh_frame", cies: map[int]*cie{}}
		p.b = f.data(name)
		if s := f.Section(name); s != nil {
			p.addr = s.Addr
		}
		l.frames = append(l.frames, p.parse()...)
	}
	slices.SortStableFunc(l.frames, func(x, y fde) int { return cmp.Compare(x.low, y.low) })
}

// frameParser goes through one section. A common entry is read when the first
// function refers to it, and once.
type frameParser struct {
	cursor
	word  int
	floor uint64
	eh    bool
	cies  map[int]*cie // by offset in the section
}

// parse returns all fdes that are well-formed.
func (p *frameParser) parse() (list frameTable) {
	for p.more() && len(list) < maxFrames {
		start := p.off
		body, id, idAt := p.entry()
		if body == nil {
			return list
		}
		next := p.off
		if p.isCIE(id) {
			p.cie(start)
		} else {
			at := int(id)
			if p.eh {
				at = idAt - int(id) // the distance back from the field itself
			}
			if f, ok := p.fde(body, idAt, at); ok && f.low >= p.floor {
				list = append(list, f)
			}
		}
		p.off = next
	}
	return list
}

// entry reads the length and the identity of an entry; its body follows the
// identity and has the rest. A length of 0 ends .eh_frame; a nil body ends the
// reading.
func (p *frameParser) entry() (body []byte, id uint64, idAt int) {
	size, idSize := p.uint(4), 4
	if size == 0xffffffff {
		size = p.uint(8)
		if !p.eh {
			idSize = 8
		}
	}
	if p.bad || size == 0 || size > uint64(len(p.b)-p.off) || size < uint64(idSize) {
		return nil, 0, 0
	}
	idAt = p.off
	id = p.uint(idSize)
	if !p.eh && idSize == 4 && id == 0xffffffff {
		id = ^uint64(0)
	}
	body = p.take(int(size) - idSize)
	if body == nil {
		body = []byte{}
	}
	return body, id, idAt
}

// isCIE tells the two kinds of entries apart, which the two sections number
// differently.
func (p *frameParser) isCIE(id uint64) bool {
	if p.eh {
		return id == 0
	}
	return id == ^uint64(0)
}

// cie returns the one at an offset, or nil when it is malformed.
func (p *frameParser) cie(at int) *cie {
	if c, ok := p.cies[at]; ok || at < 0 || at >= len(p.b) {
		return c
	}
	q := *p
	q.off, q.bad = at, false
	body, id, _ := q.entry()
	var c *cie
	if body != nil && q.isCIE(id) {
		r := cursor{b: body, addr: p.addr + uint64(q.off-len(body))}
		c = readCIE(&r, p.word)
	}
	p.cies[at] = c
	return c
}

// readCIE reads the body of a common entry; nil when it is malformed or of a kind
// that no compiler for this architecture writes.
func readCIE(r *cursor, word int) *cie {
	c := &cie{}
	version := r.uint(1)
	augmentation := r.text(16)
	if version == 4 {
		r.take(2) // sizes of addresses and of segment selectors
	}
	c.codeAlign, c.dataAlign = r.uleb(), r.sleb()
	if version == 1 {
		c.returns = r.uint(1)
	} else {
		c.returns = r.uleb()
	}
	if len(augmentation) > 0 {
		if augmentation[0] != 'z' {
			return nil // before DWARF 3; never on this architecture
		}
		c.augmented = true
		size := r.uleb()
		if size > uint64(len(r.b)-r.off) {
			return nil
		}
		aug := cursor{b: r.b[:r.off+int(size)], off: r.off, addr: r.addr}
		for _, letter := range augmentation[1:] {
			switch letter {
			case 'R':
				c.pointers = byte(aug.uint(1))
			case 'P':
				aug.pointer(byte(aug.uint(1)), word)
			case 'L':
				aug.uint(1)
			case 'S':
				c.signal = true
			}
		}
		r.take(int(size))
	}
	c.initial = r.b[r.off:]
	if r.bad || c.returns >= Columns {
		return nil
	}
	return c
}

// fde reads the entry of one function; false when it is malformed. The addresses
// in .eh_frame are relative to themselves.
func (p *frameParser) fde(body []byte, idAt, cieAt int) (fde, bool) {
	c := p.cie(cieAt)
	if c == nil {
		return fde{}, false
	}
	r := cursor{b: body, addr: p.addr + uint64(p.off-len(body))}
	low := r.pointer(c.pointers, p.word)
	size := r.pointer(c.pointers&15, p.word)
	if c.augmented {
		if n := r.uleb(); n <= uint64(len(body)) {
			r.take(int(n))
		} else {
			r.bad = true
		}
	}
	if r.bad || size == 0 || low+size < low {
		return fde{}, false
	}
	return fde{low, low + size, c, body[r.off:]}, true
}

// find returns the rules for pc.
func (t frameTable) find(pc uint64) *fde {
	i, _ := slices.BinarySearchFunc(t, pc, func(f fde, pc uint64) int {
		if f.low <= pc {
			return -1
		}
		return 1
	})
	for k := i - 1; k >= 0 && k >= i-8; k-- {
		if t[k].high > pc {
			return &t[k]
		}
	}
	return nil
}
