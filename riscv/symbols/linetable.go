package symbols

import (
	"path"
)

// Bounds of one line table; what has more of anything has no lines. The names of
// files may stand once and be referred to by a byte each.
const (
	maxPath    = 1024 // bytes of a name
	maxFiles   = 1 << 15
	maxFormats = 8 // of an entry; compilers use four
)

// lineTable reads the table of lines at an offset of .debug_line, DWARF 2 to 5,
// for a unit that was compiled in dir.
type lineTable struct {
	cursor
	names     []byte // .debug_line_str
	dir       string
	wide      bool // offsets have eight bytes
	version   uint64
	program   int // offset of the first instruction
	step      uint64
	lineBase  int
	lineRange int
	opcodes   int    // the first that is special
	lengths   []byte // how many numbers follow each opcode from 1 on
	dirs      []string
	files     []string
}

// header reads everything before the program; false when it is malformed.
func (t *lineTable) header() bool {
	size := t.uint(4)
	if t.wide = size == 0xffffffff; t.wide {
		size = t.uint(8)
	}
	if t.bad || size > uint64(len(t.b)-t.off) {
		return false
	}
	t.b = t.b[:t.off+int(size)]
	if t.version = t.uint(2); t.version < 2 || t.version > 5 {
		return false
	}
	if t.version == 5 {
		t.take(2) // sizes of addresses and of segment selectors
	}
	length := t.word()
	if t.bad || length > uint64(len(t.b)-t.off) {
		return false
	}
	t.program = t.off + int(length)
	t.step = t.uint(1)
	if t.version >= 4 {
		t.take(1) // operations of an instruction
	}
	t.take(1) // what a statement is
	t.lineBase, t.lineRange, t.opcodes = int(int8(t.uint(1))), int(t.uint(1)), int(t.uint(1))
	t.lengths = t.take(t.opcodes - 1)
	if t.bad || t.lineRange == 0 {
		return false
	}
	if t.version == 5 {
		t.dirs = t.entries(nil)
		t.files = t.entries(t.dirs)
	} else {
		t.old()
	}
	return !t.bad
}

// word reads an offset or a length.
func (t *lineTable) word() uint64 {
	if t.wide {
		return t.uint(8)
	}
	return t.uint(4)
}

// old reads directories and files before DWARF 5: lists that an empty name ends.
// Files are counted from 1.
func (t *lineTable) old() {
	t.dirs = append(t.dirs, t.dir)
	for !t.bad {
		d := t.text(maxPath)
		if d == "" {
			break
		}
		t.bad = t.bad || len(t.dirs) == maxFiles
		if !path.IsAbs(d) {
			d = beneath(t.dir, d)
		}
		t.dirs = append(t.dirs, d)
	}
	t.files = append(t.files, "")
	for !t.bad {
		name := t.text(maxPath)
		if name == "" {
			return
		}
		dir := t.uleb()
		t.uleb() // when it was changed
		t.uleb() // its size
		if dir >= uint64(len(t.dirs)) || len(t.files) >= maxFiles {
			t.bad = true
			return
		}
		t.files = append(t.files, beneath(t.dirs[dir], name))
	}
}

// The contents and the forms of an entry of DWARF 5.
const (
	linePath      = 1
	lineDirectory = 2

	formBlock    = 0x09
	formData1    = 0x0b
	formData2    = 0x05
	formData4    = 0x06
	formData8    = 0x07
	formData16   = 0x1e
	formString   = 0x08
	formUdata    = 0x0f
	formLineStrp = 0x1f
)

// entries reads one of the two lists of DWARF 5; dirs are those that the entries
// refer to.
func (t *lineTable) entries(dirs []string) (list []string) {
	formats := make([][2]uint64, t.uint(1))
	t.bad = t.bad || len(formats) > maxFormats
	for i := range formats {
		formats[i] = [2]uint64{t.uleb(), t.uleb()}
	}
	n := t.uleb()
	if n > maxFiles {
		t.bad = true
	}
	for ; n > 0 && !t.bad; n-- {
		name, dir := "", uint64(0)
		for _, f := range formats {
			text, number := t.value(f[1])
			switch f[0] {
			case linePath:
				name = text
			case lineDirectory:
				dir = number
			}
		}
		if dir < uint64(len(dirs)) {
			name = beneath(dirs[dir], name)
		}
		list = append(list, name)
	}
	return list
}

// value reads what an entry has, in one of the forms that compilers use.
func (t *lineTable) value(form uint64) (text string, number uint64) {
	switch form {
	case formString:
		text = t.text(maxPath)
	case formLineStrp:
		at := t.word()
		c := cursor{b: t.names}
		if c.off = int(at); at > uint64(len(t.names)) {
			t.bad = true
			return "", 0
		}
		text = c.text(maxPath)
	case formUdata:
		number = t.uleb()
	case formData1:
		number = t.uint(1)
	case formData2:
		number = t.uint(2)
	case formData4:
		number = t.uint(4)
	case formData8:
		number = t.uint(8)
	case formData16:
		t.take(16)
	case formBlock:
		t.take(int(min(t.uleb(), 1<<30)))
	default:
		t.bad = true
	}
	return text, number
}

// beneath joins the names of a directory and of something in it.
func beneath(dir, name string) string {
	if dir == "" || name == "" || path.IsAbs(name) {
		return name
	}
	if dir[len(dir)-1] == '/' {
		return dir + name
	}
	return dir + "/" + name
}

// The instructions of a line program; those from opcodes on are special, and
// behind a zero are extended ones.
const (
	lineCopy        = 1
	lineAdvancePC   = 2
	lineAdvanceLine = 3
	lineSetFile     = 4
	lineConstAddPC  = 8
	lineFixedAdd    = 9

	lineEndSequence = 1
	lineSetAddress  = 2
)

// run executes the program and gives every row to emit, until that is false.
func (t *lineTable) run(emit func(pc uint64, file, line int, end bool) bool) {
	if t.program < t.off {
		return
	}
	t.off = t.program
	pc, file, line := uint64(0), 1, 1
	for t.more() {
		op := int(t.uint(1))
		switch {
		case op >= t.opcodes:
			op -= t.opcodes
			pc += t.step * uint64(op/t.lineRange)
			line += t.lineBase + op%t.lineRange
			if !emit(pc, file, line, false) {
				return
			}
		case op == 0:
			size := t.uleb()
			if size > uint64(len(t.b)-t.off) {
				return
			}
			x := cursor{b: t.take(int(size))}
			switch x.uint(1) {
			case lineEndSequence:
				if !emit(pc, file, line, true) {
					return
				}
				pc, file, line = 0, 1, 1
			case lineSetAddress:
				pc = x.uint(min(len(x.b)-x.off, 8))
			}
		case op == lineCopy:
			if !emit(pc, file, line, false) {
				return
			}
		case op == lineAdvancePC:
			pc += t.step * t.uleb()
		case op == lineAdvanceLine:
			line += int(t.sleb())
		case op == lineSetFile:
			file = int(min(t.uleb(), maxFiles))
		case op == lineConstAddPC:
			pc += t.step * uint64((255-t.opcodes)/t.lineRange)
		case op == lineFixedAdd:
			pc += t.uint(2)
		default:
			for range t.lengths[op-1] {
				t.uleb()
			}
		}
	}
}
