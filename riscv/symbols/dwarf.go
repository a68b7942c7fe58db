package symbols

import (
	"cmp"
	"debug/dwarf"
	"path"
	"slices"
)

// scope is a function, or one place where a function was inlined. Names that an
// entry does not have itself are those of its origin, which may come later in the
// file, so they are resolved at the end.
type scope struct {
	name     string
	linkage  string
	callFile string // where it was inlined
	callLine int
	children []span // what was inlined into it
	origin   dwarf.Offset
}

// span is a range of addresses that belongs to a scope.
type span struct {
	low, high uint64
	scope     int32
}

// row begins the instructions of one source line.
type row struct {
	pc   uint64
	file string
	line int
}

// sequence is a run of rows without gaps. Rows of different sequences must not be
// mixed: a linker that drops a function leaves its rows behind, at address 0, and
// they reach into the addresses of others.
type sequence struct {
	low, high uint64
	rows      []row
}

// names returns the name of the source and, if it differs, the linker's.
func (s *scope) names() (name, system string) {
	if mangled(s.linkage) {
		return Readable(s.linkage), s.linkage
	}
	return s.name, other(s.linkage, s.name)
}

// scopesAt returns the chain of scopes at pc, the concrete function first.
func (l *Lines) scopesAt(pc uint64) (chain []span) {
	list := l.functions
	for len(list) > 0 && len(chain) < maxNesting {
		s, ok := within(list, pc)
		if !ok {
			break
		}
		chain = append(chain, s)
		list = l.scopes[s.scope].children
	}
	return chain
}

// within finds the span of a sorted list that holds pc. Spans of a proper file
// do not overlap; where they do, a few are tried.
func within(list []span, pc uint64) (span, bool) {
	i, _ := slices.BinarySearchFunc(list, pc, func(s span, pc uint64) int {
		if s.low <= pc {
			return -1
		}
		return 1
	})
	for k := i - 1; k >= 0 && k >= i-8; k-- {
		if list[k].high > pc {
			return list[k], true
		}
	}
	return span{}, false
}

// row returns the source line at pc.
func (l *Lines) row(pc uint64) (file string, line int) {
	i, _ := slices.BinarySearchFunc(l.sequences, pc, func(s sequence, pc uint64) int {
		if s.low <= pc {
			return -1
		}
		return 1
	})
	for k := i - 1; k >= 0 && k >= i-8; k-- {
		s := &l.sequences[k]
		if s.high <= pc {
			continue
		}
		n, _ := slices.BinarySearchFunc(s.rows, pc, func(r row, pc uint64) int {
			if r.pc <= pc {
				return -1
			}
			return 1
		})
		if n > 0 {
			return s.rows[n-1].file, s.rows[n-1].line
		}
	}
	return "", 0
}

// dwarfReader is the state of one pass over the debug information, entry by
// entry, in the order of the file.
type dwarfReader struct {
	l      *Lines
	d      *dwarf.Data
	table  []byte                 // .debug_line
	texts  []byte                 // .debug_line_str
	names  map[dwarf.Offset]scope // of functions that others refer to
	lines  map[int64][]string     // files of the line tables that were read
	files  []string               // of the present unit
	header int                    // bytes of text in its own entry
	dir    string                 // where it was compiled
	paths  map[string]string      // whole paths of its files

	// What has been read, see the bounds.
	rows, spans, kept, copied, tables int
}

// readDWARF adds functions and lines. It keeps what it has read when it comes to
// something malformed.
func (l *Lines) readDWARF(f *sections) {
	r := &dwarfReader{l: l, names: map[dwarf.Offset]scope{}, lines: map[int64][]string{}}
	info, abbrev := f.data(".debug_info"), f.data(".debug_abbrev")
	r.table, r.texts = f.data(".debug_line"), f.data(".debug_line_str")
	if !plain(info, abbrev) {
		return
	}
	var err error
	r.d, err = dwarf.New(abbrev, nil, nil, info, nil, nil, ranges(f, ".debug_ranges"), cut(f.data(".debug_str")))
	if err != nil {
		return
	}
	for name, b := range map[string][]byte{
		".debug_addr": f.data(".debug_addr"), ".debug_line_str": cut(slices.Clone(r.texts)),
		".debug_str_offsets": f.data(".debug_str_offsets"), ".debug_rnglists": ranges(f, ".debug_rnglists"),
	} {
		if b != nil {
			if err := r.d.AddSection(name, b); err != nil {
				return
			}
		}
	}
	r.collect(min(len(info), maxEntries))
	l.settle(r.names)
}

