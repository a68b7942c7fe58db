package symbols

import (
	"debug/elf"
	"encoding/binary"
	"errors"
)

// The standard library's readers are made for files that compilers wrote: what a
// few bytes refer to is copied as often as they do. Here is what a file must be
// like before they get it.

// Bounds of what is handed to them.
const (
	maxHeadings   = 1 << 16 // bytes of the names of sections
	maxSections   = 4096
	maxUnits      = 1 << 16
	maxAttributes = 64 // of one abbreviation; compilers use a dozen
	maxString     = 4096
	maxTotal      = 192 << 20 // bytes of all sections, decompressed
	maxSwelling   = 16        // by which a section may grow when it is decompressed
	maxRanges     = 8 << 20   // bytes of a section of ranges
)

// headings checks the sections' headers: few, with few names. A file without any
// is fine, and false.
func headings(file []byte) (some bool, err error) {
	le := binary.LittleEndian
	if len(file) < 64 {
		return false, errors.New("read symbols: not an ELF file")
	}
	at, n, last, size := le.Uint64(file[40:]), le.Uint16(file[60:]), le.Uint16(file[62:]), uint64(64)
	if file[elf.EI_CLASS] == byte(elf.ELFCLASS32) {
		at, n, last, size = uint64(le.Uint32(file[32:])), le.Uint16(file[48:]), le.Uint16(file[50:]), 40
	}
	if n == 0 {
		return false, nil
	}
	if n > maxSections || last >= n || at > uint64(len(file)) || uint64(n)*size > uint64(len(file))-at {
		return false, errors.New("read symbols: malformed section headers")
	}
	h := file[at+uint64(last)*size:]
	flags, length := le.Uint64(h[8:]), le.Uint64(h[32:])
	if size == 40 {
		flags, length = uint64(le.Uint32(h[8:])), uint64(le.Uint32(h[20:]))
	}
	if length > maxHeadings || elf.SectionFlag(flags)&elf.SHF_COMPRESSED != 0 {
		return false, errors.New("read symbols: malformed names of sections")
	}
	return true, nil
}

// plain says whether the units and their abbreviations are like a compiler's: in
// sum not read more often than they are long, with few attributes each.
func plain(info, abbrev []byte) bool {
	c := cursor{b: info}
	tables, work := map[uint64]bool{}, 4*len(abbrev)+maxHeadings
	for units := 0; c.more(); units++ {
		size, offset := c.uint(4), 4
		if size == 0xffffffff {
			size, offset = c.uint(8), 8
		}
		if c.bad || size > uint64(len(c.b)-c.off) || units == maxUnits {
			return false
		}
		u := cursor{b: c.take(int(size))}
		if version := u.uint(2); version >= 5 {
			u.take(2) // kind of the unit, size of addresses
		}
		at := u.uint(offset)
		if u.bad || at > uint64(len(abbrev)) {
			return false
		}
		if tables[at] {
			continue
		}
		tables[at] = true
		t := cursor{b: abbrev, off: int(at)}
		if !abbreviations(&t) {
			return false
		}
		if work -= t.off - int(at); work < 0 {
			return false
		}
	}
	return !c.bad
}

// formImplicit is the form whose value stands in the abbreviation.
const formImplicit = 0x21

// abbreviations passes over one table of them.
func abbreviations(c *cursor) bool {
	for c.uleb() != 0 {
		c.uleb() // tag
		c.uint(1)
		for n := 0; ; n++ {
			name, form := c.uleb(), c.uleb()
			if name == 0 && form == 0 {
				break
			}
			if form == formImplicit {
				c.sleb()
			}
			if c.bad || n == maxAttributes {
				return false
			}
		}
	}
	return !c.bad
}

// cut ends strings that are too long: b is a section of them, and is changed.
func cut(b []byte) []byte {
	run := 0
	for i := range b {
		if run++; b[i] == 0 {
			run = 0
		} else if run > maxString {
			b[i], run = 0, 0
		}
	}
	return b
}
