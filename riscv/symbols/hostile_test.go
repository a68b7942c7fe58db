package symbols

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
)

// section is one of a file that assemble makes.
type section struct {
	name    string
	body    []byte
	swollen int // zlib makes as many bytes of it; 0: it is not compressed
}

// assemble makes a file of sections and a text for addresses.
func assemble(list ...section) []byte {
	le := binary.LittleEndian
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 243)
	le.PutUint32(b[20:], 1)
	le.PutUint16(b[52:], 64)
	heads, names := make([]byte, 64), []byte{0}
	head := func(name string, kind uint32, flags uint64, body []byte) {
		h := make([]byte, 64)
		le.PutUint32(h, uint32(len(names)))
		le.PutUint32(h[4:], kind)
		le.PutUint64(h[8:], flags)
		le.PutUint64(h[24:], uint64(len(b)))
		le.PutUint64(h[32:], uint64(len(body)))
		heads, names, b = append(heads, h...), append(names, name+"\x00"...), append(b, body...)
	}
	for _, s := range list {
		flags, body := uint64(0), s.body
		if s.swollen > 0 {
			var z bytes.Buffer
			z.Write(le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 1), uint64(s.swollen)), 1))
			w := zlib.NewWriter(&z)
			_, _ = w.Write(s.body)
			_ = w.Close()
			flags, body = 1<<11, z.Bytes()
		}
		head(s.name, 1, flags, body)
	}
	names = append(names, ".shstrtab\x00"...)
	n := len(heads) / 64
	at := len(names) - len(".shstrtab") - 1
	head("", 3, 0, append([]byte(nil), names...))
	le.PutUint32(heads[n*64:], uint32(at))
	le.PutUint64(b[40:], uint64(len(b)))
	le.PutUint16(b[58:], 64)
	le.PutUint16(b[60:], uint16(n+1))
	le.PutUint16(b[62:], uint16(n))
	return append(b, heads...)
}

// abbrevs has a unit (1) and functions without (2) and with code (3), which take a
// byte of .debug_info each.
var abbrevs = []byte{
	1, 0x11, 1, 0x10, 0x17, 0x1b, 0x08, 0, 0,
	2, 0x2e, 0, 0, 0,
	3, 0x2e, 0, 0x11, 0x21, 0x80, 0x80, 0x04, 0x12, 0x21, 16, 0, 0,
	4, 0x2e, 0, 0x03, 0x0e, 0, 0,
	0,
}

// unitOf makes a unit, DWARF 5, whose line table is at 0.
func unitOf(entries []byte) []byte {
	le := binary.LittleEndian
	body := append([]byte{5, 0, 1, 8, 0, 0, 0, 0, 1, 0, 0, 0, 0, '/', 's', 0}, entries...)
	return append(le.AppendUint32(nil, uint32(len(body)+1)), append(body, 0)...)
}

// linesOf makes a line table with lists, which stand behind the opcodes' lengths.
func linesOf(version byte, lists, program []byte) []byte {
	le := binary.LittleEndian
	rest := append([]byte{1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}, lists...)
	head := []byte{version, 0}
	if version == 5 {
		head = append(head, 8, 0)
	}
	body := append(append(le.AppendUint32(head, uint32(len(rest))), rest...), program...)
	return append(le.AppendUint32(nil, uint32(len(body))), body...)
}

// TestHostileFiles reads small files that say much. The bound is on what is
// allocated in all, of which most is given back.
func TestHostileFiles(t *testing.T) {
	address := []byte{0, 9, 2, 0, 0, 1, 0, 0, 0, 0, 0}
	fill := func(n int, b ...byte) []byte { return bytes.Repeat(b, n) }
	old := []byte{0, 'a', '.', 'c', 0, 0, 0, 0, 0}
	files := map[string][]byte{
		"functions": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(fill(20<<20, 2))}),
		"scopes":    assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(fill(20<<20, 3))}),
		"names": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(fill(1<<20, 4, 0, 0, 0, 0))},
			section{name: ".debug_str", body: append(fill(8<<20, 'a'), 0)}),
		"swollen": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(fill(64<<20, 2)), swollen: 64<<20 + 22}),
		"rows": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(nil)},
			section{name: ".debug_line", body: linesOf(4, old, append(address, fill(20<<20, 0x20)...))}),
		"directories": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(nil)},
			section{name: ".debug_line", body: linesOf(5, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, nil)}),
		"files by reference": assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(nil)},
			section{name: ".debug_line", body: linesOf(5, append([]byte{0, 0, 1, 1, 0x1f, 0xff, 0xff, 0x3f}, fill(1<<20, 0, 0, 0, 0)...), nil)},
			section{name: ".debug_line_str", body: append(fill(1<<20, 'a'), 0)}),
		"frames": assemble(section{name: ".debug_frame", body: append([]byte{12, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 3, 0, 1, 0x78, 1, 0, 0, 0},
			fill(1<<20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)...)}),
	}
	// A compressed section that claims to be longer than the file.
	long := assemble(section{name: ".debug_abbrev", body: abbrevs}, section{name: ".debug_info", body: unitOf(fill(64<<20, 3)), swollen: 64<<20 + 22})
	heads := binary.LittleEndian.Uint64(long[40:])
	binary.LittleEndian.PutUint64(long[heads+2*64+32:], 1<<40)
	files["swollen, with a lie"] = long
	for name, file := range files {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, err := Read(file)
		runtime.ReadMemStats(&after)
		if took := int64(after.TotalAlloc - before.TotalAlloc); err != nil || took > 1<<30 {
			t.Errorf("%s: %v, %d MiB were allocated", name, err, took>>20)
		}
		if l != nil && strings.HasPrefix(name, "swollen") && len(l.functions)+len(l.scopes) > 0 {
			t.Errorf("%s: it was read", name)
		}
		if l != nil && (len(l.scopes) > maxScopes+1 || len(l.frames) > maxFrames) {
			t.Errorf("%s: %d scopes, %d frames", name, len(l.scopes), len(l.frames))
		}
	}
}

// TestHeadings refuses names of sections that are copied for every section.
func TestHeadings(t *testing.T) {
	many := make([]section, 100)
	for i := range many {
		many[i].name = string(bytes.Repeat([]byte{'x'}, 1000))
	}
	if l, err := Read(assemble(many...)); err == nil {
		t.Errorf("read as %v", l)
	}
}