// ranges returns a section of them, which is small: one list is read at once.
func ranges(f *sections, name string) []byte {
	if b := f.data(name); len(b) <= maxRanges {
		return b
	}
	return nil
}

// collect runs the pass; a panic of the reader ends it as an error does. Every
// entry has a byte at least, but the reader returns for ever the end of a list
// where a number is cut off, so size bounds their count.
func (r *dwarfReader) collect(size int) {
	defer func() { _ = recover() }()
	entries := r.d.Reader()
	var stack []int32 // the scope that each open entry belongs to; -1 for none
	for range size {
		e, err := entries.Next()
		if err != nil || e == nil {
			return
		}
		if r.copied += textOf(e); r.copied > maxCopied || r.kept > maxKept || len(r.names) > maxScopes {
			return
		}
		if e.Tag == 0 {
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			continue
		}
		parent := int32(-1)
		if len(stack) > 0 {
			parent = stack[len(stack)-1]
		}
		own := parent
		switch e.Tag {
		case dwarf.TagCompileUnit, dwarf.TagPartialUnit:
			// A unit begins anew, whatever a malformed one before it left open.
			stack, own = stack[:0], -1
			r.unit(e)
		case dwarf.TagSubprogram:
			own = r.function(e)
		case dwarf.TagInlinedSubroutine:
			own = r.inlined(e, parent)
		}
		if len(r.l.scopes) > maxScopes || len(stack) > maxNesting*maxNesting {
			return
		}
		if e.Children {
			stack = append(stack, own)
		}
	}
}

// textOf returns how many bytes of text were copied into an entry.
func textOf(e *dwarf.Entry) (n int) {
	for i := range e.Field {
		if text, ok := e.Field[i].Val.(string); ok {
			n += len(text)
		}
	}
	return n
}

// unit reads the lines of a compilation unit, once for units that share them.
func (r *dwarfReader) unit(e *dwarf.Entry) {
	r.files, r.paths, r.header = nil, map[string]string{}, textOf(e)
	r.dir, _ = e.Val(dwarf.AttrCompDir).(string)
	at, ok := e.Val(dwarf.AttrStmtList).(int64)
	if !ok || at < 0 || at > int64(len(r.table)) {
		return
	}
	if r.files, ok = r.lines[at]; ok {
		return
	}
	t := lineTable{cursor: cursor{b: r.table, off: int(at)}, names: r.texts, dir: r.dir}
	if !t.header() {
		return
	}
	// Tables of a proper file do not overlap.
	if r.tables += len(t.b) - int(at); r.tables > len(r.table)+maxHeadings {
		return
	}
	r.files, r.lines[at] = t.files, t.files
	for _, name := range t.files {
		r.kept += len(name)
	}
	r.sequences(&t)
}

// sequences reads the rows of one line program.
func (r *dwarfReader) sequences(t *lineTable) {
	var s sequence
	t.run(func(pc uint64, file, line int, end bool) bool {
		if r.rows++; r.rows > maxRows {
			return false
		}
		if end {
			// Functions that the linker dropped stay behind, at address 0.
			if s.high = pc; len(s.rows) > 0 && s.low >= r.l.floor && s.high > s.low {
				r.l.sequences = append(r.l.sequences, s)
			}
			s = sequence{}
			return true
		}
		if len(s.rows) == 0 {
			s.low = pc
		}
		s.rows = append(s.rows, row{pc, r.file(file), line})
		return true
	})
}

// file returns the whole name of one of the present unit's files.
func (r *dwarfReader) file(n int) string {
	if n < 0 || n >= len(r.files) {
		return ""
	}
	return r.path(r.files[n])
}

