package elf

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Symbol is a named address. Size may be 0 when the file does not tell.
type Symbol struct {
	Name    string
	Addr    uint64
	Size    uint64
	Func    bool
	Object  bool   // data
	Section uint16 // the number of the section that it lies in
}

const (
	maxSections = 4096
	maxName     = 4096 // bytes; symbols with longer names are left out
)

// Names returns the symbols of a file, with addresses as the file has them. It
// reads nothing else of it.
func Names(b []byte) ([]Symbol, error) {
	v, err := identify(b)
	if err != nil {
		return nil, err
	}
	return symbols(v)
}

// symbols reads the symbol table, if there is one. A table that is there but
// points outside the file is an error.
func symbols(v view) ([]Symbol, error) {
	c := v.class
	n := uint64(v.half(v.b, c.shnum))
	if n == 0 || v.addr(v.b, c.shoff) == 0 {
		return nil, nil
	}
	if n > maxSections || int(v.half(v.b, c.shentsize)) != c.shent {
		return nil, errors.New("bad section header size or count")
	}
	heads, ok := part(v.b, v.addr(v.b, c.shoff), n*uint64(c.shent))
	if !ok {
		return nil, errors.New("truncated section headers")
	}
	for h := heads; len(h) > 0; h = h[c.shent:] {
		if v.word(h, 4) != sectSymtab {
			continue
		}
		table, ok := part(v.b, v.addr(h, c.sOffset), v.addr(h, c.sSize))
		link := uint64(v.word(h, c.sLink))
		if !ok || link >= n {
			return nil, errors.New("truncated symbol table")
		}
		s := heads[link*uint64(c.shent):]
		names, ok := part(v.b, v.addr(s, c.sOffset), v.addr(s, c.sSize))
		if !ok {
			return nil, errors.New("truncated symbol names")
		}
		return readSymbols(v, table, names), nil
	}
	return nil, nil
}

// readSymbols keeps defined, named symbols that are functions, objects or plain
// labels.
func readSymbols(v view, table, names []byte) []Symbol {
	c := v.class
	var list []Symbol
	all := string(names) // one copy that all names share
	for ; len(table) >= c.sym; table = table[c.sym:] {
		kind := table[c.symInfo] & 15
		if kind > 2 || v.half(table, c.symSection) == 0 {
			continue
		}
		at := uint64(v.word(table, 0))
		if at >= uint64(len(names)) {
			continue
		}
		name := all[at:min(uint64(len(all)), at+maxName)]
		end := strings.IndexByte(name, 0)
		if end <= 0 || name[0] == '$' {
			continue // no name, or a mapping symbol of the assembler
		}
		list = append(list, Symbol{
			Name: name[:end], Func: kind == 2, Object: kind == 1, Section: v.half(table, c.symSection),
			Addr: v.addr(table, c.symValue), Size: v.addr(table, c.symSize),
		})
	}
	slices.SortStableFunc(list, func(x, y Symbol) int { return cmp.Compare(x.Addr, y.Addr) })
	return list
}