// path returns the whole name of a file.
func (r *dwarfReader) path(name string) string {
	if name == "" || path.IsAbs(name) {
		return name
	}
	whole, ok := r.paths[name]
	if !ok {
		whole = path.Join(r.dir, name)
		r.paths[name] = whole
		r.kept += len(whole)
	}
	return whole
}

// guardSize is the end of the page that holds no code.
const guardSize = 4096

// function notes a function and, if it has code, opens a scope for it.
func (r *dwarfReader) function(e *dwarf.Entry) int32 {
	s := r.named(e)
	r.names[e.Offset] = s
	n := r.open(e, s)
	if n < 0 {
		return -1
	}
	r.l.functions = r.ranges(r.l.functions, e, n)
	return n
}

// inlined opens a scope inside that of the function it was inlined into.
func (r *dwarfReader) inlined(e *dwarf.Entry, parent int32) int32 {
	if parent < 0 {
		return -1
	}
	s := r.named(e)
	if k, ok := e.Val(dwarf.AttrCallFile).(int64); ok && k >= 0 && k < int64(len(r.files)) {
		s.callFile = r.file(int(k))
	}
	if k, ok := e.Val(dwarf.AttrCallLine).(int64); ok {
		s.callLine = int(k)
	}
	n := r.open(e, s)
	if n < 0 {
		return parent
	}
	p := &r.l.scopes[parent]
	p.children = r.ranges(p.children, e, n)
	return n
}

// named reads the names of an entry, and where to look for those that it lacks.
func (r *dwarfReader) named(e *dwarf.Entry) scope {
	var s scope
	s.name, _ = e.Val(dwarf.AttrName).(string)
	s.linkage, _ = e.Val(dwarf.AttrLinkageName).(string)
	r.kept += len(s.name) + len(s.linkage)
	if s.origin, _ = e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset); s.origin == 0 {
		s.origin, _ = e.Val(dwarf.AttrSpecification).(dwarf.Offset)
	}
	return s
}

// open adds a scope if the entry has code; -1 says that it has none.
func (r *dwarfReader) open(e *dwarf.Entry, s scope) int32 {
	if e.Val(dwarf.AttrLowpc) == nil && e.Val(dwarf.AttrRanges) == nil {
		return -1
	}
	r.l.scopes = append(r.l.scopes, s)
	return int32(len(r.l.scopes) - 1)
}

// ranges appends the addresses of an entry, which belong to scope n.
func (r *dwarfReader) ranges(list []span, e *dwarf.Entry, n int32) []span {
	// A list of ranges is read together with the unit's entry, and as often as it is
	// referred to.
	if r.copied += r.header; r.spans > maxSpans || r.copied > maxCopied {
		return list
	}
	ranges, err := r.d.Ranges(e)
	if r.spans += len(ranges); err != nil {
		return list
	}
	for _, g := range ranges {
		if g[0] >= r.l.floor && g[1] > g[0] {
			list = append(list, span{g[0], g[1], n})
		}
	}
	return list
}

// settle resolves names and sorts everything for look-ups.
func (l *Lines) settle(names map[dwarf.Offset]scope) {
	byLow := func(x, y span) int { return cmp.Or(cmp.Compare(x.low, y.low), cmp.Compare(y.high, x.high)) }
	slices.SortStableFunc(l.functions, byLow)
	slices.SortStableFunc(l.sequences, func(x, y sequence) int { return cmp.Compare(x.low, y.low) })
	for i := range l.scopes {
		s := &l.scopes[i]
		slices.SortStableFunc(s.children, byLow)
		for at, hops := s.origin, 0; at != 0 && hops < 8; hops++ {
			o, ok := names[at]
			if !ok {
				break
			}
			if s.name == "" {
				s.name = o.name
			}
			if s.linkage == "" {
				s.linkage = o.linkage
			}
			at = o.origin
		}
	}
	for i := range l.sequences {
		slices.SortStableFunc(l.sequences[i].rows, func(x, y row) int { return cmp.Compare(x.pc, y.pc) })
	}
}
